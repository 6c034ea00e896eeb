"""Counts of published clients by what a policy cuts them with: a few rows, however many clients."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func
from sqlmodel import Session, col, select

from bankseg.domain.people import Scope
from bankseg.storage.published_client import PublishedClient, in_scope


@dataclass(frozen=True, slots=True)
class PolicyCounts:
    """Clients of a value of 0 or more by kind, clients that stand in a churn band, and rows of credit source, score and clients."""

    valued: dict[str, int]
    banded: int
    scores: list[tuple[str, float, int]]

    @property
    def document(self) -> dict[str, Any]:
        """The counts as JSON."""
        return asdict(self)


def read_counts(document: dict[str, Any]) -> PolicyCounts:
    """Counts from their JSON.

    Examples
    --------
    >>> counts = PolicyCounts({"individual": 2}, 1, [("fico", 700.0, 2)])
    >>> read_counts(counts.document) == counts
    True
    """
    scores = [(str(source), float(score), int(clients)) for source, score, clients in document["scores"]]
    return PolicyCounts(dict(document["valued"]), int(document["banded"]), scores)


def in_scope_of(session: Session, scope: Scope, run_id: int) -> PolicyCounts:
    """The counts of a run over the clients that somebody may see."""
    return counted(session, and_(col(PublishedClient.run_id) == run_id, in_scope(scope)))


def counted(session: Session, which: ColumnElement[bool]) -> PolicyCounts:
    """Those of the clients counted so; who may see them is the caller's concern."""
    valued = select(PublishedClient.kind, func.count()).where(which, col(PublishedClient.value_12m_minor) >= 0).group_by(PublishedClient.kind)
    banded = select(func.count()).where(which, PublishedClient.churn_band != "not_scored").select_from(PublishedClient)
    source, score = col(PublishedClient.credit_source), col(PublishedClient.credit_score)
    scores = select(source, score, func.count()).where(which, score.is_not(None)).group_by(source, score)
    return PolicyCounts(
        {str(kind): int(count) for kind, count in session.exec(valued)}, int(session.exec(banded).one()),
        [(str(found), float(value or 0), int(count)) for found, value, count in session.exec(scores)],
    )  # fmt: skip
