"""What the source says when it refuses or reports: every literal handed to an error or a progress, as a sentence with numbered places."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "bankseg"
PARTS = ("found", "expected", "remedy")
ALIKE = {"Fault": True}  # made of the same parts, and no error
ELSEWHERE = {"RefusedSignInError"}  # the page of the sign-in has its own words for each of its reasons
REPORTS = {"progress", "told", "telling", "needs_space"}  # functions that are handed what work is doing, shown while it goes on
PLACE = "\0"  # stands for a value until the places are numbered


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an expression stands, and the names that are being looked up already."""

    path: Path
    function: ast.FunctionDef | None = None
    asked: frozenset[str] = frozenset()


def error_classes() -> dict[str, bool]:
    """Names of the classes that carry found, expected and remedy, and whether they are made of these; others have a constructor that says them."""
    classes = {node.name: node for path in PACKAGE.rglob("*.py") for node in ast.walk(_tree(path)) if isinstance(node, ast.ClassDef)}
    known = {"BanksegError"}
    while grown := {name for name, node in classes.items() if name not in known and {ast.unparse(base) for base in node.bases} & known}:
        known |= grown
    return ALIKE | {name: name == "BanksegError" or not any(_is_constructor(one) for one in classes[name].body) for name in known - ELSEWHERE}


def sentences(path: Path, classes: dict[str, bool]) -> Iterator[str]:
    """Each sentence of a module's errors and reports, and each phrase that fills a place of one."""
    for function, node in _within(path):
        spot = Spot(path, function)
        is_whole, given = _given(node, function, classes)
        for one in given:
            texts = [text for text in _readings(one, spot) if is_whole or " " in text] + _phrases(one, spot)
            yield from (said for said in map(_numbered, texts) if any(letter.isalpha() for letter in said))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _within(path: Path) -> tuple[tuple[ast.FunctionDef | None, ast.AST], ...]:
    """Every node of a module with the function it stands in."""
    return tuple(_below(_tree(path), None))


def _below(node: ast.AST, function: ast.FunctionDef | None) -> Iterator[tuple[ast.FunctionDef | None, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        yield function, child
        yield from _below(child, child if isinstance(child, ast.FunctionDef) else function)


def _callers(spot: Spot, name: str) -> list[tuple[Spot, ast.Call]]:
    """Calls of a module's function there and wherever the module or the function is imported."""
    return [(caller, call) for caller, call in _calls().get(name, []) if caller.path == spot.path or _module(spot.path) in _imports(caller.path)]


@cache
def _calls() -> dict[str, list[tuple[Spot, ast.Call]]]:
    found: dict[str, list[tuple[Spot, ast.Call]]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for function, node in _within(path):
            if isinstance(node, ast.Call):
                found.setdefault(_name(node.func), []).append((Spot(path, function), node))
    return found


@cache
def _imports(path: Path) -> set[str]:
    """Modules that a module imports, or imports from."""
    imports = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.ImportFrom) and node.module]
    return {name for node in imports for name in (node.module or "", *(f"{node.module}.{one.name}" for one in node.names))}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def _is_constructor(node: ast.AST | None) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _given(node: ast.AST, function: ast.FunctionDef | None, classes: dict[str, bool]) -> tuple[bool, list[ast.expr]]:
    """What a node hands to an error or a report, and whether as whole sentences."""
    match node:
        case ast.Dict(keys=keys, values=values):
            return True, [value for key, value in zip(keys, values, strict=True) if isinstance(key, ast.Constant) and key.value == "why"]
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(targets) == len(values):
            return True, [value for target, value in zip(targets, values, strict=True) if isinstance(target, ast.Attribute) and target.attr == "error"]
        case ast.Call(func=called, args=given, keywords=named):
            name, parts = _name(called), [*given[:3], *(one.value for one in named if one.arg in PARTS)]
            if name in classes:
                return classes[name], parts
            if name in REPORTS or (ast.unparse(called) == "super().__init__" and _is_constructor(function)):
                return True, parts
    return True, []


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
        case ast.Call(func=ast.Attribute(attr="join"), args=[ast.GeneratorExp(elt=one)]):
            texts = _readings(one, spot)
        case ast.Name(id=name) if name not in spot.asked:
            texts = _named(name, replace(spot, asked=spot.asked | {name}))
    return texts or [PLACE]


def _phrases(node: ast.expr, spot: Spot) -> list[str]:
    """Words of more than one that callers in the module hand over for a place of a sentence."""
    names = {one.value.id for one in ast.walk(node) if isinstance(one, ast.FormattedValue) and isinstance(one.value, ast.Name)}
    taken = {one.arg for one in spot.function.args.args} if spot.function else set()
    return [text for name in names & taken for text in _named(name, spot) if " " in text]


def _joined(parts: list[list[str]]) -> list[str]:
    return ["".join(one) for one in product(*parts)]


def _named(name: str, spot: Spot) -> list[str]:
    """What a name stands for: text set in the function, what callers in the module hand over, a constant of the module."""
    taken = [one.arg for one in spot.function.args.args] if spot.function else []
    if name in taken and spot.function is not None and not _is_constructor(spot.function):
        at = taken.index(name) - (taken[0] == "self")
        return [text for caller, call in _callers(spot, spot.function.name) for text in _handed(call, at, name, replace(caller, asked=spot.asked))]
    tree = _tree(spot.path)
    here = _set_within(name, spot) or [text for node in tree.body for text in _set_by(node, name, spot)]
    sources = [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.module and any(one.name == name for one in node.names)]
    paths = [PACKAGE.parent / f"{module.replace('.', '/')}.py" for module in sources if not here]
    return here or [text for path in paths if path.is_file() for text in _named(name, Spot(path, None, spot.asked))]


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
