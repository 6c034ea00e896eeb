"""Objection to marketing and the profiling behind it (GDPR 21(2)): one click, in force from the next read of any list or page, withdrawn by the client's own word."""

from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.domain.errors import MissingDataError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.storage import audit, client_objection, portfolio
from bankseg.storage.client_objection import ClientObjection
from bankseg.storage.database import database_time, transaction
from bankseg.storage.person import name_of


def record(engine: Engine, scope: Scope, client_id: str) -> int:
    """Record that a client in scope objects; one that stands already is the same one. Returns its number.

    Raises
    ------
    NotFoundError
        When there is no such client in scope.
    """
    require(scope, Right.OBJECTION)
    with transaction(engine) as session:
        rows = _in_scope(session, scope, client_id)
        if rows and rows[0].withdrawn_at is None:
            return rows[0].id or 0
        row = ClientObjection(client_id=client_id, recorded_by=scope.person_id, recorded_at=database_time(session))
        session.add(row)
        session.flush()
        audit.record(session, "objection_recorded", f"client:{client_id}", person_id=scope.person_id, objection=row.id)
        return row.id or 0


def withdraw(engine: Engine, scope: Scope, client_id: str) -> None:
    """Record that the client takes the objection back.

    Raises
    ------
    NotFoundError
        When there is no such client in scope.
    MissingDataError
        When none stands.
    """
    require(scope, Right.OBJECTION)
    with transaction(engine) as session:
        rows = _in_scope(session, scope, client_id)
        if not rows or rows[0].withdrawn_at is not None:
            raise MissingDataError("no objection stands", "one that was recorded", "open the client's page again")
        rows[0].withdrawn_by, rows[0].withdrawn_at = scope.person_id, database_time(session)
        audit.record(session, "objection_withdrawn", f"client:{client_id}", person_id=scope.person_id, objection=rows[0].id)


def objection_of(session: Session, client_id: str) -> dict[str, Any] | None:
    """The objection of a client that stands, with who recorded it; None where none does. `Any`: JSON values."""
    row = next((one for one in client_objection.of_client(session, client_id) if one.withdrawn_at is None), None)
    if row is None:
        return None
    return {"id": row.id, "recorded_at": row.recorded_at, "by": name_of(session, row.recorded_by)}


def objection_in_scope(session: Session, scope: Scope, client_id: str) -> dict[str, Any]:
    """Whether a client in scope objects: `stands`, and since when and by whom it was recorded.

    Raises
    ------
    NotFoundError
        When there is no such client in scope.
    """
    require(scope, Right.OBJECTION)
    _in_scope(session, scope, client_id)
    found = objection_of(session, client_id)
    return {"client_id": client_id, "stands": found is not None, **(found or {"id": None, "recorded_at": None, "by": ""})}


def _in_scope(session: Session, scope: Scope, client_id: str) -> list[ClientObjection]:
    if portfolio.one(session, scope, client_id) is None:
        raise NotFoundError("nothing here")
    return client_objection.of_client(session, client_id)
