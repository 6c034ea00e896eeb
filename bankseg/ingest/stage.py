"""Staging: files of one extract parsed in one thread while DuckDB checks and types them in another."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlglot import exp

from bankseg.domain.errors import ConfigurationError, InputError
from bankseg.ingest.mapping import ExtractMapping, Mapping
from bankseg.ingest.normalise import Reading
from bankseg.ingest.quarantine import Quarantine
from bankseg.ingest.rows import ORDINAL, Reader, Rows
from bankseg.ingest.source_file import open_source, require_columns
from bankseg.ingest.sql import name, named, number, spelled
from bankseg.ingest.statement import BATCH, Statement, build, sources_of

STAGED = "staged"
# Pieces parsed ahead of the checks: enough to keep both threads busy, few enough to bound memory.
PIECES_AHEAD = 2
Progress = Callable[[str, int], None]


@dataclass(slots=True)
class StagedFile:
    """One file's rows in `staged` and what was counted while they were read."""

    number: int
    path: Path
    sha256: str
    quarantine: Quarantine
    header_rows: int = 1
    read: int = 0
    filtered: int = 0
    duplicates: int = 0
    inserted: int = 0


@dataclass(slots=True)
class Staging:
    """All files of one [[extract]] that are loaded together, in the table `staged` of one DuckDB connection."""

    connection: duckdb.DuckDBPyConnection
    mapping: Mapping
    extract_mapping: ExtractMapping
    extract_on: date
    buckets: int
    files: list[StagedFile] = field(default_factory=list)
    lookup_columns: tuple[str, ...] = ()

    def add(self, file: StagedFile, progress: Progress | None = None) -> None:
        """Read, check and type one file; a file that cannot be read leaves no row behind."""
        reader = self._opened(file.path)
        file.header_rows = reader.header_rows
        try:
            with _Ahead(reader) as pieces:
                self._consume(pieces, file, progress)
        except InputError:
            self._forget(file)
            raise
        if file.read == 0 and not self.extract_mapping.may_be_empty:
            self._forget(file)
            raise InputError(f"{file.path.name} has a header and no rows", "rows", "have it sent again, or set may_be_empty = true for this extract")
        self.files.append(file)

    def _opened(self, path: Path) -> Reader:
        reader = open_source(path, self.extract_mapping)
        needed = sources_of(self.extract_mapping) - set(self.lookup_columns)
        require_columns(reader, path, needed, self.extract_mapping.delimiter)
        reader.only(needed)
        return reader

    def _consume(self, pieces: Iterator[Rows], file: StagedFile, progress: Progress | None) -> None:
        statements: dict[bool, Statement] = {}
        for rows in pieces:
            if rows.is_suspicious not in statements:
                statements[rows.is_suspicious] = self._statement(rows)
            inserted = self._insert(rows.table, statements[rows.is_suspicious], file)
            file.read += rows.table.num_rows + len(rows.broken)
            file.filtered += rows.table.num_rows - inserted
            file.inserted += inserted
            for broken in rows.broken:
                reason = "too_many_fields" if broken.found_fields > broken.expected_fields else "too_few_fields"
                text = f"{broken.found_fields} fields where the header has {broken.expected_fields}"
                file.quarantine.add(broken.ordinal + file.header_rows, "", broken.text, reason, text)
            self._quarantine_faults(statements[rows.is_suspicious], file)
            if progress is not None:
                progress(file.path.name, file.read)

    def _statement(self, rows: Rows) -> Statement:
        types = {field.name: field.type for field in rows.table.schema}
        reading = Reading(self.extract_mapping, self.mapping.codes, types, self.extract_on.isoformat())
        return build(self.mapping, self.extract_mapping, reading, self.extract_on, self.buckets, is_suspicious=rows.is_suspicious)

    def _insert(self, table: pa.Table, statement: Statement, file: StagedFile) -> int:
        select = exp.select("*", named(number(file.number), "file_no")).from_(statement.select.subquery("rows"))
        self.connection.register(BATCH, table)
        try:
            if not self._exists():
                create = exp.Create(this=exp.to_table(STAGED), kind="TABLE", expression=select.copy().limit(0))
                self.connection.execute(spelled(create))
            inserted = self.connection.execute(spelled(exp.insert(select, exp.to_table(STAGED)))).fetchone()
        except duckdb.Error as error:
            raise _explained(error, self.extract_mapping) from error
        finally:
            self.connection.unregister(BATCH)
        return int(inserted[0]) if inserted else 0

    def _exists(self) -> bool:
        found = self.connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = $table", {"table": STAGED}).fetchone()
        return bool(found and found[0])

    def _quarantine_faults(self, statement: Statement, file: StagedFile) -> None:
        """Move faulty rows from `staged` to the quarantine file."""
        where = exp.and_(exp.Not(this=exp.Is(this=name("fault"), expression=exp.Null())), exp.EQ(this=name("file_no"), expression=number(file.number)))
        faulty = exp.select(name("row_number"), name("fault"), name("fault_text")).from_(exp.to_table(STAGED)).where(where)
        found = self.connection.execute(spelled(faulty)).fetchall()
        for row_number, fault, text in found:
            check = statement.checks[fault]
            file.quarantine.add(row_number + file.header_rows, check.column, text, check.reason, check.about)
        if found:
            self.connection.execute(spelled(exp.delete(exp.to_table(STAGED), where=where)))

    def _forget(self, file: StagedFile) -> None:
        file.quarantine.discard()
        if self._exists():
            self.connection.execute(spelled(exp.delete(exp.to_table(STAGED), where=exp.EQ(this=name("file_no"), expression=number(file.number)))))


class _Ahead:
    """Runs a reader in a thread of its own, a few pieces ahead; its errors are raised where they are consumed."""

    def __init__(self, reader: Reader) -> None:
        self._queue: queue.Queue[Rows | BaseException | None] = queue.Queue(maxsize=PIECES_AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(reader,), name="intake-parser", daemon=True)

    def __enter__(self) -> Iterator[Rows]:
        self._thread.start()
        return iter(self._next, None)

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                continue
        self._thread.join()

    def _next(self) -> Rows | None:
        piece = self._queue.get()
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def _run(self, reader: Reader) -> None:
        try:
            for rows in reader.read():
                if self._stopped.is_set():
                    return
                self._queue.put(rows)
            self._queue.put(None)
        except BaseException as error:  # noqa: BLE001  # carried to the consuming thread, which raises it
            self._queue.put(error)


def _explained(error: duckdb.Error, extract_mapping: ExtractMapping) -> ConfigurationError:
    message = str(error).splitlines()[0][:300]
    return ConfigurationError(f"the mapping of {extract_mapping.table} cannot be run: {message}", "columns, expressions and formats that fit the files", "correct the mapping")


__all__ = ["ORDINAL", "STAGED", "Progress", "StagedFile", "Staging"]
