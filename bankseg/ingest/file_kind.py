"""What an uploaded file is by its first bytes, and how much it unpacks to: asked before anything parses it."""

import gzip
import zipfile
import zlib
from pathlib import Path
from typing import Literal

from bankseg.domain.errors import InputError
from bankseg.ingest.text_stream import GZIP_MAGIC, MOST_GZIP_RATIO, RATIO_CHECKED_FROM_BYTES

FileKind = Literal["csv", "csv.gz", "parquet", "xlsx"]
PARQUET_MAGIC = b"PAR1"
ZIP_MAGIC = b"PK\x03\x04"
WORKBOOK_PART = "xl/workbook.xml"
HEAD_BYTES = 64 << 10
BLOCK_BYTES = 1 << 20
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# A file of text holds none of these anywhere near its beginning.
NOT_TEXT = (b"%PDF", b"\x7fELF", b"MZ", b"\x89PNG", b"\xd0\xcf\x11\xe0", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
SUFFIXES: dict[FileKind, tuple[str, ...]] = {
    "csv": (".csv", ".txt", ".tsv", ".asc", ".dat"), "csv.gz": (".gz",), "parquet": (".parquet", ".pq"), "xlsx": (".xlsx",),
}  # fmt: skip
ACCEPTED = "a delimited text file (.csv, .txt, .tsv, also .gz), Parquet (.parquet) or a workbook (.xlsx)"


def kind_of(path: Path, told_name: str) -> FileKind:
    """What a file is, by its bytes; its name must say the same.

    Raises
    ------
    InputError
        When it is empty, of no kind we read, or not of the kind its name says.
    """
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{told_name} is an empty file", "a header and rows", "have it sent again")
    kind = _by_bytes(path, size, told_name)
    if not told_name.lower().endswith(SUFFIXES[kind]):
        raise InputError(f"{told_name} holds {kind} and its name says otherwise", f"a name that ends in {' or '.join(SUFFIXES[kind])}", "rename the file")
    return kind


def refuse_bomb(path: Path, kind: FileKind, told_name: str, most_bytes: int) -> None:
    """Count what a packed file unpacks to, without keeping it.

    Raises
    ------
    InputError
        When that is more than `most_bytes` or out of all proportion, or the file is damaged.
    """
    if kind == "csv.gz":
        _refuse_gzip_bomb(path, told_name, most_bytes)
    elif kind == "xlsx":
        from bankseg.ingest.xlsx_child import refuse_bombs

        try:
            refuse_bombs(path)
        except (ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"{told_name}: {error}", "an ordinary workbook", "save the sheet as CSV and load that") from error


def _by_bytes(path: Path, size: int, told_name: str) -> FileKind:
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        stream.seek(max(0, size - len(PARQUET_MAGIC)))
        tail = stream.read()
    if head.startswith(PARQUET_MAGIC) and tail == PARQUET_MAGIC:
        return "parquet"
    if head.startswith(ZIP_MAGIC) and _is_workbook(path):
        return "xlsx"
    if head.startswith(GZIP_MAGIC):
        return "csv.gz"
    is_text = head.startswith(UTF16_MARKS) or (b"\0" not in head and not head.startswith((*NOT_TEXT, ZIP_MAGIC, PARQUET_MAGIC)))
    if not is_text:
        raise InputError(f"{told_name} is not a file of rows by its first bytes", ACCEPTED, "export it from the source in one of these forms")
    return "csv"


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as parts:
            return WORKBOOK_PART in parts.namelist()
    except zipfile.BadZipFile:
        return False


def _refuse_gzip_bomb(path: Path, told_name: str, most_bytes: int) -> None:
    most = min(most_bytes, max(RATIO_CHECKED_FROM_BYTES, MOST_GZIP_RATIO * path.stat().st_size))
    unpacked = 0
    try:
        with gzip.open(path) as stream:
            while block := stream.read(BLOCK_BYTES):
                unpacked += len(block)
                if unpacked > most:
                    raise InputError(f"{told_name} unpacks to more than {most >> 20} MiB", "an ordinary gzip file", "look at it, and load it in parts")
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{told_name} is a damaged or truncated gzip file", "a complete file", "have it sent again") from error
