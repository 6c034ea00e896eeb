"""A client's facts in the lake, opened for the run whose numbers the page shows, and only for who has the client in scope."""

from collections.abc import Collection

from sqlmodel import Session

from bankseg.domain.errors import NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.lake.client_record import ClientRecord
from bankseg.lake.files import table_versions
from bankseg.services.stamp import Stamp, stamp
from bankseg.settings import Settings
from bankseg.storage import portfolio
from bankseg.storage import run as runs
from bankseg.storage.portfolio import Row


def client_in_scope(session: Session, scope: Scope, client_id: str) -> tuple[Stamp, Row]:
    """The client as published, with the stamp of the run.

    Raises
    ------
    NotFoundError
        When there is no such client in this person's scope: another's client and no client look the same.
    """
    require(scope, Right.CLIENTS)
    run, client = stamp(session), portfolio.one(session, scope, client_id)
    if client is None:
        raise NotFoundError("nothing here")
    return run, client


def open_facts(settings: Settings, session: Session, client_id: str, tables: Collection[str]) -> ClientRecord:
    """The client's facts as known to the published run: its table versions and its date, whatever was loaded since."""
    shown, run = stamp(session), runs.current(session)
    versions = run.table_versions if run else {}
    return ClientRecord(settings.lake, versions or table_versions(settings.lake), client_id, shown.as_of, tables)
