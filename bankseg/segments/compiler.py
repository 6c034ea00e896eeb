"""The rule compiler: one rule tree becomes one SQL predicate, shared by membership, counts, lists and export."""

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlglot import exp

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.segment_rules import RELATIVE, AnyOf, Every, Not, Rule, Test

DIALECT = "duckdb"
OPERATORS = {"at_least": exp.GTE, "at_most": exp.LTE, "above": exp.GT, "below": exp.LT, "equals": exp.EQ}


def predicate(rule: Rule, columns: Collection[str]) -> exp.Expr:
    """SQL predicate of a rule over a table with these columns; never null, so that NOT means what it says.

    An attribute the table does not have is missing for every client (its extract was never loaded).

    Raises
    ------
    ConfigurationError
        When a value cannot be written in SQL.
    """
    match rule:
        case Every(()):
            return exp.true()
        case AnyOf(()):
            return exp.false()
        case Every(parts):
            return exp.paren(exp.and_(*(predicate(part, columns) for part in parts)))
        case AnyOf(parts):
            return exp.paren(exp.or_(*(predicate(part, columns) for part in parts)))
        case Not(part):
            return exp.not_(predicate(part, columns))
        case Test():
            return _test(rule, columns)


def first_match(rules: list[tuple[str, Rule | None]], columns: Collection[str]) -> exp.Expr:
    """CASE expression giving the code of the first rule that holds; the last entry has no rule and always holds."""
    if len(rules) == 1:
        return exp.Literal.string(rules[0][0])
    case = exp.Case()
    for code, rule in rules[:-1]:
        if rule is None:
            raise ConfigurationError(f"segment {code} has no rule but is not last", "a rule on every segment before the default")
        case = case.when(predicate(rule, columns), exp.Literal.string(code))
    return case.else_(exp.Literal.string(rules[-1][0]))


def _test(test: Test, columns: Collection[str]) -> exp.Expr:
    if test.attribute not in columns:
        return exp.true() if test.comparison == "is_missing" and test.value else exp.false()
    column = exp.column(test.attribute, quoted=True)
    if test.comparison == "is_missing":
        missing = column.is_(exp.null())
        return exp.paren(missing) if test.value else exp.not_(exp.paren(missing))
    return exp.Coalesce(this=exp.paren(_compared(test, column)), expressions=[exp.false()])


def _compared(test: Test, column: exp.Column) -> exp.Expr:
    match test.comparison:
        case "in":
            return exp.In(this=column, expressions=[_literal(value) for value in test.value])
        case "between":
            low, high = (_literal(value) for value in test.value)
            return exp.Between(this=column, low=low, high=high)
        case "starts_with":
            return exp.StartsWith(this=column, expression=_literal(test.value))
        case comparison if comparison in RELATIVE:
            raise ConfigurationError(f"{test.attribute} {comparison} has not been settled", "a rule without relative comparisons", "settle it first")
        case comparison:
            return OPERATORS[comparison](this=column, expression=_literal(test.value))


def _literal(value: Any) -> exp.Expr:  # a TOML value
    match value:
        case bool():
            return exp.true() if value else exp.false()
        case int() | float():
            return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))
        case str():
            return exp.Literal.string(value)
        case date():
            return exp.cast(exp.Literal.string(value.isoformat()), "date")
        case _:
            raise ConfigurationError(f"rule value {value!r}", "a text, a number, a date or true/false")
