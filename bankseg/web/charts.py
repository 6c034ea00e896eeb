"""The balances chart, drawn on the server; a browser with scripts replaces it by an interactive one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bankseg.services.balance_history import Month

WIDTH, HEIGHT, LEFT, BASE = 720, 240, 8, 200  # user units of the drawing: BASE is where the months are written
BAR_SHARE = 0.36  # of a month's width, one for credits and one for debits


@dataclass(frozen=True, slots=True)
class Chart:
    """Shapes of one drawing, in user units, and the numbers behind them."""

    width: int
    height: int
    zero: float
    line: str
    credits: list[tuple[float, float, float, float]]
    debits: list[tuple[float, float, float, float]]
    ticks: list[tuple[float, str]]
    months: Sequence[Month]
    numbers: dict[str, list[Any]]


def balance_chart(months: Sequence[Month]) -> Chart | None:
    """The chart of a client's months, or None when there is nothing to draw."""
    known = [value for month in months for value in (month.balance_minor, month.credits_minor, month.debits_minor) if value is not None]
    if not known:
        return None
    amounts = [*known, *(-abs(month.debits_minor) for month in months if month.debits_minor is not None), 0]
    low, high = min(amounts), max(amounts)
    step = (WIDTH - 2 * LEFT) / len(months)

    def height_of(value: float) -> float:
        return round(BASE - (value - low) / ((high - low) or 1) * (BASE - 10), 1)

    def bar(place: int, offset: float, value: int) -> tuple[float, float, float, float]:
        top, bottom = sorted((height_of(value), height_of(0)))
        return round(LEFT + place * step + offset * step, 1), top, round(step * BAR_SHARE, 1), round(max(bottom - top, 0.5), 1)

    middles = [LEFT + (place + 0.5) * step for place in range(len(months))]
    points = [f"{middle:.1f},{height_of(month.balance_minor)}" for middle, month in zip(middles, months, strict=True) if month.balance_minor is not None]
    return Chart(
        width=WIDTH, height=HEIGHT, zero=height_of(0), line=" ".join(points),
        credits=[bar(place, 0.12, month.credits_minor) for place, month in enumerate(months) if month.credits_minor],
        debits=[bar(place, 0.52, -abs(month.debits_minor)) for place, month in enumerate(months) if month.debits_minor],
        ticks=[(round(middle, 1), month.month) for place, (middle, month) in enumerate(zip(middles, months, strict=True)) if place % 3 == 0],
        months=months, numbers=_numbers(months),
    )  # fmt: skip


def _numbers(months: Sequence[Month]) -> dict[str, list[Any]]:
    return {
        "months": [month.month[:7] for month in months],
        "balance": [month.balance_minor for month in months],
        "credits": [month.credits_minor for month in months],
        "debits": [None if month.debits_minor is None else -abs(month.debits_minor) for month in months],
    }
