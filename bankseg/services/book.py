"""The counts behind every desk: the scope in a few cells, kept for the whole book as long as its run is the published one."""

from collections.abc import Iterable

from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.services.kept import kept
from bankseg.storage import portfolio, published_counts
from bankseg.storage.portfolio import TIER_ORDER, PortfolioFilter, Row


def cells(session: Session, scope: Scope) -> list[Row]:
    """The cells of a scope."""
    return kept(session, scope, "cells", lambda: (published_counts.read(session) if scope.sees_whole_book else None) or portfolio.cells(session, scope))


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
