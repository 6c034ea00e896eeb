"""Files that grow chunk by chunk: CSV (any encoding, gzipped or not) and one Parquet file a month."""

import gzip
import io
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from bankseg.demo.arrays import Column

CSV_OPTIONS = pacsv.WriteOptions(include_header=False, delimiter=";", quoting_style="none")


class CsvFile:
    """A semicolon CSV written in pieces."""

    def __init__(self, path: Path, encoding: str) -> None:
        raw: Any = path.open("wb")  # Any: gzip and plain binary files share no precise type
        # No name and no time in the gzip header: the same seed gives the same bytes.
        self._stream: Any = gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=4) if path.suffix == ".gz" else raw
        self._raw, self._encoding = raw, encoding
        self.header: list[str] = []
        self.sample: list[str] = []
        self.rows = 0

    def write(self, columns: Mapping[str, Column]) -> None:
        """Append rows; the first piece also writes the header."""
        table = pa.table({name: column.cast(pa.string()) for name, column in columns.items()})
        if not self.header:
            self.header = list(columns)
            self.line(self.header)
        if not self.sample and len(table):
            self.sample = [value or "" for value in table.slice(0, 1).to_pylist()[0].values()]
        buffer = io.BytesIO()
        pacsv.write_csv(table, buffer, CSV_OPTIONS)
        text = buffer.getvalue()
        self._stream.write(text if self._encoding == "utf-8" else text.decode().encode(self._encoding))
        self.rows += len(table)

    def line(self, fields: list[str]) -> None:
        """Append one line as it is."""
        self._stream.write((";".join(fields) + "\n").encode(self._encoding))

    def close(self) -> None:
        self._stream.close()
        self._raw.close()


class ParquetFile:
    """A Parquet file written one row group at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self.sample: pa.Table | None = None
        self.rows = 0

    def write(self, columns: Mapping[str, Column]) -> None:
        """Append one row group."""
        self._append(plain(pa.table(dict(columns))))

    def _append(self, table: pa.Table) -> None:
        if self.sample is None and len(table):
            self.sample = table.slice(0, 1)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd", write_page_checksum=True)
        self._writer.write_table(table)
        self.rows += len(table)

    def broken(self, rows: list[dict[str, Any]]) -> None:
        """Append rows that differ from the first good one as given; they do not count as rows."""
        if self._writer is None or self.sample is None:
            return
        good = self.sample.to_pylist()[0]
        self._writer.write_table(pa.Table.from_pylist([good | row for row in rows], schema=self.sample.schema))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def plain(table: pa.Table) -> pa.Table:
    """Dictionary columns as the texts they stand for."""
    columns: dict[str, Any] = {}  # Any: columns of every type
    for field, column in zip(table.schema, table.columns, strict=True):
        columns[field.name] = column.cast(pa.string()) if pa.types.is_dictionary(field.type) else column
    return pa.table(columns)


class Files:
    """Every file being written, by name; closed together."""

    def __init__(self, directory: Path, encodings: Mapping[str, str]) -> None:
        self._directory, self._encodings = directory, encodings
        self._open: dict[str, CsvFile | ParquetFile] = {}

    def csv(self, name: str) -> CsvFile:
        """The CSV file with this name."""
        if name not in self._open:
            self._open[name] = CsvFile(self._directory / name, self._encodings.get(name, "utf-8"))
        return cast("CsvFile", self._open[name])

    def parquet(self, name: str) -> ParquetFile:
        """The Parquet file with this name."""
        if name not in self._open:
            self._open[name] = ParquetFile(self._directory / name)
        return cast("ParquetFile", self._open[name])

    @property
    def rows(self) -> dict[str, int]:
        """Well-formed rows written so far, by file."""
        return {name: file.rows for name, file in sorted(self._open.items())}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for file in self._open.values():
            file.close()
