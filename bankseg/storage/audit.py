"""Audit entries: who did what, written in the same transaction as the change, chained by hash."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import JSON, Column, String, cast, func, or_
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.storage.database import database_time
from bankseg.storage.person import Person

ERASED = "client_erased"  # the entry that vouches for those a client was taken out of


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
    redacted_by: int | None = None  # the erasure that put a pseudonym in place of a client; a later entry of the chain vouches for what it says now


def record(session: Session, action: str, subject: str, *, person_id: int | None = None, **details: Any) -> AuditEntry:  # JSON values
    """Append one entry to the chain."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql("SELECT pg_advisory_xact_lock(72657)")  # one writer of the chain at a time
    last = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(1)).one_or_none()
    at = database_time(session)
    entry = AuditEntry(at=at, person_id=person_id, action=action, subject=subject, details=details, chain="")
    entry.chain = _link(last.chain if last else "", entry)
    session.add(entry)
    session.flush()
    return entry


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are asked for; None asks nothing. `subject` is a part of the subject's text; days are UTC and both counted."""

    action: str | None = None
    login: str | None = None
    subject: str | None = None
    first: date | None = None
    last: date | None = None


def entries(session: Session, asked: AuditFilter, *, before: int | None = None, most: int) -> list[tuple[AuditEntry, str | None]]:
    """Matching entries with the login of who acted, newest first, of ids below `before`."""
    statement = select(AuditEntry, Person.login).join(Person, col(Person.id) == col(AuditEntry.person_id), isouter=True)
    if asked.action is not None:
        statement = statement.where(AuditEntry.action == asked.action)
    if asked.login is not None:
        statement = statement.where(Person.login == asked.login)
    if asked.subject is not None:
        statement = statement.where(col(AuditEntry.subject).contains(asked.subject, autoescape=True))
    if asked.first is not None:
        statement = statement.where(AuditEntry.at >= _midnight(asked.first))
    if asked.last is not None:
        statement = statement.where(AuditEntry.at < _midnight(asked.last + timedelta(days=1)))
    if before is not None:
        statement = statement.where(col(AuditEntry.id) < before)
    return [(entry, login) for entry, login in session.exec(statement.order_by(col(AuditEntry.id).desc()).limit(most))]


def actions(session: Session) -> list[str]:
    """Every kind of action there is in the trail, sorted."""
    return sorted(session.exec(select(AuditEntry.action).distinct()))


def count(session: Session) -> int:
    """Entries in the trail."""
    return session.exec(select(func.count()).select_from(AuditEntry)).one()


def _midnight(day: date) -> float:
    return datetime.combine(day, time.min, tzinfo=UTC).timestamp()


def first_broken(session: Session) -> int | None:
    """Id of the first entry whose chain does not verify, or None when all do.

    An entry in which a client was erased keeps its link, so that the ones after it and every head told elsewhere still hold; what it says now
    must be what the entry of that erasure vouches for.
    """
    previous = ""
    redacted: dict[int, str] = {}
    vouched: dict[int, str] = {}
    for entry in session.exec(select(AuditEntry).order_by(col(AuditEntry.id))):
        if entry.redacted_by is not None:
            redacted[entry.id or 0] = said(entry)
        elif entry.chain != _link(previous, entry):
            return entry.id
        elif entry.action == ERASED:
            vouched |= {int(key): digest for key, digest in entry.details["redacted"].items()}
        previous = entry.chain
    return next((key for key, digest in redacted.items() if vouched.get(key) != digest), None)


def redact(session: Session, erasure_id: int, replace: Callable[[str], str], *, naming: str) -> dict[str, str]:
    """Put a pseudonym into every entry that names a client; digests of what each says now, by its id, for the entry that vouches for them."""
    named = or_(col(AuditEntry.subject).contains(naming, autoescape=True), cast(col(AuditEntry.details), String).contains(naming, autoescape=True))
    digests = {}
    for entry in session.exec(select(AuditEntry).where(named).order_by(col(AuditEntry.id))):
        subject, details = replace(entry.subject), json.loads(replace(json.dumps(entry.details, ensure_ascii=False)))
        if (subject, details) != (entry.subject, entry.details):
            entry.subject, entry.details, entry.redacted_by = subject, details, erasure_id
            digests[str(entry.id)] = said(entry)
    session.flush()
    return digests


def said(entry: AuditEntry) -> str:
    """SHA-256 of what an entry says."""
    return sha256(_body(entry).encode()).hexdigest()


def _link(previous: str, entry: AuditEntry) -> str:
    return sha256((previous + _body(entry)).encode()).hexdigest()


def _body(entry: AuditEntry) -> str:
    return json.dumps([round(entry.at, 3), entry.person_id, entry.action, entry.subject, entry.details], sort_keys=True, ensure_ascii=True)
