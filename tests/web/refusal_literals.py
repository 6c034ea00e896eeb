"""What the source says when it refuses: every literal handed to an error, as a sentence with numbered places."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "bankseg"
PARTS = ("found", "expected", "remedy")
ALIKE = frozenset({"Fault"})  # made of the same parts, and no error
PLACE = "\0"  # stands for a value until the places are numbered


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an expression stands, and the names that are being looked up already."""

    tree: ast.Module
    function: ast.FunctionDef | None = None
    asked: frozenset[str] = frozenset()


def error_classes() -> set[str]:
    """Names of the classes made of found, expected and remedy; one with a constructor of its own is read in that constructor."""
    classes = {node.name: node for path in PACKAGE.rglob("*.py") for node in ast.walk(_tree(path)) if isinstance(node, ast.ClassDef)}
    known = {"BanksegError"}
    while grown := {name for name, node in classes.items() if name not in known and {ast.unparse(base) for base in node.bases} & known}:
        known |= grown
    return ALIKE | {name for name in known if name == "BanksegError" or not any(_is_constructor(one) for one in classes[name].body)}


def sentences(path: Path, classes: set[str]) -> Iterator[str]:
    """Each sentence of a module's errors."""
    tree = _tree(path)
    for function, call in _calls(tree):
        if _name(call.func) in classes or (ast.unparse(call.func) == "super().__init__" and _is_constructor(function)):
            for given in _given(call):
                said = {_numbered(text) for text in _readings(given, Spot(tree, function))}
                yield from (text for text in said if any(letter.isalpha() for letter in text))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _calls(tree: ast.Module) -> tuple[tuple[ast.FunctionDef | None, ast.Call], ...]:
    return tuple(_within(tree, None))


def _within(node: ast.AST, function: ast.FunctionDef | None) -> Iterator[tuple[ast.FunctionDef | None, ast.Call]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield function, child
        yield from _within(child, child if isinstance(child, ast.FunctionDef) else function)


def _is_constructor(node: ast.AST | None) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args[:3], *(one.value for one in call.keywords if one.arg in PARTS)]


def _readings(node: ast.expr, spot: Spot) -> list[str]:
    """Every text an expression may be; what is known only when it runs is a place."""
    texts = [PLACE]
    match node:
        case ast.Constant(value=str(text)):
            texts = [text]
        case ast.JoinedStr(values=parts):
            texts = _joined([_readings(one, spot) for one in parts])
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            texts = _joined([_readings(left, spot), _readings(right, spot)])
        case ast.IfExp(body=one, orelse=other):
            texts = _readings(one, spot) + _readings(other, spot)
        case ast.BoolOp(op=ast.Or(), values=parts):
            texts = [text for one in parts for text in _readings(one, spot)]
        case ast.FormattedValue(value=ast.IfExp() as chosen, conversion=-1):
            texts = _readings(chosen, spot)
        case ast.FormattedValue(value=ast.Name(id=name), conversion=-1) if name not in spot.asked:
            texts = _set_within(name, replace(spot, asked=spot.asked | {name}))
        case ast.Name(id=name) if name not in spot.asked:
            texts = _named(name, replace(spot, asked=spot.asked | {name}))
    return texts or [PLACE]


def _joined(parts: list[list[str]]) -> list[str]:
    return ["".join(one) for one in product(*parts)]


def _named(name: str, spot: Spot) -> list[str]:
    """What a name stands for: text set in the function, what callers in the module hand over, a constant of the module."""
    taken = [one.arg for one in spot.function.args.args] if spot.function else []
    if name in taken and spot.function is not None and not _is_constructor(spot.function):
        at = taken.index(name) - (taken[0] == "self")
        calls = [(caller, call) for caller, call in _calls(spot.tree) if _name(call.func) == spot.function.name]
        return [text for caller, call in calls for text in _handed(call, at, name, replace(spot, function=caller))]
    return _set_within(name, spot) or [text for node in spot.tree.body for text in _set_by(node, name, spot)]


def _set_within(name: str, spot: Spot) -> list[str]:
    return [text for node in ast.walk(spot.function or ast.Module([], [])) for text in _set_by(node, name, spot)]


def _set_by(node: ast.AST, name: str, spot: Spot) -> list[str]:
    match node:
        case ast.Assign(targets=[ast.Name(id=known)], value=value) | ast.AnnAssign(target=ast.Name(id=known), value=ast.expr() as value) if known == name:
            return _readings(value, spot)
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(targets) == len(values):
            return [text for target, value in zip(targets, values, strict=True) if _name(target) == name for text in _readings(value, spot)]
        case ast.For(target=ast.Tuple(elts=targets), iter=ast.Tuple(elts=rows)) if name in (names := [_name(one) for one in targets]):
            return [text for row in rows if isinstance(row, ast.Tuple) for text in _readings(row.elts[names.index(name)], spot)]
    return []


def _handed(call: ast.Call, at: int, name: str, spot: Spot) -> list[str]:
    given = [one.value for one in call.keywords if one.arg == name] or call.args[at : at + 1]
    return [text for one in given for text in _readings(one, spot)]


def _numbered(text: str) -> str:
    """Places numbered in order, braces of the text itself doubled."""
    pieces = text.replace("{", "{{").replace("}", "}}").split(PLACE)
    return "".join(piece + (f"{{{at}}}" if at < len(pieces) - 1 else "") for at, piece in enumerate(pieces))
