"""Imports: one row per file and table loaded, with its reconciliation."""

from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint, func
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.storage.database import database_time


class ImportBatch(SQLModel, table=True):
    """One file loaded into one table: read = accepted + quarantined + duplicates + filtered."""

    __tablename__ = "import_batch"
    __table_args__ = (UniqueConstraint("table_name", "sha256"),)

    id: int | None = Field(default=None, primary_key=True)
    source: str
    table_name: str
    file_name: str
    sha256: str
    state: str  # loaded | refused
    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    filtered: int = 0
    reasons: dict[str, int] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    message: str = ""
    quarantine_path: str | None = None
    extract_on: str | None = None
    lake_version: int | None = None
    created_at: float = 0.0


def find(session: Session, table_name: str, sha256: str) -> ImportBatch | None:
    """The batch that loaded this very file into this table."""
    return session.exec(select(ImportBatch).where(ImportBatch.table_name == table_name, ImportBatch.sha256 == sha256)).one_or_none()


def loaded_from(session: Session, sha256: str) -> ImportBatch | None:
    """The first batch any table was loaded with from this very file."""
    query = select(ImportBatch).where(ImportBatch.sha256 == sha256, ImportBatch.state == "loaded").order_by(col(ImportBatch.id))
    return session.exec(query.limit(1)).one_or_none()


def of_file(session: Session, sha256: str) -> list[ImportBatch]:
    """What became of a file, table by table."""
    return list(session.exec(select(ImportBatch).where(ImportBatch.sha256 == sha256).order_by(col(ImportBatch.id))))


def record(session: Session, **fields: Any) -> ImportBatch:  # column values of the row class
    """Write the outcome of one file; a refused file may be tried again and replaces its row."""
    known = find(session, fields["table_name"], fields["sha256"])
    batch = known or ImportBatch(**fields)
    for name, value in fields.items():
        setattr(batch, name, value)
    batch.created_at = database_time(session)
    session.add(batch)
    session.flush()
    return batch


def last_extract_on(session: Session) -> str | None:
    """The latest day any loaded file speaks of, as an ISO date."""
    return session.exec(select(func.max(ImportBatch.extract_on)).where(ImportBatch.state == "loaded")).one()


def last_extract_by_table(session: Session) -> dict[str, str]:
    """The latest day the loaded files of each table speak of, as an ISO date."""
    query = select(ImportBatch.table_name, func.max(ImportBatch.extract_on)).where(ImportBatch.state == "loaded", col(ImportBatch.extract_on).is_not(None))
    return {str(row[0]): str(row[1]) for row in session.exec(query.group_by(col(ImportBatch.table_name)))}


def latest(session: Session, limit: int = 200) -> list[ImportBatch]:
    """The most recent imports, newest first."""
    return list(session.exec(select(ImportBatch).order_by(col(ImportBatch.id).desc()).limit(limit)))
