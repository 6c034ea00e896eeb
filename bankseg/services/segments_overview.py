"""Segments by tier: how many clients, what they are worth, what they may cost."""

from dataclasses import dataclass

from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require, sees
from bankseg.services.stamp import Stamp, stamp
from bankseg.storage import portfolio
from bankseg.storage import run as runs
from bankseg.storage.portfolio import TIER_ORDER, Row

SUMMARY_KEY = "segment_counts"  # a publisher may leave the whole book's counts in the run's summary under this name
SUMS = ("value_12m_minor", "expected_loss_minor", "high_risk")


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment over its tiers and currencies; money by currency, so that no two currencies are ever added."""

    name: str
    action: str
    clients: int
    by_tier: dict[str, int]
    value: dict[str, int]
    loss: dict[str, int]
    high_risk: int


@dataclass(frozen=True, slots=True)
class SegmentsOverview:
    """Every segment of the scope; the totals add up to the clients in scope."""

    stamp: Stamp
    segments: list[Segment]
    tiers: list[str]
    total: int
    hides: frozenset[str]

    def tier_total(self, tier: str) -> int:
        """Clients of one tier over all segments."""
        return sum(segment.by_tier.get(tier, 0) for segment in self.segments)


def segments_overview(session: Session, scope: Scope) -> SegmentsOverview:
    """The segments of the clients in scope, largest first."""
    require(scope, Right.SEGMENTS)
    run = stamp(session)
    counts = _counts(session, scope)
    names = sorted({row["segment"] for row in counts})
    segments = sorted(
        (_segment(name, [row for row in counts if row["segment"] == name]) for name in names), key=lambda segment: (-segment.clients, segment.name)
    )
    hidden = frozenset(field for field in ("expected_loss_minor", "is_high_risk") if not sees(scope.role, field))
    return SegmentsOverview(run, segments, _tiers(counts), sum(row["clients"] for row in counts), hidden)


def _counts(session: Session, scope: Scope) -> list[Row]:
    current = runs.current(session)
    ready = current.summary.get(SUMMARY_KEY) if current and scope.sees_whole_book else None
    return ready if isinstance(ready, list) else portfolio.segment_counts(session, scope)


def _tiers(counts: list[Row]) -> list[str]:
    found = {row["tier"] for row in counts}
    return [tier for tier in TIER_ORDER if tier in found] + sorted(found - set(TIER_ORDER))


def _segment(name: str, rows: list[Row]) -> Segment:
    by_tier: dict[str, int] = {}
    value: dict[str, int] = {}
    loss: dict[str, int] = {}
    for row in rows:
        currency = row["currency"] or ""
        by_tier[row["tier"]] = by_tier.get(row["tier"], 0) + row["clients"]
        value[currency] = value.get(currency, 0) + (row["value_12m_minor"] or 0)
        loss[currency] = loss.get(currency, 0) + (row["expected_loss_minor"] or 0)
    return Segment(name, rows[0]["action"] or "", sum(by_tier.values()), by_tier, value, loss, sum(row["high_risk"] or 0 for row in rows))
