"""The child process that reads a workbook: `python -m bankseg.ingest.xlsx_child BOOK SHEET DECIMAL DATE_FORMAT TARGET`."""

import resource
import sys
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.ipc
from python_calamine import CalamineError, CalamineWorkbook

MOST_MEMORY_BYTES = 4 << 30
MOST_CPU_SECONDS = 240
# A workbook is a zip; one that unpacks to more than this, in bytes or in ratio, is refused before it is opened.
MOST_UNPACKED_BYTES = 2 << 30
MOST_RATIO = 200
MOST_PARTS = 5_000

Cell: TypeAlias = int | float | str | bool | date | datetime | time | timedelta | None


def main(arguments: Sequence[str]) -> int:
    """Convert one sheet to an Arrow file of text columns; the reason of a refusal goes to stderr."""
    book, sheet, decimal, date_format, target = arguments
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))
    try:
        refuse_bombs(Path(book))
        rows = sheet_rows(book, sheet)
        table = as_text(rows, decimal, date_format)
    except (ValueError, CalamineError, zipfile.BadZipFile, OSError) as error:
        sys.stderr.write(f"{str(error).splitlines()[0] if str(error) else type(error).__name__}\n")
        return 1
    with pa.OSFile(target, "wb") as sink, pyarrow.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return 0


def refuse_bombs(book: Path) -> None:
    """Raise ValueError on a zip that unpacks to far more than it is."""
    with zipfile.ZipFile(book) as parts:
        sizes = [part.file_size for part in parts.infolist()]
    if len(sizes) > MOST_PARTS or sum(sizes) > MOST_UNPACKED_BYTES or sum(sizes) > max(MOST_RATIO * book.stat().st_size, 1 << 20):
        raise ValueError("it unpacks to far more than a workbook should")


def sheet_rows(book: str, sheet: str) -> Sequence[Sequence[Cell]]:
    """All rows of the named sheet, or of the first."""
    with CalamineWorkbook.from_path(book) as workbook:
        if sheet and sheet not in workbook.sheet_names:
            raise ValueError(f"there is no sheet {sheet!r}; sheets are {', '.join(workbook.sheet_names)}")
        chosen = workbook.get_sheet_by_name(sheet) if sheet else workbook.get_sheet_by_index(0)
        rows = chosen.to_python(skip_empty_area=False)
    if not rows or all(cell in ("", None) for cell in rows[0]):
        raise ValueError("the sheet is empty")
    return rows


def as_text(rows: Sequence[Sequence[Cell]], decimal: str, date_format: str) -> pa.Table:
    """Cells as the extract's dialect would write them."""
    header, *body = rows
    columns = [
        pa.array([cell_text(row[position] if position < len(row) else None, decimal, date_format) for row in body], pa.string())
        for position in range(len(header))
    ]
    return pa.Table.from_arrays(columns, names=[str(cell).strip() for cell in header])


def cell_text(cell: Cell, decimal: str, date_format: str) -> str:
    """One cell as text."""
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell).replace(".", decimal)
        case datetime() | date():
            return cell.strftime(date_format)
        case time():
            return cell.isoformat()
        case _:
            return str(cell)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
