"""Delimited text files: the header checked before anything is parsed, rows streamed as text columns."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias, cast
from unicodedata import normalize

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from bankseg.domain.errors import InputError
from bankseg.ingest.rows import ORDINAL, BrokenRow, Rows
from bankseg.ingest.text_stream import TextStream

HEAD_BYTES = 64 << 10
MOST_COLUMNS = 500
BLOCK_BYTES = 1 << 20
# No record may span more than one block; a quote that never closes is found here and not at the end of the file.
CHUNK_ROWS = 500_000
SHOWN_CHARACTERS = 120
MOST_BROKEN_CHARACTERS = 64 << 10
COMMON_DELIMITERS = (",", ";", "\t", "|")
InvalidRowHandler: TypeAlias = Callable[[pacsv.InvalidRow], Literal["skip", "error"]]


class CsvFile:
    """One CSV-like file."""

    def __init__(self, path: Path, *, delimiter: str, quote: str, encoding: str, names: tuple[str, ...] = ()) -> None:
        self.path = path
        self._is_blank_separated = delimiter == "whitespace"
        self._delimiter = " " if self._is_blank_separated else delimiter
        self._quote = quote
        self._encoding = encoding
        self.header_rows = 0 if names else 1
        self.columns = names or self._header()
        self._wanted: list[str] = []
        self._has_swallowed = False

    def only(self, columns: set[str]) -> None:
        """Convert no other columns."""
        self._wanted = [name for name in self.columns if name in columns]

    def read(self) -> Iterator[Rows]:
        """Rows as text columns plus their ordinal."""
        broken: list[BrokenRow] = []

        def skip(row: pacsv.InvalidRow) -> Literal["skip", "error"]:
            self._has_swallowed = self._has_swallowed or len(row.text) > MOST_BROKEN_CHARACTERS
            broken.append(BrokenRow((row.number or 0) - self.header_rows, row.expected_columns, row.actual_columns, row.text[:SHOWN_CHARACTERS]))
            return "skip"

        with self._stream() as stream:
            try:
                for rows in self._chunks(stream, skip, broken):
                    self._refuse_swallowed()
                    yield rows
            except pa.ArrowInvalid as error:
                raise self._refusal(str(error)) from error

    def _chunks(self, stream: TextStream, skip: InvalidRowHandler, broken: list[BrokenRow]) -> Iterator[Rows]:
        reader = self._opened(stream, skip)
        pending: list[pa.RecordBatch] = []
        numbering = _Numbering()
        for batch in reader:
            pending.append(batch)
            if sum(piece.num_rows for piece in pending) >= CHUNK_ROWS:
                yield numbering.rows(pa.Table.from_batches(pending), broken, stream)
                pending = []
        yield numbering.rows(pa.Table.from_batches(pending, reader.schema), broken, stream, is_last=True)

    def _refuse_swallowed(self) -> None:
        """A broken record of this length is a quote that never closed and took the rows after it."""
        if self._has_swallowed:
            raise self._refusal("block")

    def _opened(self, stream: TextStream, skip: InvalidRowHandler) -> pacsv.CSVStreamingReader:
        return pacsv.open_csv(
            cast("IO[Any]", pa.PythonFile(stream, mode="r")),  # the stubs know fewer sources than Arrow
            read_options=pacsv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=list(self.columns), skip_rows_after_names=self.header_rows),
            parse_options=pacsv.ParseOptions(
                delimiter=self._delimiter, quote_char=self._quote or False, newlines_in_values=bool(self._quote), invalid_row_handler=skip
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(self.columns, pa.string()), include_columns=self._wanted, strings_can_be_null=False
            ),
        )

    def _stream(self) -> TextStream:
        return TextStream(self.path, self._encoding, collapse_blanks=self._is_blank_separated)

    def _header(self) -> tuple[str, ...]:
        with self._stream() as stream:
            head = stream.read(HEAD_BYTES)
            while len(head) < HEAD_BYTES and (more := stream.read(HEAD_BYTES - len(head))):
                head += more
        head = head.removeprefix(b"\xef\xbb\xbf")
        if not head.strip():
            raise InputError(f"{self.path.name} is an empty file", "a header and rows", "have it sent again")
        if b"\0" in head[: head.find(b"\n") + 1 or len(head)]:
            raise InputError(
                f"{self.path.name} holds NUL bytes in its header",
                f"text in {self._encoding}",
                "if it is UTF-16 set `encoding` in the mapping; if it is a workbook set `format`",
            )
        try:
            text = head.decode("utf-8", errors="strict" if len(head) < HEAD_BYTES else "ignore")
        except UnicodeDecodeError as error:
            raise self._refusal("invalid UTF8 data") from error
        return self._checked_names(text, is_cut=len(head) == HEAD_BYTES)

    def _checked_names(self, text: str, *, is_cut: bool) -> tuple[str, ...]:
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self._quote else csv.QUOTE_NONE
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter, quotechar=self._quote or None, quoting=quoting)
        names = tuple(normalize("NFC", field.strip()) for field in next(row for row in rows if row))
        if len(names) > MOST_COLUMNS or (is_cut and rows.line_num and len(text.splitlines()) == 1):
            raise InputError(
                f"{self.path.name} has a header of {len(names)} columns or more",
                f"at most {MOST_COLUMNS}",
                "check the delimiter, or drop columns you do not map",
            )
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise InputError(f"{self.path.name} has the header {repeated[0]!r} more than once", "each column name once", "rename the columns in the extract")
        return names

    def _refusal(self, message: str) -> InputError:
        if "UTF8" in message or "utf-8" in message.lower():
            remedy = "set `encoding` of this extract in the mapping, for example cp1252 or iso-8859-15"
            return InputError(f"{self.path.name} holds bytes that are not UTF-8", f"text in {self._encoding}", remedy)
        if "straddling" in message or "block" in message:
            return InputError(
                f"{self.path.name} has a record of more than {MOST_BROKEN_CHARACTERS >> 10} KiB that does not fit its header",
                "one record a line",
                "look for a quote that is opened and never closed, or set `quote` in the mapping",
            )
        return InputError(f"{self.path.name} cannot be parsed: {message[:SHOWN_CHARACTERS]}", "delimited text", "check delimiter and quote in the mapping")


def likely_delimiter(columns: tuple[str, ...]) -> str | None:
    """The delimiter a one-column header seems to be written with."""
    if len(columns) != 1:
        return None
    counts = {delimiter: columns[0].count(delimiter) for delimiter in COMMON_DELIMITERS}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else None


class _Numbering:
    """Gives every good row its ordinal, leaving out those of broken rows, which the parser numbers itself."""

    def __init__(self) -> None:
        self._next = 1
        self._told = 0

    def rows(self, table: pa.Table, broken: list[BrokenRow], stream: TextStream, *, is_last: bool = False) -> Rows:
        gaps = np.array([row.ordinal for row in broken if row.ordinal >= self._next], dtype=np.int64)
        span = np.arange(self._next, self._next + table.num_rows + len(gaps), dtype=np.int64)
        ordinals = span[~np.isin(span, gaps)][: table.num_rows] if len(gaps) else span
        if len(ordinals):
            self._next = int(ordinals[-1]) + 1
        ready = [row for row in broken[self._told :] if is_last or row.ordinal < self._next]
        self._told += len(ready)
        return Rows(table.append_column(ORDINAL, pa.array(ordinals)), ready, stream.is_suspicious, stream.has_blanks, stream.is_ascii)
