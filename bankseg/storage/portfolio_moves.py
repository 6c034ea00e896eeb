"""Reads that lay the published run beside an earlier one: who moved, and deposits at risk. Each carries a Scope of the present."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from bankseg.domain.people import Scope
from bankseg.storage.portfolio import TIER_ORDER, Row, published
from bankseg.storage.published_client import PublishedClient

BEFORE_FIELDS = ("tier", "churn", "is_high_risk")
MOVED_FIELDS = ("client_id", "name", "currency", "tier", "value_12m_minor", "value_is_approximate", "churn")


def before(session: Session, scope: Scope, run_id: int, client_ids: list[str]) -> dict[str, Row]:
    """Tier and churn in an earlier run of some clients in scope, by number; a client who was not there is absent."""
    past: Any = aliased(PublishedClient)
    columns = [getattr(past, name) for name in BEFORE_FIELDS]
    statement = (
        select(col(PublishedClient.client_id), *columns).join(past, _same(past, run_id)).where(published(scope), col(PublishedClient.client_id).in_(client_ids))
    )
    return {row["client_id"]: dict(row) for row in session.execute(statement).mappings()}


def new_in_risk(session: Session, scope: Scope, run_id: int, most: int) -> tuple[int, list[Row]]:
    """Clients under risk review who were not in an earlier run: how many, and the first by value."""
    past: Any = aliased(PublishedClient)
    return _moved(session, scope, past, run_id, and_(col(PublishedClient.is_high_risk), ~col(past.is_high_risk)), most)


def slid(session: Session, scope: Scope, run_id: int, most: int) -> tuple[int, list[Row]]:
    """Clients whose tier is lower than in an earlier run: how many, and the first by value."""
    past: Any = aliased(PublishedClient)
    return _moved(session, scope, past, run_id, _rank(PublishedClient.tier) > _rank(past.tier), most)


def tier_moves(session: Session, scope: Scope, run_id: int) -> dict[tuple[str | None, str], int]:
    """Clients in scope by tier in an earlier run and tier now; None where the client was not there."""
    past: Any = aliased(PublishedClient)
    statement = select(col(past.tier), col(PublishedClient.tier), func.count()).select_from(PublishedClient).join(past, _same(past, run_id), isouter=True)
    rows = session.execute(statement.where(published(scope)).group_by(col(past.tier), col(PublishedClient.tier)))
    return {(row[0], row[1]): int(row[2]) for row in rows}


def at_risk(session: Session, scope: Scope) -> list[Row]:
    """By currency and tier: clients, value and balances, and the deposits at risk, each client's positive balance times its churn, rounded to the minor unit.

    `scored` says for how many clients both are known: only they count in `at_risk_minor`, which is null where there is none.
    """
    client = PublishedClient
    known = and_(col(client.balance_minor) > 0, col(client.churn).is_not(None))
    exposed = cast(func.round(col(client.balance_minor) * col(client.churn)), BigInteger)
    columns: list[Any] = [
        col(client.currency), col(client.tier), func.count().label("clients"), func.sum(col(client.value_12m_minor)).label("value_12m_minor"),
        func.sum(col(client.balance_minor)).label("balance_minor"), func.sum(case((known, exposed))).label("at_risk_minor"), func.sum(case((known, 1), else_=0)).label("scored"),
    ]  # fmt: skip
    statement: Select[Any] = select(*columns)
    rows = session.execute(statement.where(published(scope)).group_by(col(client.currency), col(client.tier))).mappings()
    return [{name: int(value) if name.endswith("_minor") and value is not None else value for name, value in row.items()} for row in rows]


def _same(past: Any, run_id: int) -> ColumnElement[bool]:
    """The same client in the earlier run; whoever held the client then, the present scope decides."""
    return and_(col(past.run_id) == run_id, col(past.client_id) == col(PublishedClient.client_id))


def _rank(tier: Any) -> ColumnElement[int]:
    return case({name: rank for rank, name in enumerate(TIER_ORDER)}, value=tier, else_=len(TIER_ORDER))


def _moved(session: Session, scope: Scope, past: Any, run_id: int, moved: ColumnElement[bool], most: int) -> tuple[int, list[Row]]:
    is_there = or_(col(PublishedClient.status).is_(None), col(PublishedClient.status) == "active")
    clauses = (published(scope), is_there, moved)
    count = session.execute(select(func.count()).select_from(PublishedClient).join(past, _same(past, run_id)).where(*clauses)).scalar_one()
    columns = [getattr(PublishedClient, name) for name in MOVED_FIELDS]
    statement = select(*columns, col(past.tier).label("tier_before")).join(past, _same(past, run_id)).where(*clauses)
    order = (func.coalesce(col(PublishedClient.value_12m_minor), 0).desc(), col(PublishedClient.client_id))
    return int(count), [dict(row) for row in session.execute(statement.order_by(*order).limit(most)).mappings()]
