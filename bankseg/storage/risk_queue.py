"""Reads of the risk team's review queue."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select
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
    cases = _cases(scope, found)
    if after is not None:
        cases = cases.where(_beyond(*after))
    return [dict(row) for row in session.execute(_with_clients(scope, cases.order_by(*_in_order()).limit(limit))).mappings()]


def stream(session: Session, scope: Scope, found: QueueFilter = EVERY) -> Iterator[Row]:
    """The whole queue, a few thousand rows at a time."""
    for row in session.execute(_with_clients(scope, _cases(scope, found)).execution_options(yield_per=FETCH)).mappings():
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


def _cases(scope: Scope, found: QueueFilter) -> Select[Any]:
    """The cases asked for with their reviews, without their clients: a page is cut before it is joined."""
    case, review = RiskCase.__table__.c, RiskReview.__table__.c  # type: ignore[attr-defined]  # SQLModel adds the tables
    columns = (case["run_id"], *(case[name] for name in CASE_PART), *(review[name] for name in REVIEW_PART))
    statement = select(*columns, _state().label("state")).select_from(RiskCase).join(RiskReview, _same_review(), isouter=True)
    return statement.where(published(scope, RiskCase), *_matching(found))


def _with_clients(scope: Scope, cases: Select[Any]) -> Select[Any]:
    """Each of the cases with what the queue tells of its client, in the order of the queue."""
    found, client = cases.subquery("found"), PublishedClient.__table__.c  # type: ignore[attr-defined]  # SQLModel adds the tables
    columns = (*(found.c[name] for name in CASE_PART), *(client[name] for name in CLIENT_PART), *(found.c[name] for name in (*REVIEW_PART, "state")))
    same_client = and_(client["run_id"] == found.c["run_id"], client["client_id"] == found.c["client_id"])
    order = found.c["severity"].desc(), func.coalesce(found.c["exposure_minor"], 0).desc(), found.c["client_id"]
    return select(*columns).select_from(found).join(PublishedClient, same_client).where(published(scope)).order_by(*order)


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


def _in_order() -> tuple[ColumnElement[Any], ...]:
    """Gravest first, then largest exposure, then id."""
    case = RiskCase.__table__.c  # type: ignore[attr-defined]  # SQLModel adds the table
    return case["severity"].desc(), _exposure().desc(), case["client_id"]


def _beyond(severity: int, exposure: int, client_id: str) -> ColumnElement[bool]:
    same = col(RiskCase.severity) == severity
    before = and_(same, or_(_exposure() > exposure, and_(_exposure() == exposure, col(RiskCase.client_id) <= client_id)))
    return and_(col(RiskCase.severity) <= severity, not_(before))  # an index bounds it, unlike three cases joined by OR
