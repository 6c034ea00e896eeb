"""Drawings of one client's pages, made on the server: contracts over time, and a line of a probability over the runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

WIDTH, LABELS, ROW, TOP = 720, 168, 22, 6  # user units: LABELS is the room for names at the left, TOP the room above the first row
MOST_TICKS = 8
LINE_WIDTH, LINE_HEIGHT, EDGE = 160, 32, 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One contract: its place, and whether it is still open."""

    x: float
    y: float
    width: float
    is_open: bool
    product: str
    reference: str


@dataclass(frozen=True, slots=True)
class HoldingsDrawing:
    """Contracts as bars from the opening to the closing, or to the day of the run; `years` as (x, year)."""

    height: int
    bars: list[Bar]
    years: list[tuple[float, int]]


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A line in a box of 160 by 32; `points` is empty where a single value is known, and the last value is a dot."""

    points: str
    x: float
    y: float
    first: tuple[str, float]
    last: tuple[str, float]


def holdings_drawing(holdings: Sequence[dict[str, Any]], as_of: date) -> HoldingsDrawing | None:
    """The drawing of contracts, in the order given, or None without any."""
    if not holdings:
        return None
    first = date(min(row["opened_on"] for row in holdings).year, 1, 1)
    days = max((as_of - first).days, 1)

    def x_of(day: date) -> float:
        return round(LABELS + (min(day, as_of) - first).days / days * (WIDTH - LABELS - 6), 1)

    bars = [
        Bar(x_of(row["opened_on"]), TOP + place * ROW, max(round(x_of(row["closed_on"] or as_of) - x_of(row["opened_on"]), 1), 3), row["closed_on"] is None, row["product"], row["account_id"])
        for place, row in enumerate(holdings)
    ]  # fmt: skip
    step = max((as_of.year - first.year) // MOST_TICKS + 1, 1)
    years = [(x_of(date(year, 1, 1)), year) for year in range(first.year, as_of.year + 1, step)]
    return HoldingsDrawing(TOP + len(holdings) * ROW + 22, bars, years)


def sparkline(points: Sequence[tuple[str, float]]) -> Sparkline:
    """The line of values over dates, at equal distances, from zero to the largest.

    Examples
    --------
    >>> sparkline([("2025-06-30", 0.1), ("2025-12-31", 0.2)]).points
    '4.0,16.0 156.0,4.0'
    """
    most = max(value for _, value in points) or 1.0
    step = (LINE_WIDTH - 2 * EDGE) / max(len(points) - 1, 1)
    places = [
        (EDGE + (place if len(points) > 1 else 0) * step, LINE_HEIGHT - EDGE - value / most * (LINE_HEIGHT - 2 * EDGE))
        for place, (_, value) in enumerate(points)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places) if len(places) > 1 else ""
    return Sparkline(line, round(places[-1][0], 1), round(places[-1][1], 1), points[0], points[-1])
