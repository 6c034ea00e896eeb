"""Objections to marketing and the profiling behind it: recorded once, in force from the next read, withdrawn by the client's own word alone."""

from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, Session, SQLModel, col, func, select

STANDS = text("withdrawn_at is null")
OBJECTED = "objection"  # the stage that takes a client off every list


class ClientObjection(SQLModel, table=True):
    """One objection of a client; it stands until it is withdrawn."""

    __tablename__ = "client_objection"
    __table_args__ = (Index("ix_client_objection_stands", "client_id", unique=True, sqlite_where=STANDS, postgresql_where=STANDS),)

    id: int | None = Field(default=None, primary_key=True)
    client_id: str
    recorded_by: int | None = Field(default=None, foreign_key="person.id")  # empty: the operator at the command line
    recorded_at: float
    withdrawn_by: int | None = Field(default=None, foreign_key="person.id")
    withdrawn_at: float | None = None


def of_client(session: Session, client_id: str) -> list[ClientObjection]:
    """Every objection of a client, newest first; whether the client is in scope is for the caller to ask first."""
    query = select(ClientObjection).where(ClientObjection.client_id == client_id)
    return list(session.exec(query.order_by(col(ClientObjection.id).desc())))


def objecting() -> Any:  # a subquery
    """The clients whose objection stands, as a subquery."""
    return select(col(ClientObjection.client_id)).where(col(ClientObjection.withdrawn_at).is_(None))


def changed(session: Session) -> str:
    """What differs after any objection or withdrawal: part of the name of whatever is kept of counts."""
    last = select(func.count(), func.max(ClientObjection.id), func.max(ClientObjection.withdrawn_at))
    return ":".join(map(str, session.exec(last).one()))


def standing(session: Session) -> tuple[str, ...]:
    """The same, read."""
    return tuple(sorted(session.exec(objecting())))
