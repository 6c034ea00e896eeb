"""Who a command acts for."""

from typing import TYPE_CHECKING

from bankseg.domain.errors import NotFoundError
from bankseg.domain.people import Scope
from bankseg.storage import person as people
from bankseg.storage.database import reading

if TYPE_CHECKING:  # only the store makes engines
    from sqlalchemy import Engine


def scope_of(engine: "Engine", login: str) -> Scope:
    """The scope of an active person.

    Raises
    ------
    NotFoundError
        When nobody signs in under this login.
    """
    with reading(engine) as session:
        person = people.by_login(session, login)
    if person is None or not person.is_active:
        raise NotFoundError(f"nobody signs in as {login!r}", "the login of an active person", "see `bankseg init --admin`")
    return person.scope
