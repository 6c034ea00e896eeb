"""What became of a contact, as the person who made it recorded it."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Index
from sqlmodel import Field, Session, SQLModel, col, exists, func, select

from bankseg.domain.people import Scope
from bankseg.storage.person import Person
from bankseg.storage.portfolio import is_shown, published
from bankseg.storage.published_client import PublishedClient


class ClientContact(SQLModel, table=True):
    """One contact with a client. `note` is for its author alone; a withdrawn one was a slip and counts for nothing."""

    __tablename__ = "client_contact"
    __table_args__ = (
        Index("ix_client_contact_client_id", "client_id", "id"),
        Index("ix_client_contact_person_id", "person_id", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    client_id: str
    person_id: int = Field(foreign_key="person.id")
    run_id: int = Field(foreign_key="run.id")
    at: float
    contact_on: str  # ISO date
    channel: str
    outcome: str
    product: str | None = None
    again_on: str | None = None
    note: str = ""
    withdrawn_at: float | None = None


def add(session: Session, **fields: Any) -> ClientContact:  # column values of the row class
    """Keep a contact."""
    row = ClientContact(**fields)
    session.add(row)
    session.flush()
    return row


def of_client(session: Session, scope: Scope, client_id: str, most: int = 50) -> list[tuple[ClientContact, Person]]:
    """Contacts with a client in scope that stand, newest first, with who made each."""
    statement = select(ClientContact, Person).join(Person, col(Person.id) == col(ClientContact.person_id))
    statement = statement.where(ClientContact.client_id == client_id, col(ClientContact.withdrawn_at).is_(None), is_shown(scope, client_id))
    return [(contact, person) for contact, person in session.exec(statement.order_by(col(ClientContact.id).desc()).limit(most))]


def made_by(session: Session, scope: Scope) -> int:
    """How many contacts this person recorded that stand."""
    statement = select(func.count()).select_from(ClientContact).where(ClientContact.person_id == scope.person_id, col(ClientContact.withdrawn_at).is_(None))
    return int(session.exec(statement).one())


def first_with(session: Session, scope: Scope, outcome: str) -> str | None:
    """The client of the first contact with an outcome that this person recorded and that stands."""
    own = ClientContact.person_id == scope.person_id, ClientContact.outcome == outcome, col(ClientContact.withdrawn_at).is_(None)
    return session.exec(select(ClientContact.client_id).where(*own).order_by(col(ClientContact.id)).limit(1)).one_or_none()


def is_at_rest(today: str, quiet_since: str) -> ColumnElement[bool]:
    """Whether a published client is not to be called today: contacted since a day, or put off to a later one; a call-back that is due ends the rest."""
    newer = select(col(ClientContact.id)).where(
        col(ClientContact.client_id) == col(PublishedClient.client_id),
        col(ClientContact.withdrawn_at).is_(None),
        (col(ClientContact.again_on) > today) | (col(ClientContact.again_on).is_(None) & (col(ClientContact.contact_on) > quiet_since)),
    )
    return exists(newer)


def one(session: Session, scope: Scope, contact_id: int) -> ClientContact | None:
    """A contact with a client in scope, locked until the transaction ends."""
    row = session.get(ClientContact, contact_id, with_for_update=True)
    return row if row is not None and session.scalar(select(is_shown(scope, row.client_id))) else None


def due_again(session: Session, scope: Scope, today: str, columns: list[Any], most: int) -> list[dict[str, Any]]:
    """Clients in scope whose latest standing contact asked for another one on a day that has come, the oldest promise first."""
    latest = (
        select(col(ClientContact.client_id).label("client_id"), func.max(col(ClientContact.id)).label("id"))
        .where(col(ClientContact.withdrawn_at).is_(None))
        .group_by(col(ClientContact.client_id))
        .subquery()
    )
    statement = (
        sa.select(*columns, col(ClientContact.again_on).label("again_on"))
        .select_from(PublishedClient)
        .join(latest, latest.c.client_id == col(PublishedClient.client_id))
        .join(ClientContact, col(ClientContact.id) == latest.c.id)
        .where(published(scope), col(ClientContact.again_on) <= today)
    )
    rows = session.execute(statement.order_by(col(ClientContact.again_on), col(PublishedClient.client_id)).limit(most)).mappings()
    return [dict(row) for row in rows]


def standing(session: Session, since: str, until: str) -> list[ClientContact]:
    """Every standing contact of some days, both counted, in the order in which they were recorded."""
    statement = select(ClientContact).where(col(ClientContact.withdrawn_at).is_(None), ClientContact.contact_on >= since, ClientContact.contact_on <= until)
    return list(session.exec(statement.order_by(col(ClientContact.id))))
