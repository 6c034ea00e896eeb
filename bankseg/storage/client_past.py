"""Reads of one client over the published runs; each follows the client's present scope, so a portfolio handed over brings its past."""

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from bankseg.domain.jobs import RunState
from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.storage.person import Person
from bankseg.storage.portfolio import Row, is_shown
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.risk_review import RiskDecision
from bankseg.storage.run import Run
from bankseg.storage.segment_event import SegmentEvent

FIELDS = (
    "tier", "segment", "activity", "rfm", "value_12m_minor", "value_is_approximate", "balance_minor", "churn", "churn_band", "best_product", "best_propensity",
    "credit_score", "risk_band", "propensities", "currency",
)  # fmt: skip


def across_runs(session: Session, scope: Scope, client_id: str) -> list[Row]:
    """A client in scope in every published run whose rows are kept, oldest date first; the latest run of a date counts."""
    past = aliased(PublishedClient)
    columns = [getattr(past, name) for name in FIELDS if sees(scope.role, name)]
    latest = select(func.max(Run.id)).where(col(Run.state) == RunState.PUBLISHED).group_by(col(Run.as_of))
    statement: Select[Any] = (
        select(col(Run.as_of), col(Run.id).label("run_id"), *columns)
        .join(past, col(past.run_id) == col(Run.id))
        .where(col(past.client_id) == client_id, col(Run.id).in_(latest), is_shown(scope, client_id))
    )
    return [dict(row) for row in session.execute(statement.order_by(col(Run.as_of))).mappings()]


def latest_moves(session: Session, scope: Scope, client_id: str) -> dict[str, dict[str, Any]]:
    """The latest move of a client in scope into or out of a segment, by scheme: `from_segment`, `to_segment`, and the date as of which it showed."""
    statement = select(col(SegmentEvent.code), col(SegmentEvent.from_segment), col(SegmentEvent.to_segment), col(SegmentEvent.as_of))
    statement = statement.where(col(SegmentEvent.client_id) == client_id, is_shown(scope, client_id)).order_by(col(SegmentEvent.id))
    return {row["code"]: dict(row) for row in session.execute(statement).mappings()}


def decisions(session: Session, scope: Scope, client_id: str) -> list[dict[str, Any]]:
    """Risk decisions about a client in scope, newest first, with who took each."""
    names = ("id", "decision", "reason", "decided_at", "second_answer", "run_id")
    columns: list[Any] = [*(getattr(RiskDecision, name) for name in names), col(Person.display_name).label("by")]
    statement: Select[Any] = select(*columns).join(Person, col(Person.id) == col(RiskDecision.decided_by))
    statement = statement.where(col(RiskDecision.client_id) == client_id, is_shown(scope, client_id))
    return [dict(row) for row in session.execute(statement.order_by(col(RiskDecision.id).desc())).mappings()]
