"""Audit entries: who did what, written in the same transaction as the change, chained by hash."""

import json
from hashlib import sha256
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.storage.database import db_now


class AuditEntry(SQLModel, table=True):
    """One entry; `chain` covers the entry before, so that a removed or changed one shows."""

    __tablename__ = "audit_entry"

    id: int | None = Field(default=None, primary_key=True)
    at: float
    person_id: int | None = None
    action: str
    subject: str
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    chain: str


def record(session: Session, action: str, subject: str, *, person_id: int | None = None, **details: Any) -> AuditEntry:  # JSON values
    """Append one entry to the chain."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql("SELECT pg_advisory_xact_lock(72657)")  # one writer of the chain at a time
    last = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(1)).one_or_none()
    at = session.scalar(select(db_now())) or 0.0
    entry = AuditEntry(at=at, person_id=person_id, action=action, subject=subject, details=details, chain="")
    entry.chain = _link(last.chain if last else "", entry)
    session.add(entry)
    session.flush()
    return entry


def first_broken(session: Session) -> int | None:
    """Id of the first entry whose chain does not verify, or None when all do."""
    previous = ""
    for entry in session.exec(select(AuditEntry).order_by(col(AuditEntry.id))):
        if entry.chain != _link(previous, entry):
            return entry.id
        previous = entry.chain
    return None


def _link(previous: str, entry: AuditEntry) -> str:
    body = json.dumps([round(entry.at, 3), entry.person_id, entry.action, entry.subject, entry.details], sort_keys=True, ensure_ascii=True)
    return sha256((previous + body).encode()).hexdigest()
