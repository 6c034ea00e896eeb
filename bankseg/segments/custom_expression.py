"""Expressions of the bank's own attributes: a small typed language over the roll, read by SQL and by a plain reader that agree."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from bankseg.domain.errors import InputError
from bankseg.segments.attributes import Type
from bankseg.segments.compiler import DIALECT

AS_OF = "as_of"  # the date of the roll, in an expression like a column
MOST_CHARACTERS, MOST_NODES = 1_000, 120
LARGEST = 1e15  # of a number written in an expression
ARITHMETIC: tuple[type[exp.Expr], ...] = (exp.Add, exp.Sub, exp.Mul, exp.Div)
ORDERED: tuple[type[exp.Expr], ...] = (exp.GT, exp.GTE, exp.LT, exp.LTE)
COMPARED: tuple[type[exp.Expr], ...] = (exp.EQ, exp.NEQ, *ORDERED)
WORDS = "columns, numbers, texts, dates, + - * /, comparisons, and, or, not, in, between, is null, case, coalesce, least, greatest, nullif, abs, floor, ceil"
REMEDY = f"write it with {WORDS}"


Known = Type | Literal["null"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression: its text, its tree, the attributes it reads and the type it gives.

    Examples
    --------
    >>> found = checked("debt_minor / nullif(value_12m_minor, 0)", {"debt_minor": "number", "value_12m_minor": "number"})
    >>> found.type, sorted(found.reads)
    ('number', ['debt_minor', 'value_12m_minor'])
    """

    text: str
    tree: exp.Expr
    reads: frozenset[str]
    type: Type


def type_of_column(kind: str) -> Type:
    """Type of an attribute from the type of its column in the roll.

    >>> type_of_column("BIGINT"), type_of_column("VARCHAR"), type_of_column("DECIMAL(18,3)")
    ('number', 'category', 'number')
    """
    if kind == "BOOLEAN":
        return "boolean"
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        return "date"
    return "category" if kind.startswith(("VARCHAR", "ENUM")) else "number"


def checked(text: str, types: Mapping[str, Type]) -> Expression:
    """Read an expression over attributes of these types.

    Raises
    ------
    InputError
        When it cannot be read, uses anything outside the language, names an unknown attribute, or its types do not fit.
    """
    source = text.strip()
    if not source or len(source) > MOST_CHARACTERS:
        raise InputError(f"an expression of {len(source)} characters", f"1 to {MOST_CHARACTERS}", REMEDY)
    try:
        trees = [tree for tree in sqlglot.parse(source, dialect=DIALECT) if tree is not None]
    except SqlglotError as error:
        raise InputError(f"the expression cannot be read: {str(error).splitlines()[0][:200]}", "one expression", REMEDY) from error
    if len(trees) != 1:
        raise InputError(f"{len(trees)} expressions", "one expression", REMEDY)
    tree = trees[0]
    if sum(1 for _ in tree.walk()) > MOST_NODES:
        raise InputError("an expression that is too long to be understood", f"{MOST_NODES} parts or fewer", "make two attributes of it")
    found = _type(tree, {**types, AS_OF: "date"})
    if found == "null":
        raise InputError("an expression that is always missing", "an expression with a value", REMEDY)
    reads = frozenset(column.name for column in tree.find_all(exp.Column)) - {AS_OF}
    if not reads:
        raise InputError("an expression that reads no attribute", "at least one attribute of the catalogue", "name one")
    return Expression(source, tree, reads, found)


def _type(node: exp.Expr, types: Mapping[str, Type]) -> Known:
    """Type of a part, `null` for a bare null; everything outside the language is refused."""
    rule = next((rule for kinds, rule in _RULES if isinstance(node, kinds)), None)
    if rule is None:
        raise InputError(f"{node.sql(dialect=DIALECT)[:60]!r} is not part of the language", WORDS, "write it otherwise")
    return rule(node, types)


def _column(node: exp.Expr, types: Mapping[str, Type]) -> Known:
    if isinstance(node, exp.Column) and len(node.parts) == 1 and node.name in types:
        return types[node.name]
    raise InputError(f"{node.sql(dialect=DIALECT)[:60]!r} is no attribute you may read", "an attribute of the catalogue", "look it up under Attributes")


def _cast(node: exp.Expr, types: Mapping[str, Type]) -> Known:
    del types
    if not isinstance(node.this, exp.Literal) or not node.this.is_string or not node.args["to"].is_type("date") or not _plain(node, {"this", "to"}):
        raise InputError(f"{node.sql(dialect=DIALECT)[:60]!r} changes a type", "a date such as DATE '2025-12-31'", "write it otherwise")
    _day(node.this.name)
    return "date"


def _alone(node: exp.Expr, types: Mapping[str, Type]) -> Known:
    if not _plain(node, {"this"}):
        raise InputError(f"{node.sql(dialect=DIALECT)[:60]!r} has more than one part", "one number", "write it otherwise")
    return _each("number", [node.this], types, node)


def _is_null(node: exp.Expr, types: Mapping[str, Type]) -> Known:
    if not isinstance(node.expression, exp.Null):
        raise InputError(f"{node.sql(dialect=DIALECT)[:60]!r}", "is null or is not null", "compare with =")
    _type(node.this, types)
    return "boolean"


def _in(node: exp.Expr, types: Mapping[str, Type]) -> Known:
    if not node.expressions or not _plain(node, {"this", "expressions"}):
        raise InputError(f"{node.sql(dialect=DIALECT)[:60]!r}", "a list of values", "write the values out")
    _same([node.this, *node.expressions], types, node)
    return "boolean"


def _between(node: exp.Expr, types: Mapping[str, Type]) -> Known:
    if not _plain(node, {"this", "low", "high"}):
        raise InputError(f"{node.sql(dialect=DIALECT)[:60]!r}", "between two values", "write it otherwise")
    _same([node.this, node.args["low"], node.args["high"]], types, node, is_ordered=True)
    return "boolean"


def _comparison(node: exp.Expr, types: Mapping[str, Type]) -> Known:
    _same([node.this, node.expression], types, node, is_ordered=isinstance(node, ORDERED))
    return "boolean"


def _choice(node: exp.Expr, types: Mapping[str, Type]) -> Known:
    return _same([node.this, *node.expressions], types, node, is_ordered=not isinstance(node, exp.Coalesce))


def _plain(node: exp.Expr, known: set[str]) -> bool:
    """Whether a part has these arguments and no other."""
    return all(name in known or not value for name, value in node.args.items())


def _literal(node: exp.Expr, types: Mapping[str, Type]) -> Known:
    del types
    if node.is_string:
        return "category"
    if not abs(float(node.name)) <= LARGEST:
        raise InputError(f"the number {node.name[:30]}", f"at most {LARGEST:.0e}", "use a smaller unit")
    return "number"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"the date {text[:20]!r}", "a date such as DATE '2025-12-31'", "correct it") from error


def _arithmetic(node: exp.Expr, types: Mapping[str, Type]) -> Known:
    left, right = _type(node.this, types), _type(node.expression, types)
    if isinstance(node, exp.Sub) and left == right == "date":
        return "number"  # days
    return _each("number", [node.this, node.expression], types, node)


def _each(wanted: Type, parts: list[exp.Expr], types: Mapping[str, Type], node: exp.Expr) -> Type:
    for part in parts:
        found = _type(part, types)
        if found not in {wanted, "null"}:
            raise InputError(f"{part.sql(dialect=DIALECT)[:60]!r} is a {found} in {node.sql(dialect=DIALECT)[:60]!r}", f"a {wanted}", "correct the expression")
    return wanted


def _same(parts: list[exp.Expr], types: Mapping[str, Type], node: exp.Expr, *, is_ordered: bool = False) -> Known:
    found: set[Known] = {_type(part, types) for part in parts} - {"null"}
    if len(found) > 1 or (is_ordered and found & {"category", "boolean"}):
        told = " and ".join(sorted(found))
        wanted = "numbers or dates of one kind" if is_ordered else "values of one kind"
        raise InputError(f"{node.sql(dialect=DIALECT)[:60]!r} puts {told} together", wanted, "correct the expression")
    return next(iter(found), "null")


def _case(node: exp.Expr, types: Mapping[str, Type]) -> Known:
    if node.args.get("this") is not None:
        raise InputError("a case that names a value first", "case when ... then ... else ... end", "write the comparison after when")
    branches = node.args["ifs"]
    _each("boolean", [branch.this for branch in branches], types, node)
    default = node.args.get("default")
    return _same([*(branch.args["true"] for branch in branches), *([default] if default is not None else [])], types, node)


_RULES: tuple[tuple[tuple[type[exp.Expr], ...], Callable[[exp.Expr, Mapping[str, Type]], Known]], ...] = (
    ((exp.Paren,), lambda node, types: _type(node.this, types)),
    ((exp.Column,), _column),
    ((exp.Null,), lambda _node, _types: "null"),
    ((exp.Boolean,), lambda _node, _types: "boolean"),
    ((exp.Literal,), _literal),
    ((exp.TryCast,), _column),  # a cast of another name: refused
    ((exp.Cast,), _cast),
    ((exp.Neg, exp.Abs, exp.Floor, exp.Ceil), _alone),
    (ARITHMETIC, _arithmetic),
    ((exp.And, exp.Or), lambda node, types: _each("boolean", [node.this, node.expression], types, node)),
    ((exp.Not,), lambda node, types: _each("boolean", [node.this], types, node)),
    ((exp.Is,), _is_null),
    ((exp.In,), _in),
    ((exp.Between,), _between),
    ((exp.Nullif,), lambda node, types: _same([node.this, node.expression], types, node)),
    ((exp.Case,), _case),
    (COMPARED, _comparison),
    ((exp.Coalesce, exp.Least, exp.Greatest), _choice),
)
