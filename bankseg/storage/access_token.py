"""API tokens: each belongs to a person, opens less than that person may, and ends by itself."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.storage.database import database_time
from bankseg.storage.person import Person
from bankseg.storage.signed_in import token_hash


class AccessToken(SQLModel, table=True):
    """One token; the token itself was shown once and only its hash is kept. Times are epoch seconds by the database clock."""

    __tablename__ = "access_token"

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    label: str
    token_sha256: str = Field(unique=True)
    rights: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    created_at: float
    expires_at: float
    used_at: float | None = None
    revoked_at: float | None = None


@dataclass(frozen=True, slots=True)
class HeldToken:
    """Who calls with a token, and the rights it was given."""

    token_id: int
    person: Person
    rights: frozenset[str]
    is_stale: bool


TOUCH_SECONDS = 60  # a token is marked as used at most once a minute


def find(session: Session, token: str) -> HeldToken | None:
    """The person behind a token, while it is neither ended nor revoked and the person is active."""
    now = database_time(session)
    statement = select(AccessToken, Person).join(Person, col(Person.id) == col(AccessToken.person_id)).where(AccessToken.token_sha256 == token_hash(token))
    found = session.exec(statement.where(col(AccessToken.revoked_at).is_(None), col(AccessToken.expires_at) > now, col(Person.is_active))).one_or_none()
    if found is None:
        return None
    row, person = found
    return HeldToken(row.id or 0, person, frozenset(row.rights), row.used_at is None or now - row.used_at > TOUCH_SECONDS)


def touch(session: Session, token_id: int) -> None:
    """Mark a token as used."""
    row = session.get(AccessToken, token_id)
    if row is not None:
        row.used_at = database_time(session)
        session.add(row)


def of_person(session: Session, person_id: int) -> list[AccessToken]:
    """Tokens of a person, newest first, ended and revoked ones too."""
    return list(session.exec(select(AccessToken).where(AccessToken.person_id == person_id).order_by(col(AccessToken.id).desc())))


def live(session: Session) -> list[tuple[AccessToken, Person]]:
    """Every token that still opens something, with whose it is."""
    now = database_time(session)
    statement = select(AccessToken, Person).join(Person, col(Person.id) == col(AccessToken.person_id))
    statement = statement.where(col(AccessToken.revoked_at).is_(None), col(AccessToken.expires_at) > now, col(Person.is_active))
    return [(token, person) for token, person in session.exec(statement.order_by(col(AccessToken.id).desc()))]


def add(session: Session, **fields: Any) -> AccessToken:  # column values of the row class
    """Keep a new token."""
    row = AccessToken(**fields)
    session.add(row)
    session.flush()
    return row


def revoke_all(session: Session, person_id: int) -> int:
    """End every token of a person and say how many there were."""
    now = database_time(session)
    alive = [row for row in of_person(session, person_id) if row.revoked_at is None and row.expires_at > now]
    for row in alive:
        row.revoked_at = now
        session.add(row)
    session.flush()
    return len(alive)
