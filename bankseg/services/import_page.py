"""One import: its reconciliation, every reason with its count, and the refused rows for those who mend them."""

import csv
import shutil
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.domain.errors import MissingDataError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, may, require
from bankseg.settings import Settings
from bankseg.storage import audit
from bankseg.storage.database import reading, transaction
from bankseg.storage.import_batch import ImportBatch

SHOWN = 20


@dataclass(frozen=True, slots=True)
class ImportPage:
    """One file's import. `rows`: the first refused rows (row number, column, value, reason) for those who may read them; `reasons`: largest first."""

    batch: ImportBatch
    reasons: list[tuple[str, int]]
    rows: list[dict[str, str]]
    has_file: bool
    may_read_rows: bool

    @property
    def reconciles(self) -> bool:
        """Whether every row read is accounted for."""
        batch = self.batch
        return batch.read == batch.accepted + batch.quarantined + batch.duplicates + batch.filtered


@dataclass(frozen=True, slots=True)
class QuarantineFile:
    """A copy of the refused rows, and the day the extract speaks of."""

    rows: int
    as_of: str


def import_page(settings: Settings, session: Session, scope: Scope, batch_id: int) -> ImportPage:
    """One import.

    Raises
    ------
    NotFoundError
        When there is none, or the role sees no imports.
    """
    require(scope, Right.IMPORTS)
    batch = _batch(session, batch_id)
    path, reads = _kept(settings, batch), may(scope.role, Right.QUARANTINE)
    rows: list[dict[str, str]] = []
    if path is not None and reads:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = [{name: row.get(name) or "" for name in ("row_number", "column", "value", "reason")} for row in islice(csv.DictReader(stream), SHOWN)]
    ordered = sorted((batch.reasons or {}).items(), key=lambda entry: (-entry[1], entry[0]))
    return ImportPage(batch, ordered, rows, path is not None, reads)


def export_quarantine(settings: Settings, engine: Engine, scope: Scope, batch_id: int, target: Path) -> QuarantineFile:
    """Copy the refused rows of an import, with what was wrong in each, and record who took them.

    Raises
    ------
    NotFoundError
        When there is no such import, or the role reads no refused rows.
    MissingDataError
        When no row was refused, or the file is no longer kept.
    """
    require(scope, Right.QUARANTINE)
    with reading(engine) as session:
        batch = _batch(session, batch_id)
    path = _kept(settings, batch)
    if path is None:
        raise MissingDataError(f"no refused rows of {batch.file_name} are kept", "an import with refused rows", "load the file again")
    shutil.copyfile(path, target)
    with transaction(engine) as session:
        audit.record(session, "export", f"quarantine:{batch_id}", person_id=scope.person_id, rows=_rows(batch), sha256=batch.sha256)
    return QuarantineFile(_rows(batch), batch.extract_on or "")


def _rows(batch: ImportBatch) -> int:
    """Refused rows, also those of a file that was refused as a whole for them."""
    return sum((batch.reasons or {}).values())


def _batch(session: Session, batch_id: int) -> ImportBatch:
    batch = session.get(ImportBatch, batch_id)
    if batch is None:
        raise NotFoundError(f"no import {batch_id}")
    return batch


def _kept(settings: Settings, batch: ImportBatch) -> Path | None:
    """The file of refused rows, where it still lies in the folder of quarantine."""
    if not batch.quarantine_path:
        return None
    path = settings.quarantine / Path(batch.quarantine_path).name
    return path if path.is_file() else None
