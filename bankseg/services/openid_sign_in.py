"""Signing in by an OpenID provider: sign-ins begun and answered, people linked to subjects, roles taken from claims."""

import secrets
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.domain.rights import Right, require
from bankseg.services import passwords
from bankseg.services.openid import LONGEST_SUBJECT, Provider, RefusedSignInError, Vouched, is_subject
from bankseg.services.openid_terms import OpenidTerms
from bankseg.services.people import checked_role
from bankseg.services.sign_in import LANGUAGES, TOKEN_BYTES, open_session
from bankseg.storage import access_token, audit, openid, signed_in
from bankseg.storage.database import transaction
from bankseg.storage.person import Person, by_login

VERIFIER_BYTES = 48  # 64 characters; RFC 7636 asks for 43 to 128


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider sent the browser back with, empty where nothing."""

    state: str
    code: str
    error: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session's token, and where the browser was going."""

    token: str
    wanted: str


def begin(engine: Engine, provider: Provider, browser: str, answer_url: str, *, wanted: str, language: str) -> str:
    """Begin a sign-in for a browser, and say where to send it.

    Raises
    ------
    ServiceUnavailableError
        When the provider cannot be reached.
    """
    nonce, verifier = secrets.token_urlsafe(TOKEN_BYTES), secrets.token_urlsafe(VERIFIER_BYTES)
    state = f"{secrets.token_urlsafe(TOKEN_BYTES)}.{language}"
    way = provider.way(state, nonce, verifier, answer_url)
    with transaction(engine) as session:
        openid.begin(session, state=state, browser=browser, nonce=nonce, verifier=verifier, wanted=wanted, language=language)
    return way


def language_of(state: str) -> str:
    """The language a sign-in was begun in, which its state brings back even when nothing else is known of it any more; empty where it brings none.

    Examples
    --------
    >>> language_of("qL0w.fr"), language_of("qL0w.tlh"), language_of("fr")
    ('fr', '', '')
    """
    language = state.rpartition(".")[2] if "." in state else ""
    return language if language in LANGUAGES else ""


def finish(engine: Engine, provider: Provider, browser: str, answer_url: str, answer: Answer, *, now: int) -> Opened:
    """Open a session for whom the provider vouches for; every refusal is in the audit trail. The provider is asked outside of any transaction.

    Raises
    ------
    RefusedSignInError
        When nobody may be let in by this answer.
    ServiceUnavailableError
        When the provider cannot be reached.
    """
    try:
        begun = _taken(engine, provider, browser, answer)
        vouched = provider.vouched(answer.code, begun.nonce, begun.verifier, answer_url, now=now)
        passwords.unknown_to_all()  # slow the first time: not under the lock of the store
        with transaction(engine) as session:
            return Opened(_let_in(session, provider.terms, vouched, begun.language), begun.wanted)
    except RefusedSignInError as error:
        with transaction(engine) as session:
            audit.record(session, "sign_in_refused", f"openid:{error.subject}", issuer=provider.terms.issuer, reason=error.reason, found=error.found)
        raise


def link(engine: Engine, scope: Scope, terms: OpenidTerms, person_id: int, subject: str) -> None:
    """Link a person to a subject of the provider, or to none with an empty one; their sessions end.

    Raises
    ------
    InputError
        When it cannot be a subject, or somebody else is linked to it.
    """
    require(scope, Right.PEOPLE)
    if subject and not is_subject(subject):
        raise InputError(f"the subject {subject[:300]!r}", f"{LONGEST_SUBJECT} readable characters at most", "copy it from the refused sign-in")
    with transaction(engine) as session:
        person = session.get(Person, person_id)
        if person is None:
            raise NotFoundError(f"no person {person_id}")
        before = openid.subject_of(session, terms.issuer, person_id)
        if (before or "") == subject:
            return
        holder = openid.person_of(session, terms.issuer, subject)
        if holder is not None:
            raise InputError(f"{holder.login} is linked to this subject", "a subject nobody has", "take it from them first")
        if subject:
            openid.link(session, terms.issuer, subject, person_id)
        else:
            openid.unlink(session, person_id)
        signed_in.end_all(session, person_id)
        audit.record(session, "person_linked", f"person:{person.login}", person_id=scope.person_id, issuer=terms.issuer, before=before, account=subject or None)


def _taken(engine: Engine, provider: Provider, browser: str, answer: Answer) -> openid.OpenidAttempt:
    """The sign-in that an answer belongs to; another answer finds it no more."""
    with transaction(engine) as session:
        begun = openid.take(session, answer.state, browser)
    if begun is None:
        raise RefusedSignInError("expired", "an answer to no sign-in of this browser", "the answer to one begun here, once, in time", "start again")
    if answer.issuer not in {"", provider.terms.issuer}:
        raise RefusedSignInError("unverified", f"an answer by {answer.issuer[:200]!r}", provider.terms.issuer, "start again")
    if answer.error or not answer.code:
        raise RefusedSignInError("denied", f"the provider let nobody in: {answer.error[:100] or 'no code'}", "a code", "start again")
    return begun


def _let_in(session: Session, terms: OpenidTerms, vouched: Vouched, language: str) -> str:
    """A session's token for the person that a subject is linked to."""
    person, role = openid.person_of(session, terms.issuer, vouched.subject), _role(terms, vouched)
    if person is None:
        person = _somebody_new(session, terms, vouched, role, language)
    if not person.is_active:
        raise RefusedSignInError("disabled", f"{person.login} is disabled", "an active person", "ask an administrator", subject=vouched.subject)
    if role is not None and role != person.role:
        _change_role(session, person, role, vouched)
    if person.must_change_password:  # who signs in by a provider never uses the first password, and its maker must not either
        person.password_hash, person.must_change_password = passwords.unknown_to_all(), False
        session.add(person)
    return open_session(session, person, language, by="openid", issuer=terms.issuer, account=vouched.subject)


def _role(terms: OpenidTerms, vouched: Vouched) -> Role | None:
    """The one role that the claim gives; None where roles are not the provider's."""
    if not terms.roles:
        return None
    given = {terms.roles[value] for value in vouched.values if value in terms.roles}
    if len(given) != 1:
        found = f"the claim {terms.roles_claim} gives {', '.join(sorted(given)) or 'no role'}"
        raise RefusedSignInError("role", found, "one role", "ask an administrator of the provider", subject=vouched.subject)
    return given.pop()


def _somebody_new(session: Session, terms: OpenidTerms, vouched: Vouched, role: Role | None, language: str) -> Person:
    """A new person, where the provider may bring them and they need no portfolio or branch."""
    if not terms.admits_new_people or role is None:
        raise RefusedSignInError(
            "unknown", "nobody is linked to this subject", "a person linked to it", "ask an administrator to link it", subject=vouched.subject
        )
    login = vouched.subject
    if by_login(session, login) is not None:
        raise RefusedSignInError("unknown", f"login {login!r} is taken by a person of ours", "a free login", "ask an administrator to link it", subject=login)
    _check(login, role, None, None, vouched.subject)
    name = vouched.name.strip()[:200] or login
    person = Person(login=login, display_name=name, role=role, password_hash=passwords.unknown_to_all(), language=language if language in LANGUAGES else "en")
    session.add(person)
    session.flush()
    openid.link(session, terms.issuer, vouched.subject, person.id or 0)
    audit.record(session, "person_created", f"person:{login}", role=role, rm_id=None, branch_id=None, by="openid", issuer=terms.issuer)
    return person


def _change_role(session: Session, person: Person, role: Role, vouched: Vouched) -> None:
    """Give the role of the claim, as an administrator would: sessions and tokens of the old one end."""
    _check(person.login, role, person.rm_id, person.branch_id, vouched.subject)
    before, person.role = person.role, role
    session.add(person)
    signed_in.end_all(session, person.id or 0)
    access_token.revoke_all(session, person.id or 0)
    audit.record(session, "person_changed", f"person:{person.login}", before={"role": before}, role=role, by="openid")


def _check(login: str, role: Role, rm_id: str | None, branch_id: str | None, subject: str) -> None:
    try:
        checked_role(login, role, rm_id, branch_id)
    except InputError as error:
        raise RefusedSignInError("place", error.found, error.expected, "ask an administrator to set it", subject=subject) from error
