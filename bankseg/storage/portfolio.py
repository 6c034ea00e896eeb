"""Reads of clients as published: each follows the pointer to the published run and carries a Scope."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, not_, null, or_, select
from sqlmodel import Session, col

from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.storage.client_erasure import hidden_subjects
from bankseg.storage.client_objection import objecting
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
CELL_KEYS = ("status", "tier", "segment", "churn_band", "best_product", "currency")
CELL_SUMS = ("balance_minor", "value_12m_minor", "clv_minor", "expected_loss_minor")
CALL_FIELDS = (*LIST_FIELDS, "churn_reasons")
MARKETED_FIELDS = frozenset({"best_product", "best_propensity", "best_margin_minor", "best_reasons", "best_blocked_by"})  # not of who objects to marketing
CLIENT_FIELDS = tuple(PublishedClient.__table__.columns.keys())  # type: ignore[attr-defined]  # SQLModel adds the table


@dataclass(frozen=True, slots=True)
class PortfolioFilter:
    """What a person narrows the portfolio by; empty means everything in scope."""

    tier: str = ""
    status: str = ""
    segment: str = ""
    churn_band: str = ""
    product: str = ""
    search: str = ""
    branch: str = ""
    rm: str = ""
    in_risk: bool = False
    balance_at_least_minor: int | None = None
    balance_at_most_minor: int | None = None

    @property
    def is_counted_by_cells(self) -> bool:
        """Whether every condition is one that the portfolio is counted by."""
        return not (self.search or self.branch or self.rm or self.in_risk) and self.balance_at_least_minor is None and self.balance_at_most_minor is None


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
    """Rows of the published run that this person may see: the one way to read clients. Who is being erased is seen by nobody."""
    pointer = select(col(CurrentRun.run_id)).where(col(CurrentRun.kind) == PORTFOLIO).scalar_subquery()
    return and_(col(table.run_id) == pointer, in_scope(scope, table), col(table.client_id).not_in(hidden_subjects()))


def is_shown(scope: Scope, client_id: str) -> ColumnElement[bool]:
    """Whether this person may see a client of the published run: for reads of rows that name a client and not who holds it."""
    return exists(select(col(PublishedClient.client_id)).where(published(scope), col(PublishedClient.client_id) == client_id))


def visible_columns(scope: Scope, fields: tuple[str, ...], table: Any = PublishedClient) -> list[Any]:  # as above
    """The columns a role may read: a hidden field never leaves the database, nor what is to be offered to who objects to marketing."""
    columns = table.__table__.c
    return [_unless_objecting(table, columns[name]) if name in MARKETED_FIELDS else columns[name] for name in fields if sees(scope.role, name)]


def _unless_objecting(table: Any, column: Any) -> Any:  # a column of a client table
    return case((col(table.client_id).in_(objecting()), null()), else_=column).label(column.name)


def matching(found: PortfolioFilter) -> list[ColumnElement[bool]]:
    """The predicates of a filter."""
    exact = {
        "tier": found.tier,
        "status": found.status,
        "segment": found.segment,
        "churn_band": found.churn_band,
        "best_product": found.product,
        "branch_id": found.branch,
        "rm_id": found.rm,
    }
    clauses: list[ColumnElement[bool]] = [getattr(PublishedClient, name) == value for name, value in exact.items() if value]
    if found.product:
        clauses.append(col(PublishedClient.client_id).not_in(objecting()))
    if found.in_risk:
        clauses.append(col(PublishedClient.is_high_risk).is_(True))
    if found.balance_at_least_minor is not None:
        clauses.append(col(PublishedClient.balance_minor) >= found.balance_at_least_minor)
    if found.balance_at_most_minor is not None:
        clauses.append(col(PublishedClient.balance_minor) <= found.balance_at_most_minor)
    if found.search:
        name, client = func.lower(col(PublishedClient.name)), func.lower(col(PublishedClient.client_id))
        clauses.append(or_(name.contains(found.search.lower(), autoescape=True), client.startswith(found.search.lower(), autoescape=True)))
    return clauses


def page(session: Session, scope: Scope, found: PortfolioFilter, sort: str, *, after: Position | None = None, limit: int = PAGE) -> list[Row]:
    """One page, `limit` rows, by keyset: the cost does not grow with the page number."""
    rows: list[Row] = []
    columns = (*visible_columns(scope, LIST_FIELDS), _sort_expression(sort).label("sorted_by"))
    for statement in _known_then_unknown(select(*columns).where(published(scope), *matching(found)), sort, after):
        if len(rows) < limit:
            rows += [dict(row) for row in session.execute(statement.limit(limit - len(rows))).mappings()]
    return rows


def stream(session: Session, scope: Scope, found: PortfolioFilter, sort: str, fields: tuple[str, ...]) -> Iterator[Row]:
    """Every row of the filtered set, in the order of the screen, a few thousand at a time."""
    for statement in _known_then_unknown(select(*visible_columns(scope, fields)).where(published(scope), *matching(found)), sort):
        for row in session.execute(statement.execution_options(yield_per=FETCH)).mappings():
            yield dict(row)


def count(session: Session, scope: Scope, found: PortfolioFilter) -> int:
    """How many clients of the scope match."""
    return int(session.execute(select(func.count()).select_from(PublishedClient).where(published(scope), *matching(found))).scalar_one())


def holders(session: Session, scope: Scope) -> dict[str, list[str]]:
    """The branches and the relationship managers of the clients in scope, by column, sorted."""
    return holders_of(session, published(scope))


def holders_of(session: Session, which: ColumnElement[bool]) -> dict[str, list[str]]:
    """Those of the clients chosen so; who may see them is the caller's concern."""
    return {name: [str(value) for value in session.execute(_distinct(which, name)).scalars()] for name in ("branch_id", "rm_id")}


def one(session: Session, scope: Scope, client_id: str) -> Row | None:
    """One client, or None when there is none in this person's scope."""
    statement = select(*visible_columns(scope, CLIENT_FIELDS)).where(published(scope), col(PublishedClient.client_id) == client_id)
    row = session.execute(statement).mappings().one_or_none()
    return dict(row) if row else None


def call_list(session: Session, scope: Scope, limit: int, resting: ColumnElement[bool]) -> list[Row]:
    """Whom to call first: the clients with the largest expected loss, save those who rest."""
    loss = col(PublishedClient.expected_loss_minor)
    statement = select(*visible_columns(scope, CALL_FIELDS)).where(published(scope), loss > 0, not_(resting))
    return [dict(row) for row in session.execute(statement.order_by(loss.desc(), col(PublishedClient.client_id)).limit(limit)).mappings()]


def cells(session: Session, scope: Scope) -> list[Row]:
    """The scope counted once by everything a desk groups or filters by: counts, sums and choices all come from these few rows."""
    return counted(session, published(scope))


def counted(session: Session, which: ColumnElement[bool]) -> list[Row]:
    """Those of the clients counted so; who may see them is the caller's concern."""
    keys = tuple(col(getattr(PublishedClient, name)) for name in CELL_KEYS)
    sums = tuple(func.sum(col(getattr(PublishedClient, name))).label(name) for name in CELL_SUMS)
    high_risk = func.sum(case((col(PublishedClient.is_high_risk), 1), else_=0)).label("high_risk")
    statement = select(*keys, func.min(col(PublishedClient.action)).label("action"), func.count().label("clients"), high_risk, *sums).where(which)
    return [_plain_sums(dict(row)) for row in session.execute(statement.group_by(*keys)).mappings()]


def _known_then_unknown(statement: Select[Any], sort: str, after: Position | None = None) -> list[Select[Any]]:
    """The rows with a known sort value, then those without: two plain ranges, so that an index serves each, whichever end a database puts its nulls."""
    expression, identity, descending = _sort_expression(sort), col(PublishedClient.client_id), sort.startswith("-")
    value_order, identity_order = (expression.desc(), identity.desc()) if descending else (expression.asc(), identity.asc())
    known = statement.where(expression.is_not(None)).order_by(value_order, identity_order)
    unknown = statement.where(expression.is_(None)).order_by(identity_order)
    if after is None:
        return [known, unknown]
    if after.value is None:
        return [unknown.where(identity < after.client_id if descending else identity > after.client_id)]
    return [known.where(beyond(expression, identity, after, descending=descending)), unknown]


def beyond(expression: Any, identity: Any, after: Position, *, descending: bool) -> ColumnElement[bool]:
    """The keyset predicate over known values, ties broken by id in the same direction: one range of an index, less the rows already seen."""
    if descending:
        return and_(expression <= after.value, not_(and_(expression == after.value, identity >= after.client_id)))
    return and_(expression >= after.value, not_(and_(expression == after.value, identity <= after.client_id)))


def _distinct(which: ColumnElement[bool], name: str) -> Select[Any]:
    column = col(getattr(PublishedClient, name))
    return select(column).where(which, column.is_not(None)).distinct().order_by(column)


def _sort_expression(sort: str) -> Any:  # a SQL expression
    return SORTS[sort.removeprefix("-")][1]


def _plain_sums(row: Row) -> Row:
    """PostgreSQL sums bigint as numeric; money is an integer again here."""
    for name in CELL_SUMS:
        if row[name] is not None:
            row[name] = int(row[name])
    return row
