"""Two clocks: what arrives is compared with what is known; a changed row closes the old version and opens a new one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files as package_files

import duckdb
from sqlglot import exp

from bankseg.domain.extracts import Extract
from bankseg.lake.sql_tree import content_hash, create, key_hash, key_text, parquet, quoted
from bankseg.lake.tables import Lake, current_files

STAGED = "staged"


@dataclass(frozen=True, slots=True)
class Placement:
    """What came of placing staged rows among known ones."""

    duplicates: dict[int, int] = field(default_factory=dict)  # by file number
    replaced: frozenset[int] = frozenset()  # buckets in which an old version was closed
    is_plain: bool = False  # every staged row is the first sight of its key


def place(
    connection: duckdb.DuckDBPyConnection, lake: Lake, extract: Extract, changed_on: date, constants: Mapping[str, str | None], *, has_repeats: bool
) -> Placement:
    """Drop staged rows the lake already has, and date the rest; `closed` then lists versions to close.

    `has_repeats` says that a key occurs in more than one staged file (the table `repeated_key` lists hashes).
    """
    paths = current_files(lake, extract.name)
    every_path = [path for bucket in paths.values() for path in bucket]
    if not _select_touched(connection, extract, every_path, constants, has_repeats=has_repeats):
        return Placement(is_plain=True)
    statement = package_files("bankseg.lake").joinpath("history.sql").read_text(encoding="utf-8")
    connection.execute(statement, {"changed_at": changed_on})
    counted = connection.execute("SELECT file_no, count(*) FROM version WHERE is_duplicate GROUP BY file_no").fetchall()
    connection.execute("DELETE FROM staged USING version v WHERE v.is_duplicate AND staged.file_no = v.file_no AND staged.row_number = v.row_number")
    connection.execute(
        "UPDATE staged SET recorded_at = v.start_at, recorded_until = v.until_at, recorded_is_assumed = v.is_assumed FROM version v "
        "WHERE NOT v.is_duplicate AND staged.file_no = v.file_no AND staged.row_number = v.row_number"
    )
    connection.execute(
        "CREATE OR REPLACE TABLE closed AS SELECT filename, file_row_number, until_at FROM version WHERE file_no < 0 AND old_until IS DISTINCT FROM until_at"
    )
    touched = {row[0] for row in connection.execute("SELECT DISTINCT filename FROM closed").fetchall()}
    replaced = frozenset(bucket for bucket, names in paths.items() if touched.intersection(names))
    return Placement({int(file_no): int(count) for file_no, count in counted}, replaced)


def _identity(extract: Extract, constants: Mapping[str, str | None]) -> list[exp.Expr]:
    return [exp.alias_(key_text(extract, constants), "key"), exp.alias_(content_hash(extract, constants), "content")]


def _select_touched(
    connection: duckdb.DuckDBPyConnection, extract: Extract, paths: list[str], constants: Mapping[str, str | None], *, has_repeats: bool
) -> bool:
    """Fill `arrived` and `known` with the rows of keys that occur more than once; false when there are none."""
    touched: exp.Query = exp.select("key_hash").from_("repeated_key") if has_repeats else exp.select("key_hash").from_(STAGED).where(exp.false())
    if paths:
        stored = exp.select(exp.alias_(key_hash(extract), "key_hash")).from_(parquet(paths)).subquery("stored")
        met = exp.select("key_hash").from_(STAGED).where(exp.In(this=quoted("key_hash"), query=exp.select("key_hash").from_(stored).subquery()))
        touched = exp.union(touched, met, distinct=True)
    connection.execute(exp.Create(this=exp.to_table("touched"), kind="TABLE", expression=touched, replace=True).sql(dialect="duckdb"))
    if connection.execute("SELECT count(*) FROM touched").fetchall() == [(0,)]:
        return False
    is_touched = exp.In(this=quoted("key_hash"), query=exp.select("key_hash").from_("touched").subquery())
    arrived = exp.select(*_identity(extract, constants), "file_no", "row_number", "recorded_at", "recorded_is_assumed").from_(STAGED).where(is_touched)
    connection.execute(create("TABLE", "arrived", arrived))
    clocks = [exp.alias_(exp.cast(quoted(clock), "timestamp"), clock) for clock in ("recorded_at", "recorded_until")]
    columns = [*_identity(extract, {}), *clocks, quoted("recorded_is_assumed"), quoted("filename"), quoted("file_row_number")]
    hashed = exp.In(this=key_hash(extract), query=exp.select("key_hash").from_("touched").subquery())
    known = exp.select(*columns).from_(parquet(paths, with_place=True)).where(hashed) if paths else None
    if known is None:
        connection.execute(
            "CREATE OR REPLACE TABLE known (key VARCHAR, content UBIGINT, recorded_at TIMESTAMP, recorded_until TIMESTAMP, recorded_is_assumed BOOLEAN, filename VARCHAR, file_row_number BIGINT)"
        )
    else:
        connection.execute(create("TABLE", "known", known))
    return True
