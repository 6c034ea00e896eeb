"""Reads of product propensities: marketing's list, and why each candidate is or is not on it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Label, Select, SQLColumnExpression, and_, case, func, not_, select
from sqlmodel import Session, col

from bankseg.domain.people import Scope
from bankseg.storage.client_objection import OBJECTED, objecting
from bankseg.storage.offer_counts import OfferCount
from bankseg.storage.portfolio import FETCH, PAGE, Position, Row, beyond, published, visible_columns
from bankseg.storage.published_client import ProductPropensity, PublishedClient

CLIENT_PART = (
    "client_id",
    "name",
    "kind",
    "city",
    "branch_id",
    "rm_id",
    "currency",
    "tier",
    "segment",
    "churn_band",
    "preferred_channel",
    "consent_purposes",
    "last_interaction_on",
)
PROPENSITY_PART = ("product", "propensity", "expected_margin_minor", "reasons")

OTHER_TIER, OTHER_SEGMENT, TOO_UNLIKELY = "other_tier", "other_segment", "below_probability"


@dataclass(frozen=True, slots=True)
class CrossSellFilter:
    """How a list is cut: the product, the least propensity, tiers and segments; empty means all."""

    product: str
    least_propensity: float = 0.0
    tiers: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


def removed_by(found: CrossSellFilter) -> SQLColumnExpression[Any]:
    """What takes a candidate off the list, exactly one cause each, in this order; null for those who stay."""
    whens: list[Any] = [(_objects(), OBJECTED)]
    if found.tiers:
        whens.append((col(PublishedClient.tier).not_in(found.tiers), OTHER_TIER))
    if found.segments:
        whens.append((col(PublishedClient.segment).not_in(found.segments), OTHER_SEGMENT))
    if found.least_propensity > 0:
        whens.append((col(ProductPropensity.propensity) < found.least_propensity, TOO_UNLIKELY))
    return case(*whens, else_=col(ProductPropensity.excluded_by))


def _objects() -> ColumnElement[bool]:
    """Whether a candidate objects to marketing: asked of the store at every read, so that it counts at once."""
    return col(ProductPropensity.client_id).in_(objecting())


def funnel(session: Session, scope: Scope, found: CrossSellFilter) -> dict[str | None, int]:
    """Candidates by what removes them; the key None counts those who stay, and the values add up to all candidates."""
    cause: Label[Any] = removed_by(found).label("cause")
    needs_client = bool(found.tiers or found.segments)  # a count that names no attribute of clients reads no client
    counted = _candidates(select(cause), scope, found, with_client=needs_client).subquery()
    statement = select(counted.c.cause, func.count()).group_by(counted.c.cause)
    return {row[0]: int(row[1]) for row in session.execute(statement)}


def page(session: Session, scope: Scope, found: CrossSellFilter, *, after: Position | None = None, limit: int = PAGE) -> list[Row]:
    """One page of the list, likeliest first."""
    statement = _list(scope, found)
    if after is not None:
        statement = statement.where(beyond(col(ProductPropensity.propensity), col(ProductPropensity.client_id), after, descending=True))
    return [dict(row) for row in session.execute(statement.limit(limit)).mappings()]


def stream(session: Session, scope: Scope, found: CrossSellFilter, limit: int | None = None) -> Iterator[Row]:
    """The whole list, or its first `limit` clients, a few thousand rows at a time."""
    for row in session.execute(_list(scope, found).limit(limit).execution_options(yield_per=FETCH)).mappings():
        yield dict(row)


def likely(session: Session, scope: Scope, found: CrossSellFilter) -> dict[str | None, int]:
    """The candidates of at least the least propensity who do not object, by what removes them; a range of the list's index."""
    cause = col(ProductPropensity.excluded_by)
    reached = col(ProductPropensity.propensity) >= found.least_propensity
    statement: Any = select(cause, func.count())  # a statement of two columns, which narrowing does not change
    statement = _candidates(statement, scope, found, with_client=False).where(reached, not_(_objects()))
    return {row[0]: int(row[1]) for row in session.execute(statement.group_by(cause))}


def counted(session: Session, scope: Scope) -> list[OfferCount]:
    """Candidates of each product by what keeps them from being contacted, an objection before all else."""
    cause = case((_objects(), OBJECTED), else_=col(ProductPropensity.excluded_by)).label("cause")
    inner = select(col(ProductPropensity.product), cause, col(ProductPropensity.propensity)).where(published(scope, ProductPropensity)).subquery()
    sales = func.sum(inner.c.propensity)
    statement = select(inner.c.product, inner.c.cause, func.count(), sales).group_by(inner.c.product, inner.c.cause)
    return [OfferCount(row[0], row[1], int(row[2]), float(row[3])) for row in session.execute(statement)]


def of_client(session: Session, scope: Scope, client_id: str) -> list[Row]:
    """One client's propensity for each product they are eligible for, best expected margin first; none for who objects to marketing."""
    fields = (*PROPENSITY_PART, "excluded_by")
    statement = select(*visible_columns(scope, fields, ProductPropensity)).where(
        published(scope, ProductPropensity), col(ProductPropensity.client_id) == client_id, not_(_objects())
    )
    order = (col(ProductPropensity.expected_margin_minor).desc().nulls_last(), col(ProductPropensity.propensity).desc(), col(ProductPropensity.product))
    return [dict(row) for row in session.execute(statement.order_by(*order)).mappings()]


def _list(scope: Scope, found: CrossSellFilter) -> Select[Any]:
    columns = [*visible_columns(scope, CLIENT_PART), *visible_columns(scope, PROPENSITY_PART, ProductPropensity)]
    statement = _candidates(select(*columns), scope, found).where(removed_by(found).is_(None))
    return statement.order_by(col(ProductPropensity.propensity).desc(), col(ProductPropensity.client_id).desc())


def _candidates(statement: Select[Any], scope: Scope, found: CrossSellFilter, *, with_client: bool = True) -> Select[Any]:
    statement = statement.select_from(ProductPropensity).where(published(scope, ProductPropensity), col(ProductPropensity.product) == found.product)
    if not scope.sees_whole_book:
        # Few clients in scope: naming them leads the planner to their own rows instead of the whole product's.
        statement = statement.where(col(ProductPropensity.client_id).in_(select(col(PublishedClient.client_id)).where(published(scope))))
    if not with_client:
        return statement
    same_client = and_(col(PublishedClient.run_id) == col(ProductPropensity.run_id), col(PublishedClient.client_id) == col(ProductPropensity.client_id))
    return statement.join(PublishedClient, same_client).where(published(scope))
