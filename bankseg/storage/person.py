"""People: the staff who sign in."""

from collections.abc import Collection

from sqlalchemy import false
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.domain.people import Role, Scope


class Person(SQLModel, table=True):
    """One member of staff."""

    id: int | None = Field(default=None, primary_key=True)
    login: str = Field(unique=True, index=True)
    display_name: str
    role: str
    rm_id: str | None = Field(default=None, index=True)
    branch_id: str | None = None
    language: str = "en"
    password_hash: str
    is_active: bool = True
    failed_logins: int = 0
    locked_until: float = 0.0  # epoch seconds by the database clock
    must_change_password: bool = Field(default=False, sa_column_kwargs={"server_default": false()})  # the first one was made by somebody else

    @property
    def scope(self) -> Scope:
        """The clients this person may see."""
        if self.id is None:
            raise ValueError("a person without a row has no scope")
        return Scope.of_role(Role(self.role), person_id=self.id, rm_id=self.rm_id, branch_id=self.branch_id)


def by_login(session: Session, login: str) -> Person | None:
    """The person who signs in under this login."""
    return session.exec(select(Person).where(Person.login == login)).one_or_none()


def name_of(session: Session, person_id: int | None) -> str:
    """What a person is called; empty for nobody, or one who is not there."""
    person = session.get(Person, person_id) if person_id is not None else None
    return person.display_name if person else ""


def names(session: Session, ids: Collection[int]) -> dict[int, str]:
    """Display names of some people."""
    return {number: name for number, name in session.exec(select(Person.id, Person.display_name).where(col(Person.id).in_(ids))) if number is not None}
