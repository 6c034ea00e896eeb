"""Making and keeping the staff who sign in."""

from sqlmodel import Session

from bankseg.domain.errors import InputError
from bankseg.domain.people import Role
from bankseg.services import passwords
from bankseg.storage import audit, signed_in
from bankseg.storage.person import Person, by_login


def ensure_person(  # noqa: PLR0913  # the columns of a person
    session: Session,
    login: str,
    display_name: str,
    role: Role | str,
    *,
    rm_id: str | None = None,
    branch_id: str | None = None,
    password: str,
    language: str = "en",
) -> Person:
    """Make a person, or bring an existing one to this description; the same call again changes nothing.

    Raises
    ------
    InputError
        When the login is empty, the role unknown, a relationship manager has no portfolio or a branch head no branch.
    """
    known_role = checked_role(login, role, rm_id, branch_id)
    person = by_login(session, login)
    if person is None:
        person = Person(login=login, display_name=display_name, role=known_role, password_hash=passwords.hashed(password))
        action = "person_created"
    elif _is_same(person, display_name, known_role, rm_id, branch_id) and passwords.matches(person.password_hash, password):
        return person
    else:
        person.password_hash = passwords.hashed(password)
        signed_in.end_all(session, person.id or 0)
        action = "person_changed"
    person.display_name, person.role, person.rm_id, person.branch_id, person.language = display_name, known_role, rm_id, branch_id, language
    session.add(person)
    session.flush()
    audit.record(session, action, f"person:{login}", role=known_role, rm_id=rm_id, branch_id=branch_id)
    return person


def checked_role(login: str, role: Role | str, rm_id: str | None, branch_id: str | None) -> Role:
    """The role of a person whose description holds.

    Raises
    ------
    InputError
        When the login is empty, the role unknown, a relationship manager has no portfolio or a branch head no branch.
    """
    if not login.strip():
        raise InputError("an empty login", "a name to sign in with", "give one")
    try:
        known = Role(role)
    except ValueError as error:
        raise InputError(f"role {role!r}", ", ".join(Role), "choose one of these") from error
    if known is Role.RELATIONSHIP_MANAGER and not rm_id:
        raise InputError(f"relationship manager {login} without rm_id", "the rm_id that the clients extract uses", "give it")
    if known is Role.BRANCH_HEAD and not branch_id:
        raise InputError(f"branch head {login} without branch_id", "the branch that the clients extract uses", "give it")
    return known


def _is_same(person: Person, display_name: str, role: Role, rm_id: str | None, branch_id: str | None) -> bool:
    return (person.display_name, person.role, person.rm_id, person.branch_id) == (display_name, role, rm_id, branch_id)
