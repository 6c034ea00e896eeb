"""The counts behind every desk: the scope in a few cells, kept for the whole book as long as its run is the published one."""

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.services.stamp import stamp
from bankseg.storage import portfolio
from bankseg.storage.portfolio import TIER_ORDER, PortfolioFilter, Row

# A published run never changes, so its counts are values; one run per store is kept, the one readers see.
_WHOLE_BOOKS: WeakKeyDictionary[Engine, tuple[int, list[Row]]] = WeakKeyDictionary()


def cells(session: Session, scope: Scope) -> list[Row]:
    """The cells of a scope."""
    if not scope.sees_whole_book:
        return portfolio.cells(session, scope)
    engine, run_id = session.get_bind().engine, stamp(session).run_id
    kept = _WHOLE_BOOKS.get(engine)
    if kept is None or kept[0] != run_id:
        kept = (run_id, portfolio.cells(session, scope))
        _WHOLE_BOOKS[engine] = kept
    return kept[1]


def matching(found: PortfolioFilter, of: Iterable[Row]) -> list[Row]:
    """The cells a filter keeps; a search is not a matter of cells."""
    wanted = {"tier": found.tier, "status": found.status, "segment": found.segment, "churn_band": found.churn_band, "best_product": found.product}
    return [cell for cell in of if all(not value or cell[name] == value for name, value in wanted.items())]


def clients(of: Iterable[Row]) -> int:
    """How many clients the cells hold."""
    return sum(cell["clients"] for cell in of)


def by(name: str, of: Iterable[Row]) -> dict[str, list[Row]]:
    """The cells by one of their keys; cells without a value stay under the empty name."""
    grouped: dict[str, list[Row]] = {}
    for cell in of:
        grouped.setdefault(cell[name] or "", []).append(cell)
    return grouped


def total(name: str, of: Iterable[Row]) -> int:
    """The sum of an amount over cells, of one currency or of counts."""
    return sum(cell[name] or 0 for cell in of)


def known_total(name: str, of: Iterable[Row]) -> int | None:
    """The sum of an amount over cells, of one currency; None where no cell knows it."""
    known = [cell[name] for cell in of if cell[name] is not None]
    return sum(known) if known else None


def choices(name: str, of: Iterable[Row]) -> list[str]:
    """The values that occur, tiers from best to worst."""
    found = sorted(value for value in by(name, of) if value)
    return in_tier_order(found) if name == "tier" else found


def in_tier_order(tiers: Iterable[str]) -> list[str]:
    """Tiers from best to worst, names of others last."""
    return sorted(tiers, key=lambda tier: (TIER_ORDER.index(tier) if tier in TIER_ORDER else len(TIER_ORDER), tier))
