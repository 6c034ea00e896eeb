"""Sessions of signed-in people: made at sign-in, found by the token's hash, ended at sign-out or by time."""

from dataclasses import dataclass
from hashlib import sha256

from sqlmodel import Session, col, delete, select

from bankseg.storage.database import database_time
from bankseg.storage.person import Person
from bankseg.storage.web_session import WebSession

IDLE_SECONDS = 30 * 60
LONGEST_SECONDS = 12 * 3600
TOUCH_SECONDS = 60  # a session is marked as seen at most once a minute: reading a page seldom writes


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who holds a session, in which language, and whether it is time to mark it as seen."""

    person: Person
    language: str
    is_stale: bool


def token_hash(token: str) -> str:
    """What the store keeps of a token: whoever reads the table cannot sign in with it."""
    return sha256(token.encode()).hexdigest()


def begin(session: Session, token: str, person: Person, language: str) -> WebSession:
    """Open a session; ended ones of everybody are swept out on the way."""
    now = database_time(session)
    session.exec(delete(WebSession).where((col(WebSession.expires_at) < now) | (col(WebSession.seen_at) < now - IDLE_SECONDS)))
    row = WebSession(token_sha256=token_hash(token), person_id=person.id or 0, language=language, created_at=now, seen_at=now, expires_at=now + LONGEST_SECONDS)
    session.add(row)
    session.flush()
    return row


def find(session: Session, token: str) -> SignedIn | None:
    """The person behind a token, while both the session and the person are alive."""
    now = database_time(session)
    statement = select(WebSession, Person).join(Person, col(Person.id) == col(WebSession.person_id)).where(WebSession.token_sha256 == token_hash(token))
    found = session.exec(statement.where(col(WebSession.expires_at) > now, col(WebSession.seen_at) > now - IDLE_SECONDS, col(Person.is_active))).one_or_none()
    if found is None:
        return None
    row, person = found
    return SignedIn(person, row.language, now - row.seen_at > TOUCH_SECONDS)


def touch(session: Session, token: str) -> None:
    """Mark a session as seen."""
    _change(session, token, seen_at=database_time(session))


def set_language(session: Session, token: str, language: str) -> None:
    """Keep the language a person chose."""
    _change(session, token, language=language)


def end(session: Session, token: str) -> None:
    """End one session."""
    session.exec(delete(WebSession).where(col(WebSession.token_sha256) == token_hash(token)))


def end_all(session: Session, person_id: int) -> None:
    """End every session of a person: on disabling, a change of role or a new password."""
    session.exec(delete(WebSession).where(col(WebSession.person_id) == person_id))


def _change(session: Session, token: str, **values: object) -> None:
    row = session.get(WebSession, token_hash(token))
    if row is None:
        return
    for name, value in values.items():
        setattr(row, name, value)
    session.add(row)
