"""The rows of one bucket of a table as known on a day, straight from its files: what a point-in-time view shows, for those who need no SQL.

The files' own statistics say which of the view's conditions every row meets; only the others are looked at row by row.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bankseg.domain.errors import ArtefactError
from bankseg.domain.extracts import EXTRACT_BY_NAME, RECORDED_AT, RECORDED_UNTIL, Extract
from bankseg.lake.schemas import INSTANT, file_schema
from bankseg.lake.views import instant_after

EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def known_rows(table: str, paths: Sequence[str], columns: Sequence[str], known_on: date) -> pa.Table | None:
    """Columns of the rows that had happened, and were known, on a day.

    Parameters
    ----------
    paths
        Parquet files of one bucket.
    columns
        Columns wanted, by their names in the lake.

    Returns
    -------
    pyarrow.Table or None
        Texts dictionary-encoded, rows in the order of the files; None when a column is one that may have been learned later than its row.

    Raises
    ------
    ArtefactError
        When a file cannot be read.
    """
    extract = EXTRACT_BY_NAME[table]
    if any(column.learned_on for column in extract.columns if column.stored_name in columns):
        return None
    texts = [column.stored_name for column in extract.columns if column.type == "text" and column.stored_name in columns]
    parts = [_of_file(extract, path, columns, texts, known_on) for path in paths]
    return pa.concat_tables(parts) if parts else _empty(extract, columns, texts)


def _of_file(extract: Extract, path: str, columns: Sequence[str], texts: list[str], known_on: date) -> pa.Table:
    try:
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            asked = {name: test for name, test in _conditions(extract, known_on).items() if not _all_meet(file.metadata, name, test)}
            wanted = list(dict.fromkeys([*columns, *asked]))
            rows = file.read(wanted, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise ArtefactError(f"{path.rpartition('/')[2]} in the lake cannot be read: {error}", "the file that was written", "restore it from backup") from error
    for name, (low, high, is_open) in asked.items():
        rows = rows.filter(_meets(rows.column(name), low, high, is_open=is_open))
    return rows.select(list(columns))


def _conditions(extract: Extract, known_on: date) -> dict[str, tuple[Any, Any, bool]]:
    """Per column: least value, least value that is too much, and whether null is meant too; as the views ask."""
    after = instant_after(known_on)
    return {extract.event_on: (None, _next(known_on), False), RECORDED_AT: (None, after, False), RECORDED_UNTIL: (after, None, True)}


def _next(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)


def _all_meet(metadata: pq.FileMetaData, name: str, condition: tuple[Any, Any, bool]) -> bool:
    schema, (low, high, is_open) = metadata.schema.to_arrow_schema(), condition
    stored = schema.field(name).type
    bounds = _as_stored(low, stored), _as_stored(high, stored)
    return all(_group_meets(bounds, counted, is_open=is_open) for counted in _statistics(metadata, schema.get_field_index(name)))


def _as_stored(bound: date | datetime | None, stored: pa.DataType) -> int | None:
    """A day or an instant as the whole number that stands in a file of our schema; Arrow's own way there would load pandas, half a second of a process."""
    if isinstance(bound, datetime):
        if stored != INSTANT:
            raise ArtefactError(f"a column of instants is {stored}", str(INSTANT), "load the extract again")
        return (bound - EPOCH) // MICROSECOND
    return None if bound is None else (bound - EPOCH.date()).days


def _statistics(metadata: pq.FileMetaData, place: int) -> Iterator[tuple[Any, int]]:
    """Statistics of a column and its number of rows, in every row group."""
    for group in range(metadata.num_row_groups):
        column = metadata.row_group(group).column(place)
        yield column.statistics, column.num_values


def _group_meets(bounds: tuple[int | None, int | None], counted: tuple[Any, int], *, is_open: bool) -> bool:
    (low, high), (statistics, rows) = bounds, counted
    if statistics is None or not statistics.has_null_count:
        return False
    if statistics.null_count == rows:
        return is_open
    if not statistics.has_min_max or (statistics.null_count and not is_open):
        return False
    return (low is None or statistics.min_raw >= low) and (high is None or statistics.max_raw < high)


def _meets(column: Any, low: date | datetime | None, high: date | datetime | None, *, is_open: bool) -> Any:
    bound = _scalar(_as_stored(high if low is None else low, column.type), column.type)
    return pc.fill_null(pc.less(column, bound) if low is None else pc.greater_equal(column, bound), _scalar(is_open, pa.bool_()))


def _scalar(stands: int | None, stored: pa.DataType) -> Any:
    """A value by the bits that stand for it."""
    bits = np.array([stands], {1: np.uint8, 32: np.int32, 64: np.int64}[stored.bit_width])
    return pa.Array.from_buffers(stored, 1, [None, pa.py_buffer(bits.data)])[0]


def _empty(extract: Extract, columns: Sequence[str], texts: list[str]) -> pa.Table:
    schema = file_schema(extract)
    fields = [pa.field(name, pa.dictionary(pa.int32(), pa.string()) if name in texts else schema.field(name).type) for name in columns]
    return pa.schema(fields).empty_table()
