"""Candidates of each product by what keeps them from a list: kept with a run, and corrected at every read by those who object or are being erased."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select, union

from bankseg.storage.client_erasure import hidden_subjects
from bankseg.storage.client_objection import OBJECTED, objecting
from bankseg.storage.published_client import ProductPropensity


@dataclass(frozen=True, slots=True)
class OfferCount:
    """Candidates of one product whom one cause keeps from being contacted, None for those who may be, and the outcomes expected of them all."""

    product: str
    cause: str | None
    candidates: int
    expected_sales: float

    @property
    def document(self) -> list[Any]:
        """The count as JSON."""
        return [self.product, self.cause, self.candidates, self.expected_sales]


def counted(session: Session, which: ColumnElement[bool]) -> list[OfferCount]:
    """Those of the candidates counted so; who may see them is the caller's concern."""
    keys = (col(ProductPropensity.product), col(ProductPropensity.excluded_by))
    rows = session.exec(select(*keys, func.count(), func.sum(ProductPropensity.propensity)).where(which).group_by(*keys))
    return [OfferCount(product, cause, int(candidates), float(sales)) for product, cause, candidates, sales in rows]


def as_of_now(session: Session, run_id: int, kept: Iterable[OfferCount]) -> list[OfferCount]:
    """The counts kept with a run as they are today: without who is being erased, and with who objects to marketing under that cause."""
    hidden = col(ProductPropensity.client_id).in_(hidden_subjects())
    apart = col(ProductPropensity.client_id).in_(union(hidden_subjects(), objecting()))
    of_run = col(ProductPropensity.run_id) == run_id
    now = {(count.product, count.cause): count for count in kept}
    for gone in counted(session, of_run & apart):
        _add(now, gone, gone.cause, -1)
    for objects in counted(session, of_run & apart & ~hidden):
        _add(now, objects, OBJECTED, 1)
    return [count for count in now.values() if count.candidates]


def _add(counts: dict[tuple[str, str | None], OfferCount], changed: OfferCount, cause: str | None, sign: int) -> None:
    key = (changed.product, cause)
    before = counts.get(key) or OfferCount(*key, 0, 0.0)
    counts[key] = OfferCount(*key, before.candidates + sign * changed.candidates, before.expected_sales + sign * changed.expected_sales)
