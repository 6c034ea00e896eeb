"""Writing staged rows as sorted Parquet files, one a bucket, and committing them as one version."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from threading import Semaphore
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from deltalake.transaction import AddAction
from sqlglot import exp

from bankseg.domain.extracts import BUCKET, RECORDED_UNTIL, Extract
from bankseg.faults import crash_point
from bankseg.lake.bucket_file import BucketFile, Constants
from bankseg.lake.history import STAGED, Placement
from bankseg.lake.schemas import file_schema
from bankseg.lake.sql_tree import parquet, quoted, stored
from bankseg.lake.tables import Lake, commit, current_files

ROW_GROUP_ROWS = 200_000
# Rows sorted at once, in memory.
ROWS_SORTED_AT_ONCE = 3_000_000
# Pieces sorted ahead of the writer thread.
PIECES_WAITING = 4


@dataclass(frozen=True, slots=True)
class Writing:
    """One table's staged rows on their way into the lake."""

    connection: duckdb.DuckDBPyConnection
    lake: Lake
    extract: Extract
    placement: Placement
    constants: Constants


def write_staged(writing: Writing, imports: Mapping[str, Mapping[str, Any]]) -> int | None:
    """Write and commit; returns the new version, or nothing when there was no row to add."""
    present = {int(row[0]) for row in writing.connection.execute("SELECT DISTINCT bucket FROM staged").fetchall()}
    if not present and not writing.placement.replaced:
        return None
    crash_point("intake.before_files")
    added = _write_rewritten(writing) + _write_appended(writing, present)
    crash_point("intake.before_commit")
    version = commit(writing.lake, writing.extract, added, writing.placement.replaced, imports)
    crash_point("intake.after_commit")
    return version


def _write_rewritten(writing: Writing) -> list[AddAction]:
    """Buckets in which an old version was closed: all their rows again, with those that arrived."""
    if not writing.placement.replaced:
        return []
    known = current_files(writing.lake, writing.extract.name)
    actions = []
    for bucket in sorted(writing.placement.replaced):
        select = _rewritten_rows(writing, bucket, known[bucket])
        with BucketFile(writing.lake, writing.extract, bucket, _constants(writing)) as file:
            for batch in writing.connection.sql(select.sql(dialect="duckdb")).to_arrow_reader(ROW_GROUP_ROWS):
                file.write(pa.Table.from_batches([batch]))
        actions.append(file.action)
    return actions


def _write_appended(writing: Writing, present: set[int]) -> list[AddAction]:
    """All other buckets: what arrived, sorted some buckets at a time, while a second thread writes the bucket before."""
    buckets = sorted(present - writing.placement.replaced)
    [(rows,)] = writing.connection.execute("SELECT count(*) FROM staged").fetchall()
    shares = min(len(buckets), 1 + rows // ROWS_SORTED_AT_ONCE)
    slots, written = Semaphore(PIECES_WAITING), list[Future[Any]]()
    with ThreadPoolExecutor(1, thread_name_prefix="bucket-writer") as pool:
        for share in np.array_split(np.array(buckets, dtype=np.int64), shares) if buckets else ():
            _write_share(writing, [int(bucket) for bucket in share], lambda *work: written.append(pool.submit(*work)), slots)
            _raise_early(written)  # the next buckets are sorted while these are still written
    return [action for done in written if (action := done.result()) is not None]


def _raise_early(written: Sequence[Future[Any]]) -> None:
    """What went wrong in the writer by now ends the work before more is sorted."""
    for done in written:
        if done.done():
            done.result()


def _write_share(writing: Writing, buckets: list[int], submit: Callable[..., None], slots: Semaphore) -> None:
    """Sort some buckets and have them written."""
    reader = writing.connection.sql(_arrived_rows(writing, buckets).sql(dialect="duckdb")).to_arrow_reader(ROW_GROUP_ROWS)
    file: BucketFile | None = None
    for bucket, piece in _by_bucket(reader):
        if file is None or file.bucket != bucket:
            if file is not None:
                submit(file.close)
            file = BucketFile(writing.lake, writing.extract, bucket, _constants(writing))
        slots.acquire()
        submit(_write_then_release, file, piece, slots)
    if file is not None:
        submit(file.close)


def _constants(writing: Writing) -> dict[str, str | None]:
    """Constant columns of what is appended: those the mapping leaves out, and no end of validity while nothing was corrected."""
    return {**writing.constants, **({RECORDED_UNTIL: None} if writing.placement.is_plain else {})}


def _write_then_release(file: BucketFile, piece: pa.Table, slots: Semaphore) -> None:
    try:
        file.write(piece)
    finally:
        slots.release()


def _by_bucket(reader: pa.RecordBatchReader) -> Iterator[tuple[int, pa.Table]]:
    """Pieces of rows sorted by bucket, each of one bucket."""
    for batch in reader:
        table = pa.Table.from_batches([batch])
        buckets = table.column(BUCKET).to_numpy()
        edges = [0, *(np.flatnonzero(np.diff(buckets)) + 1).tolist(), len(table)]
        for start, end in pairwise(edges):
            if end > start:
                yield int(buckets[start]), table.slice(start, end - start).drop_columns([BUCKET])


def _arrived_rows(writing: Writing, buckets: list[int]) -> exp.Select:
    """Staged rows of these buckets, by bucket, client and day.

    `place` is the rank of a known client by bucket and identifier: sorting that integer is several times faster than sorting texts.
    """
    constants = _constants(writing)
    names = [quoted(name) for name in file_schema(writing.extract).names if name not in constants]
    are_ranked = writing.connection.execute("SELECT count(*) FROM staged WHERE place IS NULL").fetchall() == [(0,)]
    order = ["place"] if are_ranked else [quoted(BUCKET), quoted("client_id")]
    within = exp.In(this=quoted(BUCKET), expressions=[exp.convert(bucket) for bucket in buckets])
    return exp.select(*names, quoted(BUCKET)).from_(STAGED).where(within).order_by(*order, quoted(writing.extract.event_on))


def _rewritten_rows(writing: Writing, bucket: int, known: list[str]) -> exp.Select:
    extract = writing.extract
    names = file_schema(extract).names
    staged = (
        exp.select(*[exp.alias_(stored(extract, name, writing.constants), name, quoted=True) for name in names])
        .from_(STAGED)
        .where(exp.EQ(this=quoted(BUCKET), expression=exp.convert(bucket)))
    )
    until = exp.alias_(exp.Case(ifs=[exp.If(this=exp.column("filename", table="closed").is_(exp.null()), true=exp.cast(exp.column(RECORDED_UNTIL, table="stored"), "timestamp"))], default=exp.column("until_at", table="closed")), RECORDED_UNTIL)  # fmt: skip
    columns = [until if name == RECORDED_UNTIL else _stored(name) for name in names]
    same = exp.and_(*[exp.EQ(this=exp.column(part, table="closed"), expression=exp.column(part, table="stored")) for part in ("filename", "file_row_number")])
    kept = exp.select(*columns).from_(exp.select("*").from_(parquet(known, with_place=True)).subquery("stored")).join("closed", on=same, join_type="left")
    both = exp.union(kept, staged, distinct=False)
    return exp.select("*").from_(both.subquery("rows")).order_by(quoted("client_id"), quoted(extract.event_on))


def _stored(name: str) -> exp.Expr:
    column = exp.column(name, table="stored", quoted=True)
    return exp.alias_(exp.cast(column, "timestamp"), name) if name == "recorded_at" else column
