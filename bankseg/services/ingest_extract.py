"""Load the files of one [[extract]]: stage, settle, place in time, commit once a table, record each file."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bankseg.domain.errors import InputError
from bankseg.domain.extracts import Extract
from bankseg.faults import crash_point
from bankseg.ingest.door import door_tables, enter, pass_through_door
from bankseg.ingest.lookups import load_lookups
from bankseg.ingest.mapping import ExtractMapping, Mapping
from bankseg.ingest.quarantine import Quarantine
from bankseg.ingest.repeats import settle_repeats
from bankseg.ingest.report import FileReport
from bankseg.ingest.share import beyond_share
from bankseg.ingest.source_file import sha256_of
from bankseg.ingest.stage import StagedFile, Staging, leave_out
from bankseg.ingest.statement import constant_columns
from bankseg.lake.bucket_file import Constants
from bankseg.lake.history import Placement, place
from bankseg.lake.scratch import Connection
from bankseg.lake.tables import Lake, imported, imported_counts
from bankseg.lake.write import Writing, write_staged
from bankseg.services.erased_again import Known, erased_before, refuse_erased
from bankseg.settings import Settings
from bankseg.storage import import_batch
from bankseg.storage.database import reading, transaction


@dataclass(slots=True)
class Intake:
    """One import under way."""

    settings: Settings
    connection: Connection
    lake: Lake
    engine: Engine
    mapping: Mapping
    directory: Path
    extract_on: date
    progress: Callable[[str, int], None] | None = None
    accepts_rejects: bool = False
    seen: Counter[tuple[str, Path]] = field(default_factory=Counter)


def load_extract(intake: Intake, extract_mapping: ExtractMapping, paths: Sequence[Path], stopped_by: str = "") -> list[FileReport]:
    """Load files into the extract's table, and into those behind the attributes door; every file is reported."""
    reports: list[FileReport] = []
    pending: list[StagedFile] = []
    erased = erased_before(intake.settings)
    for number, path in enumerate(paths):
        digest = _identity(intake, extract_mapping.table, path)
        known = _known(intake, extract_mapping, path, digest)
        if known:
            reports += known
        elif stopped_by:
            reports.append(_refused(intake, extract_mapping.table, path, digest, InputError(f"not loaded: {stopped_by}")))
        else:
            pending.append(StagedFile(number, path, digest, Quarantine(_quarantine_path(intake, extract_mapping.table, path, digest), erased)))
    if pending:
        reports += _load_pending(intake, extract_mapping, pending, erased)
    return reports


def _load_pending(intake: Intake, extract_mapping: ExtractMapping, pending: list[StagedFile], erased: Known | None) -> list[FileReport]:
    staging = Staging(intake.connection, intake.mapping, extract_mapping, intake.extract_on, intake.lake.buckets)
    try:
        staging.lookup_columns = load_lookups(intake.connection, intake.directory, extract_mapping)
    except InputError as error:
        return [_refused(intake, extract_mapping.table, file.path, file.sha256, error) for file in pending]
    staged = staging.stage(pending, intake.progress)
    if erased is not None and staged and extract_mapping.table == "clients":
        refuse_erased(intake.connection, staged, erased)
    reports = [_refused(intake, extract_mapping.table, file.path, file.sha256, file.refusal) for file in pending if file.refusal is not None]
    return reports + (_commit_all(intake, extract_mapping, staged) if staged else [])


def _commit_all(intake: Intake, extract_mapping: ExtractMapping, files: list[StagedFile]) -> list[FileReport]:
    extract = extract_mapping.extract
    crash_point("intake.staged")
    constants = constant_columns(intake.mapping, extract_mapping)
    has_repeats = settle_repeats(intake.connection, extract, files, constants=constants, first_of_key=extract_mapping.first_of_key)
    refused = _refuse_beyond_share(intake, extract_mapping, files)
    files = [file for file in files if file.refusal is None]
    if not files:
        return refused
    pass_through_door(intake.connection, extract_mapping, intake.extract_on)
    reports = _commit_table(intake, extract, files, has_repeats=has_repeats, constants=constants)
    for door in door_tables(extract_mapping):
        enter(intake.connection, door)
        has_repeats = settle_repeats(intake.connection, door, files, constants={})
        present = _rows_by_file(intake)
        reports += _commit_table(intake, door, [_behind_door(file, present.get(file.number, 0)) for file in files], has_repeats=has_repeats, constants={})
    crash_point("intake.before_store")
    with transaction(intake.engine) as session:
        for report in reports:
            import_batch.record(session, **_fields(intake, report))
    return refused + reports


def _refuse_beyond_share(intake: Intake, extract_mapping: ExtractMapping, files: Sequence[StagedFile]) -> list[FileReport]:
    """Refuse files too many of whose rows were refused; their quarantine is kept, for it says why."""
    if intake.accepts_rejects:
        return []
    table, reports = extract_mapping.table, []
    done = imported(intake.lake, table, [file.sha256 for file in files])
    for file in files:
        file.refusal = beyond_share(file, extract_mapping.most_rejected_pct) if file.sha256 not in done else None
        if file.refusal is not None:
            leave_out(intake.connection, file)
            kept = {"reasons": dict(file.quarantine.reasons), "quarantine_path": file.quarantine.save()}
            reports.append(_refused(intake, table, file.path, file.sha256, file.refusal, **kept))
    return reports


def _commit_table(intake: Intake, extract: Extract, files: Sequence[StagedFile], *, has_repeats: bool, constants: Constants) -> list[FileReport]:
    """One version of one table for all files, leaving out those an interrupted import had committed already."""
    done = imported(intake.lake, extract.name, [file.sha256 for file in files])
    for file in files:
        if file.sha256 in done:
            leave_out(intake.connection, file)
    placement = place(intake.connection, intake.lake, extract, intake.extract_on, constants, has_repeats=has_repeats)
    accepted = _rows_by_file(intake)
    drafts = [_report(extract, file, placement, accepted.get(file.number, 0)) for file in files if file.sha256 not in done]
    version = write_staged(Writing(intake.connection, intake.lake, extract, placement, constants), {draft.sha256: draft.counts() for draft in drafts})
    return [_recovered(intake, extract, file) for file in files if file.sha256 in done] + [replace(draft, lake_version=version) for draft in drafts]


def _rows_by_file(intake: Intake) -> dict[int, int]:
    return dict(intake.connection.execute("SELECT file_no, count(*) FROM staged GROUP BY file_no").fetchall())


def _report(extract: Extract, file: StagedFile, placement: Placement, accepted: int) -> FileReport:
    duplicates = file.duplicates + placement.duplicates.get(file.number, 0)
    quarantine = file.quarantine
    return FileReport(
        extract.name, file.path.name, file.sha256, "loaded", read=file.read, accepted=accepted, quarantined=quarantine.count, duplicates=duplicates, filtered=file.filtered,
        reasons=dict(quarantine.reasons), quarantine_path=quarantine.save(),
        message=f"{file.normalised:,} texts were brought to one spelling (Unicode NFC)" if file.normalised else "",
    )  # fmt: skip


def _behind_door(file: StagedFile, values: int) -> StagedFile:
    """A file as the door's tables see it: one row for each value that is there."""
    return StagedFile(file.number, file.path, file.sha256, Quarantine(file.quarantine.path.with_suffix(".door")), read=values)


def _recovered(intake: Intake, extract: Extract, file: StagedFile) -> FileReport:
    """Report of a file whose commit outlived the process that made it."""
    file.quarantine.discard()
    found = imported_counts(intake.lake, extract.name, file.sha256)
    version, counts = found if found is not None else (None, {})
    message = "" if found else "committed by an earlier import whose log entry is gone; its counts are not known"
    return FileReport(extract.name, file.path.name, file.sha256, "loaded", lake_version=version, message=message, **counts)


def _identity(intake: Intake, table: str, path: Path) -> str:
    """A file's hash; a file that feeds one table through several [[extract]]s has one name for each."""
    intake.seen[table, path] += 1
    nth, digest = intake.seen[table, path], sha256_of(path)
    return digest if nth == 1 else sha256(f"{digest}:{nth}".encode()).hexdigest()


def _known(intake: Intake, extract_mapping: ExtractMapping, path: Path, digest: str) -> list[FileReport]:
    """Reports of a file that the store says is loaded in every table it feeds."""
    tables = [extract_mapping.extract, *door_tables(extract_mapping)]
    with reading(intake.engine) as session:
        batches = [import_batch.find(session, table.name, digest) for table in tables]
    if any(batch is None or batch.state != "loaded" for batch in batches):
        return []
    return [FileReport(table.name, path.name, digest, "already_loaded") for table in tables]


def _refused(intake: Intake, table: str, path: Path, digest: str, error: InputError, **kept: Any) -> FileReport:  # fields of the report
    report = FileReport(table, path.name, digest, "refused", message=str(error), **kept)
    with transaction(intake.engine) as session:
        import_batch.record(session, **_fields(intake, report))
    return report


def _fields(intake: Intake, report: FileReport) -> dict[str, Any]:
    return {
        "source": intake.mapping.bank.name, "table_name": report.table, "file_name": report.file, "sha256": report.sha256, "state": report.state,
        "message": report.message, "extract_on": intake.extract_on.isoformat(), "lake_version": report.lake_version, **report.counts(),
    }  # fmt: skip


def _quarantine_path(intake: Intake, table: str, path: Path, digest: str) -> Path:
    stem = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in path.name)[:80]
    return intake.settings.quarantine / f"{table}-{stem}-{digest[:12]}.csv"
