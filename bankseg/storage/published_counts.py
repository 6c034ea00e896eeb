"""The whole book's counts of a published run, worked out when readers first see it: a page reads them instead of a million rows."""

from typing import Any, cast

from sqlmodel import Session, col

from bankseg.storage import policy_counts, portfolio, recorded_document
from bankseg.storage.policy_counts import PolicyCounts
from bankseg.storage.portfolio import Row
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.run import Run, current

KIND, NAME = "cells", "cells_sha256"  # what the document is, and where a run's summary names it
BY_POLICY = "by_policy"


def keep(session: Session, run_id: int) -> None:
    """Count a run's clients and keep the counts with it; once is enough, for its rows never change."""
    run = session.get_one(Run, run_id)
    if NAME not in run.summary:
        which = col(PublishedClient.run_id) == run_id
        document = {KIND: portfolio.counted(session, which), BY_POLICY: policy_counts.counted(session, which).document}
        run.summary = {**run.summary, NAME: recorded_document.keep(session, KIND, document)}


def read(session: Session) -> list[Row] | None:
    """The counts of the run readers see; None where it was published before counts were kept."""
    document = _document(session)
    return cast("list[Row]", document[KIND]) if document else None


def by_policy(session: Session) -> PolicyCounts | None:
    """What a policy cuts, counted with the run readers see; None where it was published before this was kept. It tells of no client, so it takes no scope."""
    document = _document(session)
    return policy_counts.read_counts(document[BY_POLICY]) if document and BY_POLICY in document else None


def _document(session: Session) -> dict[str, Any] | None:
    run = current(session)
    return recorded_document.read(session, run.summary[NAME]) if run and NAME in run.summary else None
