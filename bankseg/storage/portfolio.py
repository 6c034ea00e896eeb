"""Reads of clients as published: each follows the pointer to the published run and carries a Scope."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlmodel import Session, col

from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.storage.published_client import PublishedClient, in_scope
from bankseg.storage.run import PORTFOLIO, CurrentRun

Row = dict[str, Any]  # a row as the database gave it: only the columns that this role sees

PAGE = 50
FETCH = 5_000  # rows fetched at a time while streaming: bounded memory at any list size
TIER_ORDER = ("platinum", "gold", "silver", "bronze", "negative")
LIST_FIELDS = (
    "client_id", "name", "kind", "status", "city", "branch_id", "rm_id", "currency", "tier", "tier_reason", "activity", "value_12m_minor", "value_is_approximate",
    "balance_minor", "churn", "churn_band", "churn_target", "expected_loss_minor", "best_product", "best_propensity", "best_margin_minor", "segment", "segment_reason", "action",
    "risk_band", "is_high_risk", "is_vulnerable", "preferred_channel", "last_interaction_on",
)  # fmt: skip
CALL_FIELDS = (*LIST_FIELDS, "churn_reasons")
CLIENT_FIELDS = tuple(PublishedClient.__table__.columns.keys())  # type: ignore[attr-defined]  # SQLModel adds the table


@dataclass(frozen=True, slots=True)
class PortfolioFilter:
    """What a person narrows the portfolio by; empty means everything in scope."""

    tier: str = ""
    segment: str = ""
    churn_band: str = ""
    product: str = ""
    search: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the sort value and the id of its last row."""

    value: str | float | None
    client_id: str


def tier_rank() -> ColumnElement[int]:
    """Tiers from best to worst; unknown names last."""
    return case({name: rank for rank, name in enumerate(TIER_ORDER)}, value=col(PublishedClient.tier), else_=len(TIER_ORDER))


# sort key -> (field it reveals, expression)
SORTS: dict[str, tuple[str, Any]] = {
    "churn": ("churn", col(PublishedClient.churn)), "loss": ("expected_loss_minor", col(PublishedClient.expected_loss_minor)),
    "value": ("value_12m_minor", col(PublishedClient.value_12m_minor)), "balance": ("balance_minor", col(PublishedClient.balance_minor)),
    "product": ("best_propensity", col(PublishedClient.best_propensity)), "tier": ("tier", tier_rank()), "segment": ("segment", col(PublishedClient.segment)),
    "name": ("name", col(PublishedClient.name)), "client": ("client_id", col(PublishedClient.client_id)), "contact": ("last_interaction_on", col(PublishedClient.last_interaction_on)),
}  # fmt: skip


def published(scope: Scope, table: Any = PublishedClient) -> ColumnElement[bool]:  # any client table
    """Rows of the published run that this person may see: the one way to read clients."""
    pointer = select(col(CurrentRun.run_id)).where(col(CurrentRun.kind) == PORTFOLIO).scalar_subquery()
    return and_(col(table.run_id) == pointer, in_scope(scope, table))


def visible_columns(scope: Scope, fields: tuple[str, ...], table: Any = PublishedClient) -> list[Any]:  # as above
    """The columns a role may read: a hidden field never leaves the database."""
    return [table.__table__.c[name] for name in fields if sees(scope.role, name)]


def matching(found: PortfolioFilter) -> list[ColumnElement[bool]]:
    """The predicates of a filter."""
    exact = {"tier": found.tier, "segment": found.segment, "churn_band": found.churn_band, "best_product": found.product}
    clauses: list[ColumnElement[bool]] = [getattr(PublishedClient, name) == value for name, value in exact.items() if value]
    if found.search:
        name, client = func.lower(col(PublishedClient.name)), func.lower(col(PublishedClient.client_id))
        clauses.append(or_(name.contains(found.search.lower(), autoescape=True), client.startswith(found.search.lower(), autoescape=True)))
    return clauses


def page(session: Session, scope: Scope, found: PortfolioFilter, sort: str, *, after: Position | None = None, limit: int = PAGE) -> list[Row]:
    """One page, `limit` rows, by keyset: the cost does not grow with the page number."""
    statement = _ordered(
        select(*visible_columns(scope, LIST_FIELDS), _sort_expression(sort).label("sorted_by")).where(published(scope), *matching(found)), sort
    )
    if after is not None:
        statement = statement.where(beyond(_sort_expression(sort), col(PublishedClient.client_id), after, descending=sort.startswith("-")))
    return [dict(row) for row in session.execute(statement.limit(limit)).mappings()]


def stream(session: Session, scope: Scope, found: PortfolioFilter, sort: str, fields: tuple[str, ...]) -> Iterator[Row]:
    """Every row of the filtered set, in the order of the screen, a few thousand at a time."""
    statement = _ordered(select(*visible_columns(scope, fields)).where(published(scope), *matching(found)), sort)
    for row in session.execute(statement.execution_options(yield_per=FETCH)).mappings():
        yield dict(row)


def count(session: Session, scope: Scope, found: PortfolioFilter) -> int:
    """How many clients of the scope match."""
    return session.execute(select(func.count()).select_from(PublishedClient).where(published(scope), *matching(found))).scalar_one()


def one(session: Session, scope: Scope, client_id: str) -> Row | None:
    """One client, or None when there is none in this person's scope."""
    statement = select(*visible_columns(scope, CLIENT_FIELDS)).where(published(scope), col(PublishedClient.client_id) == client_id)
    row = session.execute(statement).mappings().one_or_none()
    return dict(row) if row else None


def call_list(session: Session, scope: Scope, limit: int) -> list[Row]:
    """Whom to call first: the clients with the largest expected loss."""
    loss = col(PublishedClient.expected_loss_minor)
    statement = select(*visible_columns(scope, CALL_FIELDS)).where(published(scope), loss > 0)
    return [dict(row) for row in session.execute(statement.order_by(loss.desc(), col(PublishedClient.client_id)).limit(limit)).mappings()]


def segment_counts(session: Session, scope: Scope) -> list[Row]:
    """Clients, value and high-risk clients by segment, tier and currency, over the scope."""
    keys = (col(PublishedClient.segment), col(PublishedClient.tier), col(PublishedClient.currency))
    statement = select(
        *keys,
        func.min(col(PublishedClient.action)).label("action"),
        func.count().label("clients"),
        func.sum(col(PublishedClient.value_12m_minor)).label("value_12m_minor"),
        func.sum(col(PublishedClient.expected_loss_minor)).label("expected_loss_minor"),
        func.sum(case((col(PublishedClient.is_high_risk), 1), else_=0)).label("high_risk"),
        func.avg(col(PublishedClient.churn)).label("mean_churn"),
    ).where(published(scope))
    return [_plain_sums(dict(row)) for row in session.execute(statement.group_by(*keys)).mappings()]


def choices(session: Session, scope: Scope, field: str) -> list[str]:
    """The values a filter offers: those that occur in the scope."""
    column = PublishedClient.__table__.c[field]  # type: ignore[attr-defined]  # SQLModel adds the table
    values = session.execute(select(column).where(published(scope), column.is_not(None)).distinct().order_by(column)).scalars()
    found = [value for value in values if value]
    return sorted(found, key=lambda tier: TIER_ORDER.index(tier) if tier in TIER_ORDER else len(TIER_ORDER)) if field == "tier" else found


def care(session: Session, scope: Scope) -> list[Row]:
    """By currency: clients, balances under care, yearly value and what churn is expected to cost."""
    currency = col(PublishedClient.currency)
    statement = select(
        currency,
        func.count().label("clients"),
        func.sum(col(PublishedClient.balance_minor)).label("balance_minor"),
        func.sum(col(PublishedClient.value_12m_minor)).label("value_12m_minor"),
        func.sum(col(PublishedClient.expected_loss_minor)).label("expected_loss_minor"),
        func.sum(case((col(PublishedClient.is_high_risk), 1), else_=0)).label("high_risk"),
    ).where(published(scope))
    rows = [_plain_sums(dict(row)) for row in session.execute(statement.group_by(currency).order_by(func.count().desc())).mappings()]
    return [{name: value for name, value in row.items() if sees(scope.role, name)} for row in rows]


def beyond(expression: Any, identity: Any, after: Position, *, descending: bool) -> ColumnElement[bool]:  # SQL expressions
    """The keyset predicate: rows after a position, unknown values last and ties broken by id."""
    if after.value is None:
        return and_(expression.is_(None), identity > after.client_id)
    further = expression < after.value if descending else expression > after.value
    return or_(further, and_(expression == after.value, identity > after.client_id), expression.is_(None))


def _sort_expression(sort: str) -> Any:  # a SQL expression
    return SORTS[sort.removeprefix("-")][1]


def _ordered(statement: Select[Any], sort: str) -> Select[Any]:
    expression = _sort_expression(sort)
    direction = expression.desc() if sort.startswith("-") else expression.asc()
    return statement.order_by(direction.nulls_last(), col(PublishedClient.client_id))


def _plain_sums(row: Row) -> Row:
    """PostgreSQL sums bigint as numeric; money is an integer again here."""
    return {name: int(value) if name.endswith("_minor") and value is not None else value for name, value in row.items()}
