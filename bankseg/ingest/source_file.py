"""Files of a directory: found by pattern, named by hash, opened by format."""

from hashlib import file_digest
from pathlib import Path

from bankseg.domain.errors import InputError
from bankseg.ingest.csv_file import CsvFile, likely_delimiter
from bankseg.ingest.mapping import Dialect, ExtractMapping
from bankseg.ingest.parquet_file import ParquetFile
from bankseg.ingest.rows import Reader
from bankseg.ingest.xlsx_file import XlsxFile

CSV_SUFFIXES = (".csv", ".csv.gz", ".txt", ".txt.gz", ".asc", ".tsv", ".tsv.gz", ".dat", ".gz")
FORMAT_BY_SUFFIX = {".parquet": "parquet", ".pq": "parquet", ".xlsx": "xlsx", ".xlsm": "xlsx"}


def matching_files(directory: Path, patterns: tuple[str, ...]) -> list[Path]:
    """Files a set of patterns names, each once, by name; links that lead out of the directory are left out."""
    found = {path for pattern in patterns for path in directory.glob(pattern) if path.is_file()}
    inside = directory.resolve()
    return sorted(path for path in found if path.resolve().is_relative_to(inside))


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes: the file's name as far as repeated loading goes."""
    try:
        with path.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}", "a readable file", "check its mode") from error


def open_source(path: Path, mapping: ExtractMapping) -> Reader:
    """Open a file of an extract by its declared or apparent format."""
    return open_file(path, mapping, mapping.format, sheet=mapping.sheet, names=mapping.names)


def open_file(path: Path, dialect: Dialect, declared: str | None = None, *, sheet: str | None = None, names: tuple[str, ...] = ()) -> Reader:
    """Open any file in a dialect."""
    match declared or _apparent_format(path):
        case "parquet":
            return ParquetFile(path)
        case "xlsx":
            return XlsxFile(path, sheet=sheet, decimal=dialect.decimal, date_format=dialect.date_format)
        case _:
            return CsvFile(path, delimiter=dialect.delimiter, quote=dialect.quote, encoding=dialect.encoding, names=names)


def require_columns(reader: Reader, path: Path, needed: set[str], delimiter: str) -> None:
    """Refuse a file that lacks a mapped column, guessing at a wrong delimiter when it shows."""
    missing = sorted(needed - set(reader.columns))
    if not missing:
        return
    seen = likely_delimiter(reader.columns)
    if seen is not None and seen != delimiter:
        raise InputError(
            f"{path.name} has one column, {reader.columns[0][:80]!r}: it seems to be separated by {seen!r}, not {delimiter!r}",
            f"the delimiter {delimiter!r} of the mapping",
            f"set delimiter = {seen!r} for this extract",
        )
    shown = ", ".join(reader.columns[:30])
    raise InputError(f"{path.name} has no column {', '.join(missing)}", f"the mapped columns among those found: {shown}", "correct the mapping or the extract")


def _apparent_format(path: Path) -> str:
    name = path.name.lower()
    for suffix, form in FORMAT_BY_SUFFIX.items():
        if name.endswith(suffix):
            return form
    if name.endswith(CSV_SUFFIXES):
        return "csv"
    raise InputError(f"{path.name} has no known suffix", ", ".join((*CSV_SUFFIXES, *FORMAT_BY_SUFFIX)), "set `format` for this extract in the mapping")
