"""Writing staged rows as sorted Parquet files, one a bucket, and committing them as one version."""

import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction
from pyarrow import fs
from sqlglot import exp

from bankseg.domain.extracts import BUCKET, RECORDED_UNTIL, Extract
from bankseg.lake.history import STAGED, Placement
from bankseg.lake.schemas import file_schema, repeating_columns
from bankseg.lake.sql_tree import parquet, quoted
from bankseg.lake.tables import Lake, commit, current_files, filesystem

ROW_GROUP_ROWS = 200_000
WRITERS = 2
COMPRESSION_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Writing:
    """One table's staged rows on their way into the lake."""

    connection: duckdb.DuckDBPyConnection
    lake: Lake
    extract: Extract
    placement: Placement


def write_staged(writing: Writing, imports: Mapping[str, Mapping[str, Any]], reached: Callable[[str], None]) -> int | None:
    """Write and commit; returns the new version, or nothing when there was no row to add.

    `reached` is told the name of each step, so that tests can end the process there.
    """
    present = {int(row[0]) for row in writing.connection.execute("SELECT DISTINCT bucket FROM staged").fetchall()}
    buckets = sorted(present | writing.placement.replaced)
    if not buckets:
        return None
    reached("before_files")
    known = current_files(writing.lake, writing.extract.name)
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="bucket-writer") as pool:
        added = list(pool.map(lambda bucket: _write_bucket(writing, bucket, known.get(bucket, [])), buckets))
    reached("before_commit")
    version = commit(writing.lake, writing.extract, added, writing.placement.replaced, imports)
    reached("after_commit")
    return version


def _write_bucket(writing: Writing, bucket: int, known: list[str]) -> AddAction:
    """One sorted file: the staged rows of a bucket and, when one of its versions was closed, all its known rows again."""
    replaced = bucket in writing.placement.replaced
    select = _bucket_rows(writing.extract, bucket, known if replaced else [])
    system, folder = filesystem(writing.lake.path(writing.extract.name))
    path = f"{BUCKET}={bucket}/{uuid4()}.parquet"
    system.create_dir(f"{folder}/{BUCKET}={bucket}", recursive=True)
    schema = file_schema(writing.extract)
    bounds = _Bounds(writing.extract)
    with writing.connection.cursor() as cursor, system.open_output_stream(f"{folder}/{path}") as sink, _writer(sink, schema, writing.extract) as writer:
        for batch in cursor.sql(select.sql(dialect="duckdb")).to_arrow_reader(ROW_GROUP_ROWS):
            table = pa.Table.from_batches([batch]).cast(schema)
            bounds.see(table)
            writer.write_table(table)
    _flush(system, f"{folder}/{path}")
    info = system.get_file_info(f"{folder}/{path}")
    modified = int((info.mtime_ns or 0) // 1_000_000)
    return AddAction(path, int(info.size or 0), {BUCKET: str(bucket)}, modified, True, bounds.as_json())


def _bucket_rows(extract: Extract, bucket: int, known: list[str]) -> exp.Select:
    names = file_schema(extract).names
    staged = exp.select(*[quoted(name) for name in names]).from_(STAGED).where(exp.EQ(this=quoted(BUCKET), expression=exp.convert(bucket)))
    if not known:
        # `place` is the client's rank in the lake's order: sorting integers is twice as fast as sorting identifiers.
        return staged.order_by("place", quoted("client_id"), quoted(extract.event_on))
    until = exp.alias_(exp.Case(ifs=[exp.If(this=exp.column("filename", table="closed").is_(exp.null()), true=exp.cast(exp.column(RECORDED_UNTIL, table="stored"), "timestamp"))], default=exp.column("until_at", table="closed")), RECORDED_UNTIL)  # fmt: skip
    columns = [until if name == RECORDED_UNTIL else _stored(name) for name in names]
    same = exp.and_(*[exp.EQ(this=exp.column(part, table="closed"), expression=exp.column(part, table="stored")) for part in ("filename", "file_row_number")])
    stored = exp.select(*columns).from_(exp.select("*").from_(parquet(known, with_place=True)).subquery("stored")).join("closed", on=same, join_type="left")
    both = exp.union(stored, staged, distinct=False)
    return exp.select("*").from_(both.subquery("rows")).order_by(quoted("client_id"), quoted(extract.event_on))


def _stored(name: str) -> exp.Expression:
    column = exp.column(name, table="stored", quoted=True)
    return exp.alias_(exp.cast(column, "timestamp"), name) if name == "recorded_at" else column


def _writer(sink: pa.NativeFile, schema: pa.Schema, extract: Extract) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        sink, schema, compression="zstd", compression_level=COMPRESSION_LEVEL, use_dictionary=repeating_columns(extract), write_page_checksum=True
    )


def _flush(system: fs.FileSystem, path: str) -> None:
    """Have the bytes on disk before the commit names them."""
    if isinstance(system, fs.LocalFileSystem):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class _Bounds:
    """Statistics of one file for the Delta log: rows, and the range of clients and event dates."""

    def __init__(self, extract: Extract) -> None:
        self._rows = 0
        self._low: dict[str, Any] = {}
        self._high: dict[str, Any] = {}
        self._columns = ("client_id", extract.event_on)

    def see(self, table: pa.Table) -> None:
        """Take a piece into account."""
        self._rows += len(table)
        for name in self._columns:
            found = pa.compute.min_max(table.column(name)).as_py()
            if found["min"] is not None:
                self._low[name] = min(self._low.get(name, found["min"]), found["min"])
                self._high[name] = max(self._high.get(name, found["max"]), found["max"])

    def as_json(self) -> str:
        """In Delta's own form."""
        return json.dumps({"numRecords": self._rows, "minValues": _plain(self._low), "maxValues": _plain(self._high), "nullCount": {}})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date | datetime) else value for name, value in values.items()}
