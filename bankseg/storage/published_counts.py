"""The whole book's counts of a published run, worked out when readers first see it: a page reads them instead of a million rows."""

from typing import Any, cast

from sqlmodel import Session, col, select

from bankseg.storage import offer_counts, policy_counts, portfolio, recorded_document
from bankseg.storage.offer_counts import OfferCount
from bankseg.storage.policy_counts import PolicyCounts
from bankseg.storage.portfolio import Row
from bankseg.storage.published_client import ProductPropensity, PublishedClient
from bankseg.storage.run import Run, current

KIND, NAME = "cells", "cells_sha256"  # what the document is, and where a run's summary names it
BY_POLICY, OFFERS, HOLDERS = "by_policy", "offers", "holders"


def keep(session: Session, run_id: int) -> None:
    """Count a run's clients and keep the counts with it; once is enough, for its rows never change."""
    run = session.get_one(Run, run_id)
    if NAME not in run.summary:
        which = col(PublishedClient.run_id) == run_id
        offers = offer_counts.counted(session, col(ProductPropensity.run_id) == run_id)
        document = {
            KIND: portfolio.counted(session, which), BY_POLICY: policy_counts.counted(session, which).document,
            OFFERS: [count.document for count in offers], HOLDERS: portfolio.holders_of(session, which),
        }  # fmt: skip
        run.summary = {**run.summary, NAME: recorded_document.keep(session, KIND, document)}


def read(session: Session) -> list[Row] | None:
    """The counts of the run readers see; None where it was published before counts were kept."""
    document = _document(session)
    return cast("list[Row]", document[KIND]) if document else None


def state(session: Session) -> str:
    """Which counts are kept with the run readers see: another text once its rows were counted anew, empty where none are kept."""
    run = current(session)
    return str(run.summary.get(NAME, "")) if run else ""


def by_policy(session: Session) -> PolicyCounts | None:
    """What a policy cuts, counted with the run readers see; None where it was published before this was kept. It tells of no client, so it takes no scope."""
    document = _document(session)
    return policy_counts.read_counts(document[BY_POLICY]) if document and BY_POLICY in document else None


def offers(session: Session) -> list[OfferCount] | None:
    """Candidates of each product by what keeps them from a list, as when the run was published."""
    document = _document(session)
    return [OfferCount(*count) for count in document[OFFERS]] if document and OFFERS in document else None


def holders(session: Session) -> dict[str, list[str]] | None:
    """The branches and the relationship managers that hold a client of the run."""
    document = _document(session)
    return document[HOLDERS] if document and HOLDERS in document else None


def count_again(session: Session) -> None:
    """Count the runs anew whose rows have changed under them, as an erasure changes them: the one readers see now, the others when they are shown again."""
    for run in session.exec(select(Run)):
        run.summary = {name: value for name, value in run.summary.items() if name != NAME}
    seen = current(session)
    if seen is not None and seen.id is not None:
        keep(session, seen.id)


def _document(session: Session) -> dict[str, Any] | None:
    run = current(session)
    return recorded_document.read(session, run.summary[NAME]) if run and NAME in run.summary else None
