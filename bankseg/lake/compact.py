"""Compaction: the many small files of a bucket become one, in order, as one new version; older versions keep their files.

What a table says does not change by it, and that is proved before the version is made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction
from numpy.typing import NDArray
from sqlglot import exp

from bankseg.domain.errors import ArtefactError
from bankseg.domain.extracts import Extract
from bankseg.lake.bucket_file import BucketFile
from bankseg.lake.in_memory import open_in_memory
from bankseg.lake.schemas import file_schema, repeating_columns
from bankseg.lake.sql_tree import parquet, quoted
from bankseg.lake.tables import Lake, commit, current_files

ROW_GROUP_ROWS = 200_000
# Days fit into so many bits beside a client's rank in one sortable number: 1900 to 4700, from 1970 in both directions.
DAY_BITS = 20
DAY_ZERO = 1 << (DAY_BITS - 1)
# A column of more different texts than this is written as texts.
MOST_CODES = 1_000
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Compaction:
    """What became of a table: files before and after, its rows and, where anything was rewritten, the version that shows them."""

    table: str
    files_before: int
    files_after: int
    rows_rewritten: int = 0
    version: int | None = None


def compact(lake: Lake, extract: Extract, progress: Progress | None = None) -> Compaction:
    """Rewrite every bucket that lies in several files as one file sorted by client and day, in one atomic version.

    Parameters
    ----------
    progress
        Told the buckets done and those to do.

    Raises
    ------
    ArtefactError
        When a file cannot be read, or what was written does not say what was read; the table then stays as it was.
    """
    files = current_files(lake, extract.name)
    scattered = {bucket: sorted(paths) for bucket, paths in sorted(files.items()) if len(paths) > 1}
    before = sum(len(paths) for paths in files.values())
    if not scattered:
        return Compaction(extract.name, before, before)
    added, rows = [], 0
    for done, (bucket, paths) in enumerate(scattered.items(), start=1):
        action, found = _rewrite(lake, extract, bucket, paths)
        added.append(action)
        rows += found
        if progress is not None:
            progress(done, len(scattered))
    version = commit(lake, extract, added, scattered, {})
    return Compaction(extract.name, before, len(files), rows, version)


def content_of(paths: Sequence[str], extract: Extract) -> tuple[int, int]:
    """Rows of some files and the sum of their 64-bit hashes: alike for the same rows in any order and in any number of files."""
    row = exp.Anonymous(this="hash", expressions=[quoted(name) for name in file_schema(extract).names])
    whole = exp.func("coalesce", exp.Sum(this=exp.cast(row, "hugeint", dialect="duckdb")), exp.convert(0))
    with open_in_memory(threads=1) as connection:
        [(rows, digest)] = connection.execute(exp.select("count(*)", whole).from_(parquet(paths)).sql(dialect="duckdb")).fetchall()
    return int(rows), int(digest)


def _rewrite(lake: Lake, extract: Extract, bucket: int, paths: Sequence[str]) -> tuple[AddAction, int]:
    """One sorted file in place of several, and its rows; what it says was compared with what they say."""
    rows = _read(extract, paths)
    order = _order(rows, extract)
    with BucketFile(lake, extract, bucket) as file:
        for start in range(0, len(order), ROW_GROUP_ROWS):
            file.write(_decoded(rows.take(order[start : start + ROW_GROUP_ROWS])))
    [written] = lake.held.local([f"{lake.path(extract.name)}/{file.action.path}"])
    if content_of(paths, extract) != content_of([written], extract):
        raise ArtefactError(
            f"bucket {bucket} of {extract.name} was not rewritten as it was read", "the same rows", "nothing was changed; check the disk and try again"
        )
    return file.action, len(order)


def _read(extract: Extract, paths: Sequence[str]) -> pa.Table:
    """All rows, their repeating texts as numbers of one dictionary a column."""
    texts = [column.stored_name for column in extract.columns if column.type == "text" and column.stored_name in repeating_columns(extract)]
    try:
        parts = [pq.read_table(path, read_dictionary=texts, page_checksum_verification=True, partitioning=None) for path in paths]
    except (OSError, pa.ArrowException) as error:
        raise ArtefactError(f"a file of {extract.name} in the lake cannot be read: {error}", "the file that was written", "restore it from backup") from error
    return pa.concat_tables([part.select(file_schema(extract).names) for part in parts]).unify_dictionaries().combine_chunks()


def _order(rows: pa.Table, extract: Extract) -> NDArray[np.int64]:
    """Places of the rows in order of client and day; rows of one client and day stay as they were."""
    clients: Any = rows.column("client_id").combine_chunks()  # the stubs do not tell dictionary arrays from others
    encoded = clients if pa.types.is_dictionary(clients.type) else clients.dictionary_encode()
    names: Any = encoded.dictionary
    ranks = np.empty(len(names), np.int64)
    ranks[pc.sort_indices(names).to_numpy()] = np.arange(len(names))
    days: Any = rows.column(extract.event_on).cast(pa.int32())
    return np.argsort((ranks[encoded.indices.to_numpy()] << DAY_BITS) + days.fill_null(0).to_numpy() + DAY_ZERO, kind="stable")


def _decoded(piece: pa.Table) -> pa.Table:
    """Clients, and texts with many values, as texts again: a file would repeat the whole dictionary in every piece."""
    for position, field in enumerate(piece.schema):
        if not pa.types.is_dictionary(field.type):
            continue
        column: Any = piece.column(position).chunk(0)  # as above
        if field.name == "client_id" or len(column.dictionary) > MOST_CODES:
            piece = piece.set_column(position, field.name, column.cast(pa.string()))
    return piece
