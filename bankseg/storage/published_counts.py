"""The whole book's counts of a published run, worked out when readers first see it: a page reads them instead of a million rows."""

from typing import cast

from sqlmodel import Session, col

from bankseg.storage import portfolio, recorded_document
from bankseg.storage.portfolio import Row
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.run import Run, current

KIND, NAME = "cells", "cells_sha256"  # what the document is, and where a run's summary names it


def keep(session: Session, run_id: int) -> None:
    """Count a run's clients and keep the counts with it; once is enough, for its rows never change."""
    run = session.get_one(Run, run_id)
    if NAME not in run.summary:
        cells = portfolio.counted(session, col(PublishedClient.run_id) == run_id)
        run.summary = {**run.summary, NAME: recorded_document.keep(session, KIND, {KIND: cells})}


def read(session: Session) -> list[Row] | None:
    """The counts of the run readers see; None where it was published before counts were kept."""
    run = current(session)
    document = recorded_document.read(session, run.summary[NAME]) if run and NAME in run.summary else None
    return cast("list[Row]", document[KIND]) if document else None
