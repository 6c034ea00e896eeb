"""Sign-ins by a provider: which subject of which issuer a person is, and the sign-ins that browsers have begun."""

from hashlib import sha256

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, delete, select

from bankseg.storage.database import database_time
from bankseg.storage.person import Person

ATTEMPT_SECONDS = 10 * 60  # for typing a password and a second factor at the provider


class OpenidIdentity(SQLModel, table=True):
    """The one subject a person is to a provider: never an e-mail address, which a provider may give to somebody else."""

    __tablename__ = "openid_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    person_id: int = Field(primary_key=True, foreign_key="person.id")
    issuer: str
    subject: str
    linked_at: float


class OpenidAttempt(SQLModel, table=True):
    """A sign-in begun by a browser and not yet answered; it is taken once. Hashes are SHA-256 in hex, times epoch seconds by the database clock."""

    __tablename__ = "openid_attempt"

    state_sha256: str = Field(primary_key=True)
    browser_sha256: str
    nonce: str
    verifier: str
    wanted: str
    language: str
    expires_at: float = Field(index=True)


def begin(session: Session, *, state: str, browser: str, nonce: str, verifier: str, wanted: str, language: str) -> None:
    """Keep a sign-in until its answer comes; those that nobody answered are swept out on the way."""
    now = database_time(session)
    session.exec(delete(OpenidAttempt).where(col(OpenidAttempt.expires_at) < now))
    kept = OpenidAttempt(
        state_sha256=_hash(state), browser_sha256=_hash(browser), nonce=nonce, verifier=verifier, wanted=wanted, language=language,
        expires_at=now + ATTEMPT_SECONDS,
    )  # fmt: skip
    session.add(kept)
    session.flush()


def take(session: Session, state: str, browser: str) -> OpenidAttempt | None:
    """The sign-in that this browser began under this state, once: of two answers that come together one finds nothing."""
    now = database_time(session)
    asked = (col(OpenidAttempt.state_sha256) == _hash(state)) & (col(OpenidAttempt.browser_sha256) == _hash(browser)) & (col(OpenidAttempt.expires_at) >= now)
    row = session.exec(select(OpenidAttempt).where(asked)).one_or_none()
    if row is None:
        return None
    session.expunge(row)
    return row if session.exec(delete(OpenidAttempt).where(asked)).rowcount == 1 else None


def person_of(session: Session, issuer: str, subject: str) -> Person | None:
    """The person linked to a subject."""
    joined = select(Person).join(OpenidIdentity, col(OpenidIdentity.person_id) == col(Person.id))
    return session.exec(joined.where(OpenidIdentity.issuer == issuer, OpenidIdentity.subject == subject)).one_or_none()


def subject_of(session: Session, issuer: str, person_id: int) -> str | None:
    """The subject a person is linked to at this provider."""
    wanted = select(OpenidIdentity.subject).where(OpenidIdentity.person_id == person_id, OpenidIdentity.issuer == issuer)
    return session.exec(wanted).one_or_none()


def link(session: Session, issuer: str, subject: str, person_id: int) -> None:
    """Link a person to a subject, in place of the one before."""
    unlink(session, person_id)
    now = database_time(session)
    session.add(OpenidIdentity(person_id=person_id, issuer=issuer, subject=subject, linked_at=now))
    session.flush()


def unlink(session: Session, person_id: int) -> None:
    """Let a person sign in by no provider."""
    session.exec(delete(OpenidIdentity).where(col(OpenidIdentity.person_id) == person_id))


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
