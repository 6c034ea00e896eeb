"""Signing in and out."""

import secrets

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.services import passwords
from bankseg.storage import audit, signed_in
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.person import Person, by_login

FREE_TRIES = 5
FIRST_LOCK_SECONDS = 30.0
LONGEST_LOCK_SECONDS = 15 * 60.0
LANGUAGES = ("en", "fr")
TOKEN_BYTES = 32


def sign_in(engine: Engine, login: str, password: str, language: str | None = None) -> str | None:
    """A new session's token, or None: wrong login, wrong password, disabled and locked out look the same.

    The hash is checked outside the transaction, so that slow hashing never holds the store's write lock.
    """
    with reading(engine) as session:
        person = by_login(session, login)
        now = database_time(session)
    if person is None or not person.is_active or person.locked_until > now:
        passwords.refuse_in_equal_time(password)
        return None
    is_right = passwords.matches(person.password_hash, password)
    with transaction(engine) as session:
        if is_right:
            return _welcome(session, login, language)
        _count_failure(session, login)
        return None


def sign_out(engine: Engine, token: str) -> None:
    """End a session: its token is worth nothing from here on."""
    with transaction(engine) as session:
        held = signed_in.find(session, token)
        signed_in.end(session, token)
        if held is not None:
            audit.record(session, "sign_out", f"person:{held.person.login}", person_id=held.person.id)


def open_session(session: Session, person: Person, language: str | None, **how: str) -> str:
    """The token of a new session for somebody who has proved who they are; `how` goes into the audit trail."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    signed_in.begin(session, token, person, language if language in LANGUAGES else person.language)
    audit.record(session, "sign_in", f"person:{person.login}", person_id=person.id, **how)
    return token


def choose_language(engine: Engine, token: str, language: str) -> None:
    """Keep the language on the session; an unknown one changes nothing."""
    if language in LANGUAGES:
        with transaction(engine) as session:
            signed_in.set_language(session, token, language)


def _welcome(session: Session, login: str, language: str | None) -> str | None:
    person = by_login(session, login)
    if person is None or not person.is_active:
        return None
    person.failed_logins, person.locked_until = 0, 0.0
    session.add(person)
    return open_session(session, person, language)


def _count_failure(session: Session, login: str) -> None:
    """Count a wrong password; past the free tries the account waits, twice as long each time."""
    person = by_login(session, login)
    if person is None:
        return
    person.failed_logins += 1
    excess = person.failed_logins - FREE_TRIES
    if excess >= 0:
        now = database_time(session)
        person.locked_until = now + min(FIRST_LOCK_SECONDS * 2.0 ** min(excess, 16), LONGEST_LOCK_SECONDS)
        audit.record(session, "sign_in_locked", f"person:{person.login}", person_id=person.id, tries=person.failed_logins)
    session.add(person)
