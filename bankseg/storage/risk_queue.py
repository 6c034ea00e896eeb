"""Reads of the risk team's review queue."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlmodel import Session, col

from bankseg.domain.people import Scope
from bankseg.storage.portfolio import FETCH, PAGE, Row, published
from bankseg.storage.published_client import PublishedClient, RiskCase

CLIENT_PART = (
    "name",
    "kind",
    "city",
    "currency",
    "tier",
    "segment",
    "credit_score",
    "credit_source",
    "risk_band",
    "balance_minor",
    "debt_minor",
    "churn",
    "last_interaction_on",
)
CASE_PART = ("client_id", "rm_id", "branch_id", "severity", "stage", "days_past_due", "exposure_minor", "triggers", "since", "due_on")


def page(session: Session, scope: Scope, *, severity: int | None = None, after: tuple[int, int, str] | None = None, limit: int = PAGE) -> list[Row]:
    """One page of the queue: gravest first, then largest exposure, then id."""
    statement = _queue(scope, severity)
    if after is not None:
        statement = statement.where(_beyond(*after))
    return [dict(row) for row in session.execute(statement.limit(limit)).mappings()]


def stream(session: Session, scope: Scope, severity: int | None = None) -> Iterator[Row]:
    """The whole queue, a few thousand rows at a time."""
    for row in session.execute(_queue(scope, severity).execution_options(yield_per=FETCH)).mappings():
        yield dict(row)


def counts(session: Session, scope: Scope) -> dict[int, int]:
    """Cases by severity."""
    statement = select(col(RiskCase.severity), func.count()).where(published(scope, RiskCase)).group_by(col(RiskCase.severity))
    return {int(row[0]): int(row[1]) for row in session.execute(statement)}


def of_client(session: Session, scope: Scope, client_id: str) -> Row | None:
    """The open case of one client, if any."""
    columns = [RiskCase.__table__.c[name] for name in CASE_PART]  # type: ignore[attr-defined]  # SQLModel adds the table
    row = session.execute(select(*columns).where(published(scope, RiskCase), col(RiskCase.client_id) == client_id)).mappings().one_or_none()
    return dict(row) if row else None


def _queue(scope: Scope, severity: int | None) -> Select[Any]:
    client, case = PublishedClient.__table__.c, RiskCase.__table__.c  # type: ignore[attr-defined]  # SQLModel adds the tables
    same_client = and_(col(PublishedClient.run_id) == col(RiskCase.run_id), col(PublishedClient.client_id) == col(RiskCase.client_id))
    statement = select(*(case[name] for name in CASE_PART), *(client[name] for name in CLIENT_PART)).select_from(RiskCase).join(PublishedClient, same_client)
    statement = statement.where(published(scope, RiskCase), published(scope))
    if severity is not None:
        statement = statement.where(col(RiskCase.severity) == severity)
    return statement.order_by(col(RiskCase.severity).desc(), _exposure().desc(), col(RiskCase.client_id))


def _exposure() -> ColumnElement[int]:
    """Exposure with unknown taken as none, so that it has a place in the order."""
    return func.coalesce(col(RiskCase.exposure_minor), 0)


def _beyond(severity: int, exposure: int, client_id: str) -> ColumnElement[bool]:
    same = col(RiskCase.severity) == severity
    further = and_(same, _exposure() < exposure)
    return (col(RiskCase.severity) < severity) | further | and_(same, _exposure() == exposure, col(RiskCase.client_id) > client_id)
