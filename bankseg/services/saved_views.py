"""Views of the portfolio that a person keeps: saved under a name, opened again by their address, deleted."""

from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.services.unchanged import refuse_if_changed
from bankseg.storage import saved_view
from bankseg.storage.database import database_time, transaction
from bankseg.storage.saved_view import SavedView

# Parameters of the list's address that a view keeps; a page of it is not one of them.
KEPT = frozenset({"q", "tier", "status", "segment", "churn_band", "product", "sort", "risk", "branch", "rm", "least", "most", "col"})
LONGEST_NAME, LONGEST_QUERY, MOST_VIEWS = 60, 1_000, 30


def views_of(session: Session, scope: Scope) -> list[SavedView]:
    """The views of this person, by name."""
    require(scope, Right.CLIENTS)
    return saved_view.of_person(session, scope.person_id)


def save(engine: Engine, scope: Scope, name: str, query: str) -> SavedView:
    """Keep the list as it is under a name; the same name again replaces the view.

    Raises
    ------
    InputError
        When there is no name, it is too long, or the person keeps too many views already.
    """
    require(scope, Right.CLIENTS)
    name, kept = _checked(name, query)
    with transaction(engine) as session:
        known = saved_view.of_person(session, scope.person_id)
        if len(known) >= MOST_VIEWS and name not in {row.name for row in known}:
            raise InputError(f"{len(known)} views", f"at most {MOST_VIEWS}", "delete one first")
        return saved_view.keep(session, scope.person_id, name, kept, database_time(session))


def change(engine: Engine, scope: Scope, view_id: int, name: str, query: str, expected: Collection[str] | None = None) -> SavedView:
    """Change a view of this person; `expected`: see `refuse_if_changed`.

    Raises
    ------
    NotFoundError
        When there is none: another's view and no view look the same.
    InputError
        When the name or the query does not hold, or another view has the name.
    """
    require(scope, Right.CLIENTS)
    name, kept = _checked(name, query)
    with transaction(engine) as session:
        row = _own(session, scope, view_id)
        refuse_if_changed(tag(row), expected)
        if any(other.name == name and other.id != view_id for other in saved_view.of_person(session, scope.person_id)):
            raise InputError(f"a second view named {name}", "a name no other view has", "choose another name, or delete the other view")
        row.name, row.query, row.saved_at = name, kept, database_time(session)
        session.add(row)
        return row


def delete(engine: Engine, scope: Scope, view_id: int, expected: Collection[str] | None = None) -> None:
    """Delete a view of this person; `expected`: see `refuse_if_changed`.

    Raises
    ------
    NotFoundError
        When there is none: another's view and no view look the same.
    """
    require(scope, Right.CLIENTS)
    with transaction(engine) as session:
        row = _own(session, scope, view_id)
        refuse_if_changed(tag(row), expected)
        session.delete(row)


def tag(row: SavedView) -> str:
    """What changes with every change of a view."""
    return f"{row.id}-{row.saved_at:.6f}"


def _own(session: Session, scope: Scope, view_id: int) -> SavedView:
    row = saved_view.own(session, scope.person_id, view_id)
    if row is None:
        raise NotFoundError("nothing here")
    return row


def _checked(name: str, query: str) -> tuple[str, str]:
    name, kept = name.strip(), cleaned(query)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InputError(f"a name of {len(name)} characters", f"1 to {LONGEST_NAME}", "give the view a short name")
    if len(kept) > LONGEST_QUERY:
        raise InputError(f"a view of {len(kept)} characters", f"at most {LONGEST_QUERY}", "narrow the list by fewer conditions")
    return name, kept


def cleaned(query: str) -> str:
    """A query string with the parameters that a view keeps, empty ones left out.

    Examples
    --------
    >>> cleaned("?tier=gold&after=abc&segment=&col=churn")
    'tier=gold&col=churn'
    """
    return urlencode([(name, value) for name, value in parse_qsl(query.lstrip("?")) if name in KEPT and value])
