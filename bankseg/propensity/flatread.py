"""Reading a flat file of unknown dialect: delimiter, encoding and packing are found out, every value stays text."""

import codecs
import csv
import gzip
import io
import zlib
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from bankseg.domain.errors import InputError
from bankseg.propensity.arrow import Column, compute

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_BYTES = 256 * 1024
SAMPLE_LINES = 50
MOST_BYTES = 2 * 1024**3
MOST_COLUMNS = 2_000
READ_BYTES = 1024 * 1024
# Beyond this a float no longer counts single units.
WHOLE_LIMIT = 2.0**53
# More broken rows than this and the dialect was probably guessed wrong.
MOST_BROKEN_SHARE = 0.01
PARQUET_SUFFIXES, XLSX_SUFFIXES = (".parquet", ".pq"), (".xlsx",)


def read_flat(path: Path) -> tuple[pa.Table, int]:
    """All columns of a flat file, and the number of rows left out because they had more or fewer fields than the header.

    CSV (comma, semicolon, tab, bar; plain or gz; UTF-8, UTF-16 with a mark, Windows-1252) gives text columns; Parquet and XLSX keep their types.

    Raises
    ------
    InputError
        When the file is absent, empty, has no rows, repeats a column, or cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file", "a CSV, CSV.gz, TSV, Parquet or XLSX file", "check the path")
    suffix = path.suffix.lower()
    try:
        if suffix in PARQUET_SUFFIXES:
            table, broken = pq.read_table(path, page_checksum_verification=True), 0
        elif suffix in XLSX_SUFFIXES:
            table, broken = _read_xlsx(path), 0
        else:
            table, broken = _read_csv(path)
    except (pa.ArrowException, csv.Error, OSError, EOFError, zlib.error, UnicodeError) as error:
        raise InputError(
            f"{path.name} cannot be read: {str(error).splitlines()[0][:200]}",
            "a readable CSV, CSV.gz, TSV, Parquet or XLSX file",
            "check or export the file again",
        ) from error
    _check_shape(path, table, broken)
    return table, broken


def _check_shape(path: Path, table: pa.Table, broken: int) -> None:
    names = table.column_names
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        raise InputError(f"{path.name} repeats the columns {', '.join(repeated)}", "each column name once", "rename them")
    if broken > MOST_BROKEN_SHARE * (table.num_rows + broken):
        raise InputError(
            f"{broken} of {table.num_rows + broken} rows of {path.name} have more or fewer fields than the header",
            "as many fields in every row",
            "check delimiter and quotes",
        )
    if not table.num_rows:
        raise InputError(f"{path.name} has a header and no usable row", "one row per client", "export the file again")


def _read_csv(path: Path) -> tuple[pa.Table, int]:
    text = _utf8(_unpacked(path))
    head = text[:SAMPLE_BYTES].decode("utf-8", errors="ignore")
    if not head.strip():
        raise InputError(f"{path.name} is empty", "a header and one row per client", "export the file again")
    delimiter = _delimiter(head)
    columns = next(csv.reader(io.StringIO(head, newline=None), delimiter=delimiter))
    if len(columns) > MOST_COLUMNS:
        raise InputError(f"{path.name} has {len(columns)} columns", f"at most {MOST_COLUMNS}", "leave out columns that are not needed")
    if len(columns) < 2:
        raise InputError(f"{path.name} has one column", "a label and at least one feature, separated by comma, semicolon, tab or bar", "check the file")
    broken = 0

    def count(_row: pacsv.InvalidRow) -> Literal["skip"]:
        nonlocal broken
        broken += 1
        return "skip"

    names = [name.strip() for name in columns]
    if len(set(names)) < len(names):
        raise InputError(
            f"{path.name} repeats the columns {', '.join(sorted({n for n in names if names.count(n) > 1}))}", "each column name once", "rename them"
        )
    source: Any = pa.BufferReader(text)  # Any: the stubs do not know that Arrow reads its own buffers
    table = pacsv.read_csv(
        source,
        read_options=pacsv.ReadOptions(column_names=names, skip_rows_after_names=1),
        parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=count),
        convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )
    return table, broken


def _unpacked(path: Path) -> bytes:
    with path.open("rb") as probe:
        packed = probe.read(2) == b"\x1f\x8b"
    parts: list[bytes] = []
    size = 0
    with gzip.open(path, "rb") if packed else path.open("rb") as stream:
        while part := stream.read(READ_BYTES):
            size += len(part)
            if size > MOST_BYTES:
                raise InputError(f"{path.name} unpacks to more than {MOST_BYTES // 1024**3} GiB", "a smaller file", "evaluate a sample of clients")
            parts.append(part)
    return b"".join(parts)


def _utf8(data: bytes) -> bytes:
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :]
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16").encode()
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace").encode()
    return data


def _delimiter(head: str) -> str:
    """The delimiter that cuts the first lines into most columns, the same number in (nearly) every line."""
    lines = head.splitlines()[: SAMPLE_LINES + 1]
    complete = lines[:-1] if len(lines) > SAMPLE_LINES or (len(lines) > 2 and not head.endswith(("\n", "\r"))) else lines
    best, delimiter = (0.0, 0), ","
    for candidate in DELIMITERS:
        counts = [len(row) for row in csv.reader(io.StringIO("\n".join(complete)), delimiter=candidate) if row]
        if not counts or counts[0] < 2:
            continue
        agreement = sum(count == counts[0] for count in counts) / len(counts)
        if (agreement, counts[0]) > best:
            best, delimiter = (agreement, counts[0]), candidate
    return delimiter


def _read_xlsx(path: Path) -> pa.Table:
    from python_calamine import CalamineError, CalamineWorkbook  # only for spreadsheets

    try:
        rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    except CalamineError as error:
        raise InputError(f"{path.name} cannot be read: {error}", "a plain XLSX workbook", "export the file again") from error
    if not rows:
        raise InputError(f"{path.name} is empty", "a header and one row per client", "export the file again")
    names = [str(name).strip() for name in rows[0]]
    columns = [pa.array([_cell(row[place] if place < len(row) else "") for row in rows[1:]], pa.string()) for place in range(len(names))]
    return pa.table(dict(zip(names, columns, strict=True))) if len(set(names)) == len(names) else pa.Table.from_arrays(columns, names)


def _cell(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def is_plain(column: Column) -> bool:
    """Whether a column holds one plain value per row (Parquet may hold lists, records and bytes)."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def as_text(column: Column) -> Column:
    """Any plain column as trimmed text, whole floats without a fraction, so that 1, 1.0 and '1' are one value; infinities are missing."""
    if pa.types.is_dictionary(column.type):
        column = compute.cast(column, column.type.value_type)
    if pa.types.is_timestamp(column.type):
        return compute.strftime(compute.cast(column, pa.timestamp("s"), safe=False), format="%Y-%m-%d %H:%M:%S")
    if pa.types.is_floating(column.type):
        column = compute.if_else(compute.is_finite(column), column, pa.scalar(None, column.type))
        is_whole = compute.and_(compute.equal(compute.floor(column), column), compute.less(compute.abs(column), WHOLE_LIMIT))
        whole = compute.cast(compute.cast(compute.if_else(is_whole, column, 0.0), pa.int64()), pa.string())
        return compute.if_else(is_whole, whole, compute.cast(column, pa.string()))
    return compute.utf8_trim_whitespace(column if pa.types.is_string(column.type) else compute.cast(column, pa.string()))
