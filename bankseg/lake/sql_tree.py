"""Builders shared by the lake's dynamic SQL: file lists, keys and contents as syntax trees."""

from collections.abc import Iterable, Mapping

from sqlglot import exp

from bankseg.domain.extracts import Extract

# Between the parts of a key, and in place of a missing part: characters the intake refuses in any text.
SQL_TYPES = {"text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "money": "BIGINT", "date": "DATE", "boolean": "BOOLEAN"}
PART_END, NO_PART = "\x1f", "\x1e"


def quoted(name: str) -> exp.Column:
    """A quoted column."""
    return exp.column(name, quoted=True)


def parquet(paths: Iterable[str], *, with_place: bool = False) -> exp.Table:
    """read_parquet over these very files; `with_place` adds filename and file_row_number."""
    files = exp.Array(expressions=[exp.Literal.string(path) for path in paths])
    options = [exp.PropertyEQ(this=exp.to_identifier("hive_partitioning"), expression=exp.false())]
    if with_place:
        options += [exp.PropertyEQ(this=exp.to_identifier(option), expression=exp.true()) for option in ("filename", "file_row_number")]
    return exp.Table(this=exp.Anonymous(this="read_parquet", expressions=[files, *options]))


def key_hash(extract: Extract) -> exp.Expression:
    """64-bit hash of the key: finds candidates, which are then compared exactly."""
    return exp.Anonymous(this="hash", expressions=[quoted(name) for name in extract.key])


def key_text(extract: Extract, constants: Mapping[str, str | None]) -> exp.Expr:
    """The key itself, as one text."""
    parts = [
        exp.Anonymous(this="coalesce", expressions=[exp.cast(stored(extract, name, constants), "text"), exp.Literal.string(NO_PART)]) for name in extract.key
    ]
    return exp.Anonymous(this="concat_ws", expressions=[exp.Literal.string(PART_END), *parts])


def stored(extract: Extract, name: str, constants: Mapping[str, str | None]) -> exp.Expr:
    """A stored column of staged rows: itself, as text where it is the number of a code, or its value where it is the same in all of them."""
    types = {column.stored_name: SQL_TYPES[column.type] for column in extract.columns}
    if name not in constants:
        return exp.cast(quoted(name), types[name], dialect="duckdb") if types.get(name) == "VARCHAR" else quoted(name)
    value = constants[name]
    return exp.cast(exp.null() if value is None else exp.Literal.string(value), types[name], dialect="duckdb")


def content_hash(extract: Extract, constants: Mapping[str, str | None]) -> exp.Expr:
    """Hash of all canonical columns, to tell whether two rows of one key say the same."""
    return exp.Anonymous(this="hash", expressions=[stored(extract, column.stored_name, constants) for column in extract.columns])


def create(kind: str, name: str, select: exp.Select) -> str:
    """CREATE OR REPLACE TABLE | VIEW name AS select."""
    return exp.Create(this=exp.to_table(name), kind=kind, expression=select, replace=True).sql(dialect="duckdb")
