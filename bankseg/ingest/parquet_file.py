"""Parquet files: typed columns, streamed by row group."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bankseg.domain.errors import InputError
from bankseg.ingest.csv_file import CHUNK_ROWS, MOST_COLUMNS
from bankseg.ingest.rows import ORDINAL, Rows


class ParquetFile:
    """One Parquet file; only the columns asked for are read."""

    header_rows = 0

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wanted: tuple[str, ...] | None = None
        with self._explained(), pq.ParquetFile(path) as file:
            self.columns = tuple(file.schema_arrow.names)
        if len(self.columns) > MOST_COLUMNS:
            raise InputError(f"{path.name} has {len(self.columns)} columns", f"at most {MOST_COLUMNS}", "drop columns you do not map")
        repeated = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if repeated:
            raise InputError(f"{path.name} has the column {repeated[0]!r} more than once", "each column name once", "rename the columns in the extract")

    def only(self, columns: set[str]) -> None:
        """Read no other columns."""
        self._wanted = tuple(name for name in self.columns if name in columns)

    def read(self) -> Iterator[Rows]:
        """Rows in order."""
        first = 1
        with self._explained(), pq.ParquetFile(self.path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(CHUNK_ROWS, columns=list(self._wanted) if self._wanted else None):
                table = _plain(pa.Table.from_batches([batch]))
                yield Rows(table.append_column(ORDINAL, pa.array(np.arange(first, first + len(table), dtype=np.int64))), is_suspicious=True)
                first += len(table)

    def _explained(self) -> "_Explained":
        return _Explained(self.path)


class _Explained:
    """Turns Arrow's errors into a refusal of this file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        del kind, trace
        if isinstance(error, pa.ArrowException | OSError):
            message = str(error).splitlines()[0][:160]
            raise InputError(f"{self._path.name} is not a readable Parquet file: {message}", "a complete Parquet file", "have it sent again") from error


def _plain(table: pa.Table) -> pa.Table:
    """Dictionary columns as their values, so that every later step sees few types."""
    for position, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(position, field.name, table.column(position).cast(field.type.value_type))
    return table
