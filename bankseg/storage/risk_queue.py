"""Reads of the risk team's review queue."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlmodel import Session, col

from bankseg.domain.people import Scope
from bankseg.storage.portfolio import FETCH, PAGE, Row, published
from bankseg.storage.published_client import PublishedClient, RiskCase
from bankseg.storage.risk_review import OPEN, WAITING, RiskReview

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
REVIEW_PART = ("assigned_to", "again_on", "opened_because")
CASE_PART = ("client_id", "rm_id", "branch_id", "severity", "stage", "days_past_due", "exposure_minor", "triggers", "since", "due_on")


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which cases are asked for; `state` is one of a review, empty for those that are open or wait for a signature, `all` for every one."""

    severity: int | None = None
    state: str = ""
    assigned_to: int | None = None
    due_before: str | None = None
    code: str = ""
    branch_id: str = ""


EVERY = QueueFilter(state="all")


def page(session: Session, scope: Scope, found: QueueFilter = EVERY, *, after: tuple[int, int, str] | None = None, limit: int = PAGE) -> list[Row]:
    """One page of the queue: gravest first, then largest exposure, then id."""
    statement = _queue(scope, found)
    if after is not None:
        statement = statement.where(_beyond(*after))
    return [dict(row) for row in session.execute(statement.limit(limit)).mappings()]


def stream(session: Session, scope: Scope, found: QueueFilter = EVERY) -> Iterator[Row]:
    """The whole queue, a few thousand rows at a time."""
    for row in session.execute(_queue(scope, found).execution_options(yield_per=FETCH)).mappings():
        yield dict(row)


def counts(session: Session, scope: Scope) -> list[tuple[int, str, str, int]]:
    """Cases by severity, state of their review and branch."""
    state, branch = _state(), func.coalesce(col(RiskCase.branch_id), "")
    statement = select(col(RiskCase.severity), state, branch, func.count()).select_from(RiskCase).join(RiskReview, _same_review(), isouter=True)
    statement = statement.where(published(scope, RiskCase)).group_by(col(RiskCase.severity), state, branch)
    return [(int(row[0]), str(row[1]), str(row[2]), int(row[3])) for row in session.execute(statement)]


def triggers(session: Session, scope: Scope) -> Iterator[str]:
    """The fired triggers of every case, as JSON."""
    yield from session.execute(select(col(RiskCase.triggers)).where(published(scope, RiskCase))).scalars()


def of_client(session: Session, scope: Scope, client_id: str) -> Row | None:
    """The open case of one client, if any."""
    columns = [RiskCase.__table__.c[name] for name in CASE_PART]  # type: ignore[attr-defined]  # SQLModel adds the table
    row = session.execute(select(*columns).where(published(scope, RiskCase), col(RiskCase.client_id) == client_id)).mappings().one_or_none()
    return dict(row) if row else None


def _state() -> ColumnElement[str]:
    """Where a case stands; one nobody looked at yet is open."""
    return func.coalesce(col(RiskReview.state), OPEN)


def _same_review() -> ColumnElement[bool]:
    return col(RiskReview.client_id) == col(RiskCase.client_id)


def _queue(scope: Scope, found: QueueFilter) -> Select[Any]:
    client, case = PublishedClient.__table__.c, RiskCase.__table__.c  # type: ignore[attr-defined]  # SQLModel adds the tables
    same_client = and_(col(PublishedClient.run_id) == col(RiskCase.run_id), col(PublishedClient.client_id) == col(RiskCase.client_id))
    review = RiskReview.__table__.c  # type: ignore[attr-defined]  # as above
    columns = (*(case[name] for name in CASE_PART), *(client[name] for name in CLIENT_PART), *(review[name] for name in REVIEW_PART))
    statement = (
        select(*columns, _state().label("state")).select_from(RiskCase).join(PublishedClient, same_client).join(RiskReview, _same_review(), isouter=True)
    )
    statement = statement.where(published(scope, RiskCase), published(scope), *_matching(found))
    return statement.order_by(col(RiskCase.severity).desc(), _exposure().desc(), col(RiskCase.client_id))


def _matching(found: QueueFilter) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if found.state != "all":
        wanted.append(_state().in_((found.state,) if found.state else (OPEN, WAITING)))
    if found.severity is not None:
        wanted.append(col(RiskCase.severity) == found.severity)
    if found.assigned_to is not None:
        wanted.append(col(RiskReview.assigned_to) == found.assigned_to)
    if found.due_before is not None:
        wanted.append(col(RiskCase.due_on) < found.due_before)
    if found.code:
        wanted.append(or_(*(col(RiskCase.triggers).contains(f'"code":{space}"{found.code}"', autoescape=True) for space in ("", " "))))
    if found.branch_id:
        wanted.append(col(RiskCase.branch_id) == found.branch_id)
    return wanted


def _exposure() -> ColumnElement[int]:
    """Exposure with unknown taken as none, so that it has a place in the order."""
    return func.coalesce(col(RiskCase.exposure_minor), 0)


def _beyond(severity: int, exposure: int, client_id: str) -> ColumnElement[bool]:
    same = col(RiskCase.severity) == severity
    further = and_(same, _exposure() < exposure)
    return (col(RiskCase.severity) < severity) | further | and_(same, _exposure() == exposure, col(RiskCase.client_id) > client_id)
