"""The two readers of an own attribute's expression: SQL over the roll, and plain Python for one client; null means the same to both."""

import math
import operator
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from sqlglot import exp

from bankseg.segments.compiler import DIALECT
from bankseg.segments.custom_expression import AS_OF, Expression

SQL_TYPES = {"number": "double", "boolean": "boolean", "category": "varchar", "date": "date"}


def as_sql(expression: Expression, as_of: date, types: Mapping[str, str]) -> str:
    """The expression as SQL of its type over the roll: numbers as doubles, a division by nothing and whatever cannot be computed null."""

    def settled(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column) and node.name == AS_OF:
            return exp.cast(exp.Literal.string(as_of.isoformat()), "date")
        if isinstance(node, exp.Column):
            column = exp.column(node.name, quoted=True)
            return exp.cast(column, "double") if types.get(node.name) == "number" else column
        if isinstance(node, exp.Literal) and not node.is_string:
            return exp.cast(node, "double")
        if isinstance(node, exp.Div):
            return exp.Div(this=exp.paren(node.this), expression=exp.Nullif(this=node.expression, expression=exp.cast(exp.Literal.number(0), "double")))
        return node

    body = exp.Anonymous(this="TRY", expressions=[_rewritten(expression.tree, settled)])
    return exp.cast(body, SQL_TYPES[expression.type]).sql(dialect=DIALECT)


def value_for(expression: Expression, client: Mapping[str, Any], as_of: date) -> Any:  # a number, text, date, truth or None
    """The value for one client; None where an input that matters is missing or the result cannot be computed."""
    try:
        found = _value(expression.tree, {**client, AS_OF: as_of})
    except OverflowError:
        return None
    return float(found) if expression.type == "number" and found is not None else found


def _rewritten(node: exp.Expr, change: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """The tree with every part changed, the innermost first; a changed part is not looked into again."""
    copied = node.copy()
    for name, value in list(copied.args.items()):
        if isinstance(copied, exp.Column):
            break
        if isinstance(value, exp.Expr) and not isinstance(value, exp.Identifier | exp.DataType):
            copied.set(name, _rewritten(value, change))
        elif isinstance(value, list):
            copied.set(name, [_rewritten(one, change) if isinstance(one, exp.Expr) else one for one in value])
    return change(copied)


def _value(node: exp.Expr, client: Mapping[str, Any]) -> Any:  # as above
    return _READERS[type(node)](node, client)


def _literal(node: exp.Expr, client: Mapping[str, Any]) -> str | float:
    del client
    return str(node.name) if node.is_string else float(node.name)


def _parts(node: exp.Expr, client: Mapping[str, Any]) -> list[Any]:  # values of one kind
    """The known values among several."""
    return [value for part in (node.this, *node.expressions) if (value := _value(part, client)) is not None]


def _nullif(node: exp.Expr, client: Mapping[str, Any]) -> Any:  # as above
    left, right = _value(node.this, client), _value(node.expression, client)
    return None if left is not None and left == right else left


def _in(node: exp.Expr, client: Mapping[str, Any]) -> bool | None:
    sought, options = _value(node.this, client), [_value(option, client) for option in node.expressions]
    if sought is None:
        return None
    return True if sought in [one for one in options if one is not None] else None if None in options else False


def _between(node: exp.Expr, client: Mapping[str, Any]) -> bool | None:
    value, low, high = _value(node.this, client), _value(node.args["low"], client), _value(node.args["high"], client)
    return _all([None if one is None or other is None else one <= other for one, other in ((low, value), (value, high))])


def _unary(node: exp.Expr, client: Mapping[str, Any]) -> Any:  # as above
    found = _value(node.this, client)
    return None if found is None else _UNARY[type(node)](found)


def _comparison(node: exp.Expr, client: Mapping[str, Any]) -> bool | None:
    left, right = _value(node.this, client), _value(node.expression, client)
    return None if left is None or right is None else _COMPARE[type(node)](left, right)


def _arithmetic(node: exp.Expr, client: Mapping[str, Any]) -> float | None:
    left, right = _value(node.this, client), _value(node.expression, client)
    if left is None or right is None or (isinstance(node, exp.Div) and right == 0):
        return None
    if isinstance(left, date):
        return float((left - right).days)
    found = _ARITHMETIC[type(node)](float(left), float(right))
    if not math.isfinite(found):
        raise OverflowError
    return found


def _both(node: exp.Expr, client: Mapping[str, Any]) -> bool | None:
    values = [_value(node.this, client), _value(node.expression, client)]
    if isinstance(node, exp.And):
        return _all(values)
    return True if True in values else None if None in values else False


def _all(values: list[bool | None]) -> bool | None:
    return False if False in values else None if None in values else True


def _chosen(node: exp.Expr, client: Mapping[str, Any]) -> Any:  # as above
    for branch in node.args["ifs"]:
        if _value(branch.this, client) is True:
            return _value(branch.args["true"], client)
    default = node.args.get("default")
    return None if default is None else _value(default, client)


_UNARY: dict[type[exp.Expr], Callable[[Any], Any]] = {
    exp.Not: operator.not_, exp.Neg: operator.neg, exp.Abs: abs, exp.Floor: math.floor, exp.Ceil: math.ceil,
}  # fmt: skip
_COMPARE: dict[type[exp.Expr], Callable[[Any, Any], bool]] = {
    exp.EQ: operator.eq, exp.NEQ: operator.ne, exp.GT: operator.gt, exp.GTE: operator.ge, exp.LT: operator.lt, exp.LTE: operator.le,
}  # fmt: skip
_ARITHMETIC: dict[type[exp.Expr], Callable[[float, float], float]] = {
    exp.Add: operator.add, exp.Sub: operator.sub, exp.Mul: operator.mul, exp.Div: operator.truediv,
}  # fmt: skip
_READERS: dict[type[exp.Expr], Callable[[exp.Expr, Mapping[str, Any]], Any]] = {
    exp.Paren: lambda node, client: _value(node.this, client),
    exp.Column: lambda node, client: client.get(node.name),
    exp.Null: lambda _node, _client: None,
    exp.Boolean: lambda node, _client: bool(node.this),
    exp.Literal: _literal,
    exp.Cast: lambda node, _client: date.fromisoformat(node.this.name),
    exp.And: _both, exp.Or: _both, exp.In: _in, exp.Between: _between, exp.Case: _chosen, exp.Nullif: _nullif,
    exp.Is: lambda node, client: _value(node.this, client) is None,
    exp.Coalesce: lambda node, client: next(iter(_parts(node, client)), None),
    exp.Least: lambda node, client: min(_parts(node, client), default=None),
    exp.Greatest: lambda node, client: max(_parts(node, client), default=None),
    **dict.fromkeys(_UNARY, _unary), **dict.fromkeys(_COMPARE, _comparison), **dict.fromkeys(_ARITHMETIC, _arithmetic),
}  # fmt: skip
