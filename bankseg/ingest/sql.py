"""Small builders over sqlglot's syntax tree, so that no SQL is pasted together from text."""

from collections.abc import Iterable
from typing import TypeAlias

from sqlglot import exp

Sql: TypeAlias = exp.Expr


def name(*parts: str) -> exp.Column:
    """A quoted column, `name("c")` or `name("table", "c")`."""
    return exp.column(parts[-1], table=parts[0] if len(parts) > 1 else None, quoted=True)


def text(value: str) -> Sql:
    """A bound text literal."""
    return exp.Literal.string(value)


def number(value: float) -> Sql:
    """A bound number literal."""
    return exp.convert(value)


def call(function: str, *arguments: Sql) -> Sql:
    """A DuckDB function by its own name, never rewritten."""
    return exp.Anonymous(this=function, expressions=[argument.copy() for argument in arguments])


def cast(value: Sql, to: str, *, safely: bool = False) -> Sql:
    """CAST, or TRY_CAST which gives null where it fails."""
    kind = exp.DataType.build(to, dialect="duckdb")
    return exp.TryCast(this=value.copy(), to=kind, safe=True) if safely else exp.Cast(this=value.copy(), to=kind)


def is_null(value: Sql) -> Sql:
    """Value IS NULL."""
    return exp.Is(this=value.copy(), expression=exp.Null())


def is_not_null(value: Sql) -> Sql:
    """Value IS NOT NULL."""
    return exp.Not(this=is_null(value))


def one_of(value: Sql, options: Iterable[str]) -> Sql:
    """Value IN (texts)."""
    return exp.In(this=value.copy(), expressions=[text(option) for option in options])


def matches(value: Sql, pattern: str) -> Sql:
    """Whole value matches a regular expression."""
    return call("regexp_full_match", value, text(pattern))


def case(branches: Iterable[tuple[Sql, Sql]], otherwise: Sql | None = None) -> Sql:
    """CASE WHEN ... THEN ... ELSE ... END; without branches, the last word alone."""
    ifs = [exp.If(this=condition.copy(), true=value.copy()) for condition, value in branches]
    last = otherwise.copy() if otherwise is not None else exp.Null()
    return exp.Case(ifs=ifs, default=last) if ifs else last


def both(*conditions: Sql) -> Sql:
    """All conditions hold."""
    return exp.and_(*[condition.copy() for condition in conditions])


def either(*conditions: Sql) -> Sql:
    """Any condition holds."""
    return exp.or_(*[condition.copy() for condition in conditions])


def named(value: Sql, alias: str) -> Sql:
    """Value AS "alias"."""
    return exp.alias_(value.copy(), alias, quoted=True)


def spelled(statement: Sql) -> str:
    """The statement in DuckDB's dialect."""
    return statement.sql(dialect="duckdb")
