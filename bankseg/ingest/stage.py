"""Staging: files of one extract are parsed in one thread while DuckDB checks and types their rows in another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files as package_files
from pathlib import Path
from typing import cast

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from bankseg.domain.errors import ConfigurationError, InputError
from bankseg.ingest.ahead import ReadAhead
from bankseg.ingest.checks import Check
from bankseg.ingest.mapping import ExtractMapping, Mapping
from bankseg.ingest.normalise import Reading
from bankseg.ingest.quarantine import Quarantine
from bankseg.ingest.rows import FILE_NUMBER, ORDINAL, Reader, Rows
from bankseg.ingest.source_file import open_source, require_columns
from bankseg.ingest.sql import spelled
from bankseg.ingest.statement import BATCH, build, sources_of
from bankseg.ingest.traits import Trait

# Pieces are checked together, up to this many bytes a statement: each one hashes the known owners anew.
BYTES_AT_ONCE = 96 << 20
Progress = Callable[[str, int], None]


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Teach a connection the checks that are too long for one expression."""
    connection.execute(package_files("bankseg.ingest").joinpath("macros.sql").read_text(encoding="utf-8"))


def leave_out(connection: duckdb.DuckDBPyConnection, file: "StagedFile") -> None:
    """Take a file's rows out of `staged`."""
    connection.execute("DELETE FROM staged WHERE file_no = $number", {"number": file.number})


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
    normalised: int = 0
    refusal: InputError | None = None


@dataclass(frozen=True, slots=True)
class _Spelled:
    """SQL that stages a batch, SQL that shows what was wrong with faulty rows, and the checks."""

    insert: str
    texts: str
    checks: list[Check]


@dataclass(slots=True)
class Staging:
    """All files of one [[extract]] that are loaded together, in the table `staged` of one DuckDB connection."""

    connection: duckdb.DuckDBPyConnection
    mapping: Mapping
    extract_mapping: ExtractMapping
    extract_on: date
    buckets: int
    lookup_columns: tuple[str, ...] = ()
    _pending: list[pa.Table] = field(default_factory=list)
    _is_suspicious: bool = False
    _traits: frozenset[tuple[str, Trait]] = frozenset()
    _statements: dict[str, _Spelled] = field(default_factory=dict)

    def stage(self, files: Sequence[StagedFile], progress: Progress | None = None) -> list[StagedFile]:
        """Read, check and type every file; those that could not be read carry their refusal and leave no row behind."""
        self.connection.execute("DROP TABLE IF EXISTS staged")
        by_number = {file.number: file for file in files}
        with ReadAhead(files, self._opened) as pieces:
            for file, piece in pieces:
                if isinstance(piece, InputError):
                    file.refusal = piece
                else:
                    self._take(file, piece, by_number)
                    if progress is not None:
                        progress(file.path.name, file.read)
        self._check_pending(by_number)
        self._count_filtered(by_number)
        for file in files:
            self._refuse_empty(file)
            if file.refusal is not None:
                self._forget(file)
        return [file for file in files if file.refusal is None]

    def _opened(self, path: Path) -> Reader:
        reader = open_source(path, self.extract_mapping)
        needed = sources_of(self.extract_mapping) - set(self.lookup_columns)
        require_columns(reader, path, needed, self.extract_mapping.delimiter)
        reader.only(needed)
        return reader

    def _take(self, file: StagedFile, rows: Rows, by_number: dict[int, StagedFile]) -> None:
        table = rows.table.append_column(FILE_NUMBER, pa.array([file.number], pa.int32()).take(pa.array([0] * len(rows.table), pa.int8())))
        if self._pending and not table.schema.equals(self._pending[0].schema):
            self._check_pending(by_number)
        self._pending.append(table)
        self._is_suspicious = self._is_suspicious or rows.is_suspicious
        self._traits |= rows.traits
        file.read += rows.table.num_rows + len(rows.broken)
        file.normalised += rows.normalised
        for broken in rows.broken:
            reason = "too_many_fields" if broken.found_fields > broken.expected_fields else "too_few_fields"
            text = f"{broken.found_fields} fields where the header has {broken.expected_fields}"
            file.quarantine.add(broken.ordinal + file.header_rows, "", broken.text, reason, text)
        if sum(piece.nbytes for piece in self._pending) >= BYTES_AT_ONCE:
            self._check_pending(by_number)

    def _check_pending(self, by_number: dict[int, StagedFile]) -> None:
        """Run the statement over what was read so far and move faulty rows to the quarantine files."""
        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        self._pending = []
        statement = self._statement(table.schema)
        self._run(statement.insert, table)
        faulty = self.connection.sql("SELECT file_no, row_number FROM staged WHERE fault IS NOT NULL").to_arrow_table()
        if not len(faulty):
            return
        # Only rows at fault are looked at again for their text, so that good rows need not carry it.
        rows = table.filter(pc.is_in(_place(table[FILE_NUMBER], table[ORDINAL]), _place(faulty["file_no"], faulty["row_number"])))
        for file_no, row_number, fault, text in sorted(self._run(statement.texts, rows)):
            file, check = by_number[file_no], statement.checks[fault]
            file.quarantine.add(row_number + file.header_rows, check.column, text, check.reason, check.about)
        self.connection.execute("DELETE FROM staged WHERE fault IS NOT NULL")

    def _run(self, statement: str, table: pa.Table) -> list[tuple[int, int, int, str | None]]:
        self.connection.register(BATCH, table)
        try:
            return self.connection.execute(statement).fetchall()
        except duckdb.Error as error:
            raise self._explained(error) from error
        finally:
            self.connection.unregister(BATCH)

    def _statement(self, schema: pa.Schema) -> _Spelled:
        """The statement for rows of these types, built once; the first of an extract creates `staged`."""
        exists = self.connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'staged'").fetchall() != [(0,)]
        key = f"{exists} {self._is_suspicious} {sorted(f'{column}:{trait.name}' for column, trait in self._traits)} {schema.to_string()}"
        if key not in self._statements:
            types = {field.name: field.type for field in schema}
            reading = Reading(self.extract_mapping, self.mapping.codes, types, self._traits, self._is_suspicious)
            built = build(self.mapping, self.extract_mapping, reading, self.extract_on, self.buckets)
            target = exp.to_table("staged")
            whole = exp.insert(built.select, target) if exists else exp.Create(this=target, kind="TABLE", expression=built.select)
            self._statements[key] = _Spelled(spelled(whole), spelled(built.texts), built.checks)
        return self._statements[key]

    def _count_filtered(self, by_number: dict[int, StagedFile]) -> None:
        kept = dict(self.connection.execute("SELECT file_no, count(*) FROM staged GROUP BY file_no").fetchall()) if self._statements else {}
        for file in by_number.values():
            file.filtered = file.read - file.quarantine.count - kept.get(file.number, 0)

    def _refuse_empty(self, file: StagedFile) -> None:
        if file.read == 0 and file.refusal is None and not self.extract_mapping.may_be_empty:
            file.refusal = InputError(f"{file.path.name} has a header and no rows", "rows", "have it sent again, or set may_be_empty = true for this extract")

    def _forget(self, file: StagedFile) -> None:
        file.quarantine.discard()
        if self._statements:
            leave_out(self.connection, file)

    def _explained(self, error: duckdb.Error) -> ConfigurationError:
        message = str(error).splitlines()[0][:300]
        return ConfigurationError(
            f"the mapping of {self.extract_mapping.table} cannot be run: {message}",
            "columns, expressions and formats that fit the files",
            "correct the mapping",
        )


def _place(files: "pa.ChunkedArray[pa.Int32Scalar]", rows: "pa.ChunkedArray[pa.Int64Scalar]") -> "pa.Array[pa.Int64Scalar]":
    """File and row as one number."""
    return cast("pa.Array[pa.Int64Scalar]", pc.add(pc.multiply(files.cast(pa.int64()), pa.scalar(1 << 40)), rows.cast(pa.int64())).combine_chunks())
