"""Look-up files of an extract's joins, loaded whole into small DuckDB tables."""

from pathlib import Path

import duckdb
import pyarrow as pa
from sqlglot import exp

from bankseg.domain.errors import InputError
from bankseg.ingest.mapping import ExtractMapping, Join
from bankseg.ingest.normalise import Reading, kept, source_text
from bankseg.ingest.rows import normalised
from bankseg.ingest.source_file import matching_files, open_file, require_columns
from bankseg.ingest.sql import is_not_null, name, named, spelled
from bankseg.ingest.statement import lookup_name


def load_lookups(connection: duckdb.DuckDBPyConnection, directory: Path, extract_mapping: ExtractMapping) -> tuple[str, ...]:
    """Create one table per join; returns the names under which their columns are visible."""
    visible: list[str] = []
    for position, join in enumerate(extract_mapping.join):
        visible += _load(connection, directory, extract_mapping, join, lookup_name(position))
    return tuple(visible)


def _load(connection: duckdb.DuckDBPyConnection, directory: Path, dialect: ExtractMapping, join: Join, table_name: str) -> list[str]:
    files = matching_files(directory, (join.file,))
    if not files:
        raise InputError(
            f"no file matches {join.file!r}, which {dialect.table} is joined with", "the look-up file beside the extract", "add it or correct the mapping"
        )
    tables = []
    for path in files:
        reader = open_file(path, dialect)
        require_columns(reader, path, set(join.on.values()) | {condition.column for condition in join.where}, dialect.delimiter)
        reader.only(set(reader.columns))
        tables += [normalised(rows).table for rows in reader.read()]
    table = pa.concat_tables(tables)
    reading = Reading(dialect, {}, {field.name: field.type for field in table.schema})
    columns = [column for column in table.column_names if column in reader.columns]
    select = (
        exp.select(*[named(source_text(column, reading), join.prefix + column) for column in columns]).from_("lookup_rows").where(kept(join.where, reading))
    )
    connection.register("lookup_rows", table)
    create = exp.Create(this=exp.to_table(table_name, quoted=True), kind="TABLE", expression=select, replace=True)
    connection.execute(spelled(create))
    connection.unregister("lookup_rows")
    _require_unique(connection, join, table_name)
    return [join.prefix + column for column in columns]


def _require_unique(connection: duckdb.DuckDBPyConnection, join: Join, table_name: str) -> None:
    keys = [name(join.prefix + column) for column in join.on.values()]
    present = exp.and_(*[is_not_null(key) for key in keys])
    select = (
        exp.select(*keys).from_(exp.to_table(table_name, quoted=True)).where(present).group_by(*[key.copy() for key in keys]).having("count(*) > 1").limit(1)
    )
    for repeated in connection.execute(spelled(select)).fetchall():
        shown = ", ".join(str(value) for value in repeated)
        raise InputError(
            f"{join.file} has several rows for {' and '.join(join.on.values())} = {shown}", "one row for each key of a join", "narrow the join with `where`"
        )
