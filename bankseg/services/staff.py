"""The staff as an administrator keeps it: who may sign in, in which role, with which portfolio or branch."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, select

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.domain.rights import Right, require
from bankseg.services import passwords
from bankseg.services.people import checked_role
from bankseg.services.sign_in import LANGUAGES
from bankseg.storage import access_token, audit, person, signed_in
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.person import Person

FIRST_PASSWORD_BYTES = 12
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class StaffPage:
    """Everybody who may or might sign in, and the tokens that open something now. `Any`: column values."""

    people: list[dict[str, Any]]
    tokens: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Description:
    """What an administrator says of a person."""

    display_name: str
    role: str
    rm_id: str | None
    branch_id: str | None
    language: str = "en"

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "Description":
        """From the fields of a form; an empty one is none."""
        return cls(
            values.get("display_name", "").strip(), values.get("role", ""), values.get("rm_id", "").strip() or None,
            values.get("branch_id", "").strip() or None, values.get("language", "en"),
        )  # fmt: skip


def staff_page(session: Session, scope: Scope) -> StaffPage:
    """Everybody, active first, then by login."""
    require(scope, Right.PEOPLE)
    now = database_time(session)
    rows = sorted(session.exec(select(Person)), key=lambda row: (not row.is_active, row.login))
    people = [
        {
            "id": row.id, "login": row.login, "display_name": row.display_name, "role": row.role, "rm_id": row.rm_id, "branch_id": row.branch_id,
            "language": row.language, "is_active": row.is_active, "is_locked": row.locked_until > now, "must_change_password": row.must_change_password,
        }
        for row in rows
    ]  # fmt: skip
    tokens = [
        {"id": token.id, "login": owner.login, "label": token.label, "rights": token.rights, "expires_at": token.expires_at, "used_at": token.used_at}
        for token, owner in access_token.live(session)
    ]
    return StaffPage(people, tokens)


def add_person(engine: Engine, scope: Scope, login: str, described: Description) -> str:
    """Let somebody new sign in; the first password is returned to be handed over, and must be changed at the first sign-in.

    Raises
    ------
    InputError
        When the login or the description does not hold, or somebody signs in under this login already.
    """
    require(scope, Right.PEOPLE)
    name = login.strip()
    role = checked_role(name, described.role, described.rm_id, described.branch_id)
    _check(name, described)
    first = secrets.token_urlsafe(FIRST_PASSWORD_BYTES)
    digest = passwords.hashed(first)
    with transaction(engine) as session:
        if person.by_login(session, name) is not None:
            raise InputError(f"login {name!r} is taken", "a login nobody has", "choose another, or change the person who has it")
        row = Person(login=name, display_name=described.display_name, role=role, password_hash=digest, must_change_password=True)
        _describe(row, described, role)
        session.add(row)
        session.flush()
        audit.record(session, "person_created", f"person:{name}", person_id=scope.person_id, role=role, rm_id=row.rm_id, branch_id=row.branch_id)
    return first


def change_person(engine: Engine, scope: Scope, person_id: int, described: Description) -> None:
    """Change what a person is; another role, portfolio or branch ends their sessions, and holds from the next request.

    Raises
    ------
    InputError
        When the description does not hold, or administrators would change their own role.
    """
    require(scope, Right.PEOPLE)
    with transaction(engine) as session:
        row = _person(session, person_id)
        role = checked_role(row.login, described.role, described.rm_id, described.branch_id)
        _check(row.login, described)
        if person_id == scope.person_id and role != row.role:
            raise InputError("your own role", "another administrator to change it", "ask one")
        before = {"role": row.role, "rm_id": row.rm_id, "branch_id": row.branch_id}
        _describe(row, described, role)
        session.add(row)
        after = {"role": row.role, "rm_id": row.rm_id, "branch_id": row.branch_id}
        if after != before:
            signed_in.end_all(session, person_id)
            if row.role != before["role"]:
                access_token.revoke_all(session, person_id)
        audit.record(session, "person_changed", f"person:{row.login}", person_id=scope.person_id, before=before, **after)


def set_active(engine: Engine, scope: Scope, person_id: int, *, is_active: bool) -> None:
    """Let a person sign in again, or no more: sessions and tokens end at once.

    Raises
    ------
    InputError
        When administrators would shut themselves out.
    """
    require(scope, Right.PEOPLE)
    if person_id == scope.person_id and not is_active:
        raise InputError("your own account", "another administrator to disable it", "ask one")
    with transaction(engine) as session:
        row = _person(session, person_id)
        row.is_active, row.failed_logins, row.locked_until = is_active, 0, 0.0
        session.add(row)
        ended = 0
        if not is_active:
            signed_in.end_all(session, person_id)
            ended = access_token.revoke_all(session, person_id)
        audit.record(session, "person_enabled" if is_active else "person_disabled", f"person:{row.login}", person_id=scope.person_id, tokens_ended=ended)


def reset_password(engine: Engine, scope: Scope, person_id: int) -> str:
    """A new first password, to be handed over; every session of the person ends."""
    require(scope, Right.PEOPLE)
    first = secrets.token_urlsafe(FIRST_PASSWORD_BYTES)
    digest = passwords.hashed(first)
    with transaction(engine) as session:
        row = _person(session, person_id)
        row.password_hash, row.must_change_password, row.failed_logins, row.locked_until = digest, True, 0, 0.0
        session.add(row)
        signed_in.end_all(session, person_id)
        audit.record(session, "password_reset", f"person:{row.login}", person_id=scope.person_id)
    return first


def change_own_password(engine: Engine, scope: Scope, old: str, new: str, again: str) -> None:
    """Change one's own password; every session of oneself ends, this one too.

    Raises
    ------
    InputError
        When the old one is wrong, the new ones differ, or it is too short.
    """
    with reading(engine) as session:
        digest = _person(session, scope.person_id).password_hash
    if not passwords.matches(digest, old):
        raise InputError("a present password that is not yours", "your present password", "try again")
    if new != again:
        raise InputError("two different new passwords", "the same twice", "type it again")
    if new == old:
        raise InputError("the present password", "another one", "choose a new one")
    fresh = passwords.hashed(new)
    with transaction(engine) as session:
        row = _person(session, scope.person_id)
        row.password_hash, row.must_change_password = fresh, False
        session.add(row)
        signed_in.end_all(session, scope.person_id)
        audit.record(session, "password_changed", f"person:{row.login}", person_id=scope.person_id)


def _person(session: Session, person_id: int) -> Person:
    row = session.get(Person, person_id)
    if row is None:
        raise NotFoundError(f"no person {person_id}")
    return row


def _check(login: str, described: Description) -> None:
    if not 0 < len(described.display_name) <= LONGEST_NAME:
        raise InputError(f"a name of {len(described.display_name)} characters for {login}", f"1 to {LONGEST_NAME}", "give the name colleagues know")
    if described.language not in LANGUAGES:
        raise InputError(f"language {described.language[:10]!r}", ", ".join(LANGUAGES), "choose one of these")


def _describe(row: Person, described: Description, role: Role) -> None:
    row.display_name, row.role, row.language = described.display_name, role, described.language
    row.rm_id = described.rm_id if role is Role.RELATIONSHIP_MANAGER else None
    row.branch_id = described.branch_id if role in {Role.BRANCH_HEAD, Role.RELATIONSHIP_MANAGER} else None
