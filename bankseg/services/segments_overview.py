"""Segments by tier: how many clients, what they are worth, what they may cost."""

from dataclasses import dataclass

from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require, sees
from bankseg.services import book
from bankseg.services.stamp import Stamp, stamp
from bankseg.storage.portfolio import Row


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment over its tiers and currencies; money by currency, so that no two currencies are ever added, and null where nobody's is known."""

    name: str
    action: str
    clients: int
    by_tier: dict[str, int]
    value: dict[str, int | None]
    lifetime: dict[str, int | None]
    loss: dict[str, int | None]
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
    cells = book.cells(session, scope)
    segments = sorted((_segment(name, held) for name, held in book.by("segment", cells).items()), key=lambda segment: (-segment.clients, segment.name))
    hidden = frozenset(field for field in ("expected_loss_minor", "is_high_risk") if not sees(scope.role, field))
    return SegmentsOverview(stamp(session), segments, book.choices("tier", cells), book.clients(cells), hidden)


def _segment(name: str, held: list[Row]) -> Segment:
    currencies = book.by("currency", held).items()
    return Segment(
        name=name,
        action=held[0]["action"] or "",
        clients=book.clients(held),
        by_tier={tier: book.clients(cells) for tier, cells in book.by("tier", held).items()},
        value={currency: book.known_total("value_12m_minor", cells) for currency, cells in currencies},
        lifetime={currency: book.known_total("clv_minor", cells) for currency, cells in currencies},
        loss={currency: book.known_total("expected_loss_minor", cells) for currency, cells in currencies},
        high_risk=book.total("high_risk", held),
    )
