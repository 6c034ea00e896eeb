"""Shapes of the comparison across groups, in user units: for each group the rate of both arms as a dot on its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

from bankseg.economics.comparisons import Interval
from bankseg.services.list_age_groups import AgeGroup

WIDTH, LABELS, ROW, GAP = 720, 150, 40, 12
TICKS = 4


@dataclass(frozen=True, slots=True)
class RateLine:
    """One arm of one group: its interval from `low` to `high` and its rate at `at`."""

    arm: str
    y: float
    low: float
    at: float
    high: float


@dataclass(frozen=True, slots=True)
class RateDrawing:
    """All groups: `rows` as (y of the name, band), the lines, and ticks as (x, rate)."""

    height: int
    rows: list[tuple[float, str]]
    lines: list[RateLine]
    ticks: list[tuple[float, float]]


def rate_shapes(groups: Sequence[AgeGroup]) -> RateDrawing | None:
    """The drawing of the groups that are compared, on one scale from 0; None without any."""
    shown = [group for group in groups if group.difference is not None]
    if not shown:
        return None
    most = max(arm.rate.high for group in shown for arm in (group.treated, group.control)) or 1.0

    def x_of(rate: float) -> float:
        return round(LABELS + rate / most * (WIDTH - LABELS - GAP), 1)

    def line(arm: str, y: float, rate: Interval) -> RateLine:
        return RateLine(arm, y, x_of(rate.low), x_of(rate.value), x_of(rate.high))

    lines = [
        line(arm, place * ROW + y, getattr(group, arm).rate) for place, group in enumerate(shown) for arm, y in (("treated", GAP), ("control", 2 * GAP + 2))
    ]
    ticks = [(x_of(most * part / TICKS), most * part / TICKS) for part in range(TICKS + 1)]
    return RateDrawing(len(shown) * ROW + 24, [(place * ROW + 23.0, group.band) for place, group in enumerate(shown)], lines, ticks)
