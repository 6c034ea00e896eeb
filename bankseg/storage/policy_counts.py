"""Counts of published clients in scope by what a policy cuts them with: a few rows, however many clients."""

from sqlalchemy import func
from sqlmodel import Session, col, select

from bankseg.domain.people import Scope
from bankseg.storage.published_client import PublishedClient, in_scope


def valued_by_kind(session: Session, scope: Scope, run_id: int) -> dict[str, int]:
    """Clients of a value of 0 or more, by kind."""
    query = select(PublishedClient.kind, func.count()).where(PublishedClient.run_id == run_id, in_scope(scope), col(PublishedClient.value_12m_minor) >= 0)
    return {str(kind): int(count) for kind, count in session.exec(query.group_by(PublishedClient.kind))}


def banded(session: Session, scope: Scope, run_id: int) -> int:
    """Clients that stand in a churn band."""
    query = select(func.count()).where(PublishedClient.run_id == run_id, in_scope(scope), PublishedClient.churn_band != "not_scored")
    return int(session.exec(query.select_from(PublishedClient)).one())


def credit_scores(session: Session, scope: Scope, run_id: int) -> list[tuple[str, float, int]]:
    """Source, score and number of clients."""
    query = select(PublishedClient.credit_source, PublishedClient.credit_score, func.count())
    known = query.where(PublishedClient.run_id == run_id, in_scope(scope), col(PublishedClient.credit_score).is_not(None))
    rows = session.exec(known.group_by(col(PublishedClient.credit_source), col(PublishedClient.credit_score)))
    return [(str(source), float(score or 0), int(count)) for source, score, count in rows]
