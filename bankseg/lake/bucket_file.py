"""One Parquet file of a bucket, written in order: codes as numbers, checksums on its pages, its range of clients and dates told."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, BinaryIO, Self, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from bankseg.domain.extracts import BALANCE_AFTER, BUCKET, RECORDED_AT, RECORDED_UNTIL, Extract
from bankseg.faults import crash_point
from bankseg.lake.data_file import DataFile
from bankseg.lake.schemas import file_schema, repeating_columns
from bankseg.lake.tables import Lake

COMPRESSION_LEVEL = 1
# Columns with one value in every row: left out of the sort and added to the files.
Constants: TypeAlias = Mapping[str, str | None]


class BucketFile:
    """One Parquet file of one bucket being written; the action that will make it part of the table."""

    def __init__(self, lake: Lake, extract: Extract, bucket: int, constants: Constants | None = None) -> None:
        self.bucket = bucket
        self._file = DataFile(lake.path(extract.name), f"{BUCKET}={bucket}")
        self._schema = file_schema(extract)
        self._extract = extract
        self._bounds = _Bounds(extract)
        self._constants = constants or {}
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.action = self.close()

    def write(self, table: pa.Table) -> None:
        """Append rows, which come in order."""
        for name, value in self._constants.items():
            if name not in table.column_names:
                table = table.append_column(name, pa.repeat(pa.scalar(value, self._schema.field(name).type), len(table)))
        table = table.select(self._schema.names)
        if self._writer is None:
            self._schema = _with_codes(self._schema, table.schema)
            self._writer = _writer(self._file.stream, self._schema, self._extract)
        table = table.cast(self._schema)
        self._bounds.see(table)
        self._writer.write_table(table)

    def close(self) -> AddAction:
        """Finish the file and have its bytes on disk before a commit names them."""
        crash_point("intake.file_half_written")
        if self._writer is not None:
            self._writer.close()
        file = self._file.finish()
        return AddAction(file.name, file.size, {BUCKET: str(self.bucket)}, file.modified_ms, True, self._bounds.as_json())


def _with_codes(schema: pa.Schema, found: pa.Schema) -> pa.Schema:
    """The schema with the columns that come as numbers of codes left so: in the file both are texts with a dictionary."""
    return pa.schema([found.field(field.name) if pa.types.is_dictionary(found.field(field.name).type) else field for field in schema])


def _writer(stream: BinaryIO, schema: pa.Schema, extract: Extract) -> pq.ParquetWriter:
    """Statistics where a reader skips by them: without those of texts nobody filters by, writing takes a third less time."""
    return pq.ParquetWriter(
        stream,
        schema,
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        use_dictionary=cast("bool", repeating_columns(extract)),  # the stubs know only a flag
        write_statistics=cast("bool", ["client_id", extract.event_on, RECORDED_AT, RECORDED_UNTIL]),
        write_page_checksum=True,
        store_schema=False,
    )


class _Bounds:
    """Statistics of one file for the Delta log: rows, the range of clients and event dates, and how often nothing is said of what readers skip a file for."""

    def __init__(self, extract: Extract) -> None:
        self._rows = 0
        self._low: dict[str, Any] = {}
        self._high: dict[str, Any] = {}
        self._columns = ("client_id", extract.event_on)
        self._nulls = {BALANCE_AFTER: 0} if BALANCE_AFTER in file_schema(extract).names else {}

    def see(self, table: pa.Table) -> None:
        """Take a piece into account."""
        self._rows += len(table)
        for name in self._nulls:
            self._nulls[name] += table.column(name).null_count
        for name in self._columns:
            low, high = pc.min(table.column(name)).as_py(), pc.max(table.column(name)).as_py()
            if low is not None:
                self._low[name] = min(self._low.get(name, low), low)
                self._high[name] = max(self._high.get(name, high), high)

    def as_json(self) -> str:
        """In Delta's own form."""
        return json.dumps({"numRecords": self._rows, "minValues": _plain(self._low), "maxValues": _plain(self._high), "nullCount": self._nulls})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date | datetime) else value for name, value in values.items()}
