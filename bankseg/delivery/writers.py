"""Writers of lists: one protocol, three formats, rows in as they come, memory bounded."""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from bankseg.delivery.columns import Column, ColumnKind, Format, cell
from bankseg.delivery.formulas import harmless
from bankseg.domain.errors import InputError
from bankseg.durable import flush_file, make_folders, settle
from bankseg.faults import crash_point

Row = dict[str, Any]
XLSX_ROWS = 1_048_575  # a sheet's limit less its header
PARQUET_BATCH = 20_000  # rows in one row group


class ListWriter(Protocol):
    """A file being written."""

    def write(self, row: Row) -> None:
        """Add one row."""

    def close(self) -> None:
        """Finish the file."""


class CsvWriter:
    """RFC 4180, UTF-8; text that a spreadsheet would run as a formula is made harmless, numbers stay numbers."""

    def __init__(self, path: Path, columns: tuple[Column, ...]) -> None:
        self._cells = [_csv_cell(column) for column in columns]
        self._stream = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream)
        self._writer.writerow([column.name for column in columns])

    def write(self, row: Row) -> None:
        """Add one row."""
        self._writer.writerow([make(row) for make in self._cells])

    def close(self) -> None:
        """Finish the file."""
        self._stream.close()


class XlsxWriter:
    """One sheet with a frozen header; text is always written as text."""

    def __init__(self, path: Path, columns: tuple[Column, ...]) -> None:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "nan_inf_to_errors": False}
        self._columns, self._row = columns, 0
        self._book = xlsxwriter.Workbook(str(path), options)
        self._money = self._book.add_format({"num_format": "#,##0.00"})
        self._share = self._book.add_format({"num_format": "0.0000"})
        self._sheet = self._book.add_worksheet("list")
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(columns):
            self._sheet.write_string(0, place, column.name)

    def write(self, row: Row) -> None:
        """Add one row.

        Raises
        ------
        InputError
            Past the last row a sheet can hold.
        """
        self._row += 1
        if self._row > XLSX_ROWS:
            raise InputError(f"more than {XLSX_ROWS} rows for one sheet", "a list that fits", "narrow the list, or take CSV or Parquet")
        for place, column in enumerate(self._columns):
            self._cell(place, column, cell(column, row))

    def close(self) -> None:
        """Finish the file."""
        self._book.close()

    def _cell(self, place: int, column: Column, value: Any) -> None:  # a cell
        if value is None:
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(self._row, place, value)
        elif column.kind == "text":
            self._sheet.write_string(self._row, place, str(value))
        else:
            form = {"money": self._money, "number": self._share}.get(column.kind)
            self._sheet.write_number(self._row, place, float(value), form)


class ParquetWriter:
    """Typed columns; money keeps its exact minor units under `<name>_minor`."""

    TYPES: ClassVar[dict[ColumnKind, pa.DataType]] = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "money": pa.int64(),
        "boolean": pa.bool_(),
    }

    def __init__(self, path: Path, columns: tuple[Column, ...]) -> None:
        self._columns = columns
        self._schema = pa.schema([(_parquet_name(column), self.TYPES[column.kind]) for column in columns])
        self._file = pq.ParquetWriter(path, self._schema, compression="zstd", write_page_checksum=True)
        self._waiting: list[Row] = []

    def write(self, row: Row) -> None:
        """Add one row; rows go out a row group at a time."""
        self._waiting.append(row)
        if len(self._waiting) >= PARQUET_BATCH:
            self._flush()

    def close(self) -> None:
        """Finish the file."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        if self._waiting:
            arrays = [
                pa.array([row.get(column.field) for row in self._waiting], type=self._schema.field(place).type) for place, column in enumerate(self._columns)
            ]
            self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
            self._waiting = []


WRITERS: dict[Format, type[CsvWriter] | type[XlsxWriter] | type[ParquetWriter]] = {"csv": CsvWriter, "xlsx": XlsxWriter, "parquet": ParquetWriter}


class Delivery:
    """A file that appears whole or not at all: written beside its place, then renamed."""

    def __init__(self, path: Path, file_format: Format, columns: tuple[Column, ...]) -> None:
        self._path, self._part, self.rows = path, path.with_name(f".{path.name}.part"), 0
        make_folders(path.parent)
        self._writer: ListWriter = WRITERS[file_format](self._part, columns)

    def __enter__(self) -> Self:
        return self

    def write_all(self, rows: Iterable[Row]) -> None:
        """Write every row."""
        for row in rows:
            self._writer.write(row)
            self.rows += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._writer.close()
        if kind is None:
            self._part.chmod(0o600)
            flush_file(self._part)
            crash_point("export.before_rename")
            settle(self._part, self._path)
            crash_point("export.after_rename")
        else:
            self._part.unlink(missing_ok=True)


def _csv_cell(column: Column) -> Callable[[Row], Any]:
    """What makes one column's cell of a row, decided once a file and not once a row."""
    field = column.field
    match column.kind:
        case "text":
            return lambda row: harmless(value) if isinstance(value := row.get(field), str) else value
        case "boolean":
            return lambda row: {True: "true", False: "false"}.get(row[field]) if row.get(field) is not None else None
        case "money":
            return lambda row: cell(column, row)
        case _:
            return lambda row: row.get(field)


def _parquet_name(column: Column) -> str:
    return f"{column.name}_minor" if column.kind == "money" else column.name
