"""The portfolio as a whole: value, mix of tiers, deposits at risk, and how tiers moved between the last two published runs."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.services import book
from bankseg.services.kept import kept
from bankseg.services.stamp import Stamp, stamp
from bankseg.storage import portfolio_moves
from bankseg.storage import run as runs
from bankseg.storage.portfolio import TIER_ORDER

SUMS = ("clients", "scored", "value_12m_minor", "balance_minor", "at_risk_minor")


@dataclass(frozen=True, slots=True)
class TierMoves:
    """Clients by tier before and now; `counts` by (before, now), before None for those who were not there."""

    since: str
    tiers: list[str]
    counts: dict[tuple[str | None, str], int]

    @property
    def rose(self) -> int:
        """Clients in a better tier than before."""
        return sum(
            count for (old, new), count in self.counts.items() if old in TIER_ORDER and new in TIER_ORDER and TIER_ORDER.index(new) < TIER_ORDER.index(old)
        )

    @property
    def slid(self) -> int:
        """Clients in a lower tier than before."""
        return sum(
            count for (old, new), count in self.counts.items() if old in TIER_ORDER and new in TIER_ORDER and TIER_ORDER.index(new) > TIER_ORDER.index(old)
        )


@dataclass(frozen=True, slots=True)
class PortfolioOverview:
    """By currency the totals and the rows of the tiers, best tier first. `moves` is null before a second run is published. `Any`: a sum is null where nothing is known."""

    stamp: Stamp
    totals: list[dict[str, Any]]
    tiers: list[dict[str, Any]]
    moves: TierMoves | None


def portfolio_overview(session: Session, scope: Scope) -> PortfolioOverview:
    """The overview of the clients in scope."""
    require(scope, Right.CALL_LIST)
    shown = stamp(session)
    rows = list(kept(session, scope, "at risk", lambda: portfolio_moves.at_risk(session, scope)))
    order = {tier: place for place, tier in enumerate(book.in_tier_order({row["tier"] for row in rows}))}
    rows.sort(key=lambda row: (row["currency"] or "", order[row["tier"]]))
    currencies = sorted({row["currency"] or "" for row in rows})
    totals = [_total(currency, [row for row in rows if (row["currency"] or "") == currency]) for currency in currencies]
    earlier = runs.published_before(session, shown.as_of.isoformat())
    moves = None
    if earlier is not None and earlier.id is not None:
        counts = portfolio_moves.tier_moves(session, scope, earlier.id)
        moves = TierMoves(earlier.as_of, book.in_tier_order({tier for pair in counts for tier in pair if tier}), counts)
    return PortfolioOverview(shown, totals, rows, moves)


def _total(currency: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    known = {name: [row[name] for row in rows if row[name] is not None] for name in SUMS}
    return {"currency": currency or None, **{name: sum(values) if values else None for name, values in known.items()}}
