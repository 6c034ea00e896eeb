"""One uploaded file as the person who sent it sees it: its rows, its mapping, what loading would do, and how far it is."""

import csv
import json
import shutil
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.domain.errors import BanksegError, ConfigurationError, InputError, MissingDataError
from bankseg.domain.extracts import EXTRACT_BY_NAME, Column
from bankseg.domain.jobs import JobState
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.ingest.header_match import DAY_FORMS, Match, matches
from bankseg.ingest.mapping import ExtractMapping, Mapping, Source
from bankseg.services.import_job import ENDED_BADLY, upload_of
from bankseg.services.import_page import SHOWN, QuarantineFile
from bankseg.services.import_trial import Trial, trial_of
from bankseg.services.upload_intake import MIB, data_path, folder_of, look_again, read_look
from bankseg.services.upload_mapping import (
    AS_IT_IS,
    CONSTANT,
    DIALECT_KEYS,
    Choices,
    checked_mapping,
    closed_values,
    mapping_text,
    needs_codes,
    proposed,
)
from bankseg.settings import Settings
from bankseg.storage import audit, import_batch, import_upload
from bankseg.storage.database import reading, transaction
from bankseg.storage.import_batch import ImportBatch
from bankseg.storage.import_upload import ImportUpload
from bankseg.storage.job import Job

RECENT = 20
ENCODINGS = ("utf-8", "cp1252", "iso-8859-15", "utf-16")
DELIMITERS = (",", ";", "\t", "|")
FORMS_OF_DAYS = tuple(form for form, _ in DAY_FORMS)
REJECTS_FILE = "rejects.csv"


@dataclass(frozen=True, slots=True)
class UploadsPage:
    """The files sent lately with who sent each, what one file and one person may bring, in MiB, and what of this person's waits."""

    uploads: list[tuple[ImportUpload, str]]
    most_mb: int
    quota_mb: int
    held_mb: float


@dataclass(frozen=True, slots=True)
class Field:
    """One canonical column in the form: where it comes from now, the closed list it may hold, and the bank's codes with what they mean."""

    column: Column
    source: str
    closed: tuple[str, ...]
    codes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class UploadPage:
    """One file. `mapping` and `fields` are empty where the text does not hold; `error` says why. `Any`: JSON of a look."""

    upload: ImportUpload
    seen: Dictionary[str, Any]
    matches: list[Match]
    table: str
    extract_on: date | None
    dialect: Dictionary[str, str]
    fields: list[Field]
    trial: Trial | None
    rejects: list[dict[str, str]]
    job: Job | None
    batches: list[ImportBatch]
    error: BanksegError | None

    @property
    def columns_mark(self) -> str:
        """What tells a form of other columns from a form of these."""
        return _columns_mark(self.seen)

    @property
    def share(self) -> float:
        """How far the load is, in [0, 1]."""
        if self.job is None:
            return 0.0
        return 1.0 if self.job.state == JobState.DONE else min(1.0, self.job.done / self.job.total) if self.job.total else 0.0

    @property
    def is_loading(self) -> bool:
        """Whether a worker is at it or will be."""
        return self.upload.state == "loading" and self.job is not None and self.job.state not in ENDED_BADLY

    @property
    def has_failed(self) -> bool:
        """Whether the load ended without loading."""
        return self.upload.state == "loading" and self.job is not None and self.job.state in ENDED_BADLY


def uploads_page(settings: Settings, session: Session, scope: Scope) -> UploadsPage:
    """What was sent lately, newest first."""
    require(scope, Right.LOAD)
    held = import_upload.bytes_held(session, scope.person_id) / MIB
    return UploadsPage(import_upload.recent(session, RECENT), settings.upload_mb, settings.upload_quota_mb, held)


def upload_page(settings: Settings, session: Session, scope: Scope, upload_id: int, error: BanksegError | None = None) -> UploadPage:
    """One file.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    upload = upload_of(session, scope, upload_id)
    job = session.get(Job, upload.job_id) if upload.job_id else None
    batches = import_batch.of_file(session, upload.sha256) if upload.state == "loaded" else []
    seen = _seen(settings, upload)
    mapping: Mapping | None = None
    try:
        mapping = checked_mapping(upload.mapping, tuple(seen.get("columns", ())))
    except (ConfigurationError, InputError) as found:
        error = error or found
    extract = mapping.extract[0] if mapping else None
    dialect = {key: str(getattr(extract, key)) for key in DIALECT_KEYS} if extract else {}
    trial = trial_of(upload.trial) if upload.trial else None
    return UploadPage(
        upload, seen, matches(seen["columns"]) if seen else [], extract.table if extract else "", mapping.bank.extract_on if mapping else None,
        dialect, _fields(extract, mapping, seen) if extract and mapping and seen else [], trial, _rejects(settings, upload) if trial else [], job, batches, error,
    )  # fmt: skip


def choose(settings: Settings, engine: Engine, scope: Scope, upload_id: int, form: Dictionary[str, str]) -> None:
    """Keep what was chosen; another table is proposed afresh, another way of writing is looked at again.

    Raises
    ------
    InputError
        When a choice makes no sense.
    """
    with reading(engine) as session:
        upload = upload_of(session, scope, upload_id, "waiting")
    seen, table = read_look(settings, upload), form.get("table", "")
    dialect = {key: form[key] for key in DIALECT_KEYS if key in form}
    if dialect and {**seen["dialect"], **dialect} != seen["dialect"]:
        seen = look_again(settings, data_path(settings, upload), upload.kind, {**seen["dialect"], **dialect}, upload.file_name)
    extract_on = _day(form.get("extract_on", ""))
    if table not in EXTRACT_BY_NAME:
        raise InputError(f"no extract {table[:40]!r}", ", ".join(EXTRACT_BY_NAME), "choose one of these")
    is_same = form.get("table_before") == table and form.get("columns_before") == _columns_mark(seen)
    chosen = Choices(table, extract_on, seen["dialect"], _sources(form), _codes(form)) if is_same else proposed(table, seen, extract_on)
    _keep(engine, scope, upload_id, mapping_text(settings, chosen, upload.file_name, before=upload.mapping))


def choose_text(settings: Settings, engine: Engine, scope: Scope, upload_id: int, text: str) -> None:
    """Keep a mapping written as text.

    Raises
    ------
    ConfigurationError
        Naming the key that is wrong; nothing is kept.
    """
    with reading(engine) as session:
        upload = upload_of(session, scope, upload_id, "waiting")
    mapping = checked_mapping(text)
    dialect = {key: str(getattr(mapping.extract[0], key)) for key in DIALECT_KEYS}
    seen = look_again(settings, data_path(settings, upload), upload.kind, dialect, upload.file_name)
    checked_mapping(text, tuple(seen["columns"]))
    _keep(engine, scope, upload_id, text)


def take_rejects(settings: Settings, engine: Engine, scope: Scope, upload_id: int, target: Path) -> QuarantineFile:
    """Copy the rows the dry run refused, and record who took them.

    Raises
    ------
    MissingDataError
        When it refused none, or was not made.
    """
    with transaction(engine) as session:
        upload = upload_of(session, scope, upload_id, "waiting")
        path = folder_of(settings, upload) / REJECTS_FILE
        if not upload.trial.get("rejects") or not path.is_file():
            raise MissingDataError(f"no refused rows of {upload.file_name}", "a dry run that refused rows", "try it first")
        shutil.copyfile(path, target)
        rows = int(upload.trial["quarantined"])
        audit.record(session, "export", f"rejects:{upload_id}", person_id=scope.person_id, rows=rows, sha256=upload.sha256)
    return QuarantineFile(rows, "trial")


def _columns_mark(seen: Dictionary[str, Any]) -> str:
    return sha256(json.dumps(seen.get("columns", [])).encode()).hexdigest()[:16]


def _seen(settings: Settings, upload: ImportUpload) -> dict[str, Any]:
    return read_look(settings, upload) if upload.state in import_upload.OPEN_STATES and folder_of(settings, upload).is_dir() else {}


def _keep(engine: Engine, scope: Scope, upload_id: int, text: str) -> None:
    with transaction(engine) as session:
        row = upload_of(session, scope, upload_id, "waiting")
        if row.mapping != text:
            row.mapping, row.trial = text, {}


def _fields(extract: ExtractMapping, mapping: Mapping, seen: Dictionary[str, Any]) -> list[Field]:
    return [_field(column, extract, mapping, seen) for column in extract.extract.columns if not column.derived]


def _field(column: Column, extract: ExtractMapping, mapping: Mapping, seen: Dictionary[str, Any]) -> Field:
    source = extract.columns.get(column.name)
    chosen, closed = _chosen(source, mapping), closed_values(column, extract.table)
    values = tuple(seen["values"].get(chosen, ()))
    known = mapping.codes.get(source.codes or "", {}) if source else {}
    shown = dict.fromkeys((*known, *(values if needs_codes(column, extract.table, values) else ())))
    return Field(column, chosen, closed, tuple((code, known.get(code, "")) for code in shown))


def _chosen(source: Source | None, mapping: Mapping) -> str:
    """What stands in the form for an entry: a header, a value for all, or that it is written as text."""
    if source is None:
        return ""
    told = source.model_dump(exclude_defaults=True)
    if set(told) == {"column"} or (set(told) == {"column", "codes"} and "*" not in mapping.codes.get(source.codes or "", {})):
        return str(source.column)
    return f"{CONSTANT}{source.constant}" if set(told) == {"constant"} else AS_IT_IS


def _rejects(settings: Settings, upload: ImportUpload) -> list[dict[str, str]]:
    path = folder_of(settings, upload) / REJECTS_FILE
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [{name: row.get(name) or "" for name in ("row_number", "column", "value", "reason", "text")} for row in islice(csv.DictReader(stream), SHOWN)]


def _sources(form: Dictionary[str, str]) -> dict[str, str]:
    return {name.removeprefix("column."): value for name, value in form.items() if name.startswith("column.") and value}


def _codes(form: Dictionary[str, str]) -> dict[str, dict[str, str]]:
    """Codes of `code.<column>.<n>` with their meaning in `means.<column>.<n>`."""
    found: dict[str, dict[str, str]] = {}
    for name, code in form.items():
        if name.startswith("code."):
            _, column, place = name.split(".", 2)
            meaning = form.get(f"means.{column}.{place}", "")
            if meaning:
                found.setdefault(column, {})[code] = meaning
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"extract date {text[:20]!r}", "a date such as 2025-12-31", "give the last day the file may speak of") from error
