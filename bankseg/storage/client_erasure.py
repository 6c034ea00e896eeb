"""Erasures of clients: who asked, who decided, what was found and removed; and by what a client is known once nothing else is left.

A client's own identifier stands in `erasure_subject` alone, from the request to its end. Everywhere else there is the pseudonym, a keyed hash.
"""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Index, text
from sqlmodel import Field, Session, SQLModel, col, func, select

ASKED, REFUSED, APPROVED, ERASED = STATES = ("asked", "refused", "approved", "erased")
OPEN = text("state in ('asked','approved')")


class ClientErasure(SQLModel, table=True):
    """One erasure. `found` is what the worker saw before it removed anything: an attempt that follows a crash reads it and goes on; `receipt` is written with the end."""

    __tablename__ = "client_erasure"
    __table_args__ = (
        CheckConstraint("state in ('asked','refused','approved','erased')", name="client_erasure_state"),
        CheckConstraint("(state = 'asked') = (decided_by is null)", name="client_erasure_decided"),
        CheckConstraint("decided_by is null or decided_by <> asked_by", name="client_erasure_two_persons"),
        Index("ix_client_erasure_open", "pseudonym", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
    )

    id: int | None = Field(default=None, primary_key=True)
    pseudonym: str
    state: str = ASKED
    ground: str
    reason: str
    asked_by: int = Field(foreign_key="person.id")
    asked_at: float
    decided_by: int | None = Field(default=None, foreign_key="person.id")
    decision_reason: str = ""
    decided_at: float | None = None
    job_id: int | None = Field(default=None, foreign_key="job.id")
    found: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    receipt: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    erased_at: float | None = None


class ErasureSubject(SQLModel, table=True):
    """The client an open erasure is about. Hidden from the moment of approval; the row goes when the erasure ends. No wall by row: who asks and signs may see no client."""

    __tablename__ = "erasure_subject"

    erasure_id: int = Field(primary_key=True, foreign_key="client_erasure.id")
    subject: str = Field(unique=True)
    is_hidden: bool = False


class ErasedKey(SQLModel, table=True):
    """The keyed hash of an identifier that must not come back: a client's, or that of one of its accounts."""

    __tablename__ = "erased_key"
    __table_args__ = (CheckConstraint("kind in ('client','account')", name="erased_key_kind"),)

    pseudonym: str = Field(primary_key=True)
    kind: str
    erasure_id: int = Field(foreign_key="client_erasure.id")


class LegalHold(SQLModel, table=True):
    """A duty to keep what there is on a client, such as a suit or an inquiry; while it stands nothing is erased."""

    __tablename__ = "legal_hold"

    id: int | None = Field(default=None, primary_key=True)
    pseudonym: str = Field(index=True)
    reason: str
    placed_by: int = Field(foreign_key="person.id")
    placed_at: float
    lifted_by: int | None = Field(default=None, foreign_key="person.id")
    lifted_at: float | None = None


def hidden_subjects() -> Any:  # a subquery
    """The clients nobody may read any more, as a subquery."""
    return select(col(ErasureSubject.subject)).where(col(ErasureSubject.is_hidden).is_(True))


def hidden(session: Session) -> tuple[str, ...]:
    """The same, read."""
    return tuple(sorted(session.exec(hidden_subjects())))


def changed(session: Session) -> str:
    """What differs after a client was hidden or an erasure has ended: part of the name of whatever is kept of counts."""
    last = select(func.count(), func.max(ErasureSubject.erasure_id)).where(col(ErasureSubject.is_hidden).is_(True))
    return ":".join(map(str, session.exec(last).one()))


def subject_of(session: Session, erasure_id: int) -> ErasureSubject | None:
    """The client of an open erasure; None once it has ended."""
    return session.get(ErasureSubject, erasure_id)


def of_pseudonym(session: Session, pseudonym: str) -> ClientErasure | None:
    """The open erasure of a client."""
    query = select(ClientErasure).where(ClientErasure.pseudonym == pseudonym, col(ClientErasure.state).in_((ASKED, APPROVED)))
    return session.exec(query).one_or_none()


def latest(session: Session, most: int = 200) -> list[ClientErasure]:
    """The most recent erasures, newest first."""
    return list(session.exec(select(ClientErasure).order_by(col(ClientErasure.id).desc()).limit(most)))


def since(session: Session, at: float) -> list[ClientErasure]:
    """Erasures approved at an instant, in epoch seconds, or later: what was computed before may not be made again."""
    query = select(ClientErasure).where(col(ClientErasure.state).in_((APPROVED, ERASED)), col(ClientErasure.decided_at) >= at)
    return list(session.exec(query.order_by(col(ClientErasure.id))))


def holds(session: Session, pseudonym: str | None = None) -> list[LegalHold]:
    """The holds that stand, of one client where it is named, newest first."""
    query = select(LegalHold).where(col(LegalHold.lifted_at).is_(None))
    if pseudonym is not None:
        query = query.where(LegalHold.pseudonym == pseudonym)
    return list(session.exec(query.order_by(col(LegalHold.id).desc())))


def erased_keys(session: Session) -> frozenset[str]:
    """Keyed hashes of every identifier that must not come back."""
    return frozenset(session.exec(select(ErasedKey.pseudonym)))
