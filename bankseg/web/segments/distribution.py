"""The picture of one attribute's values, drawn on the server."""

from collections.abc import Sequence
from dataclasses import dataclass

from bankseg.services.attribute_catalogue import Bar

WIDTH, HEIGHT, BASE = 720, 180, 150  # user units; BASE is where the numbers are written


@dataclass(frozen=True, slots=True)
class Picture:
    """Bars as (x, y, width, height) in user units, and the edges that are written below."""

    width: int
    height: int
    base: int
    bars: list[tuple[float, float, float, float]]
    edges: list[tuple[float, float]]


def picture(bars: Sequence[Bar]) -> Picture | None:
    """The picture of steps of a number; None for levels, which a list shows better, and where there is nothing to draw."""
    steps = [bar for bar in bars if bar.low is not None and bar.high is not None]
    if not steps or len(steps) < len(bars):
        return None
    most, step = max(bar.clients for bar in steps) or 1, WIDTH / len(steps)
    drawn = []
    for place, bar in enumerate(steps):
        height = round(bar.clients / most * (BASE - 10), 1)
        drawn.append((round(place * step + 1, 1), round(BASE - height, 1), round(step - 2, 1), height))
    edges = [(round(place * step, 1), bar.low or 0.0) for place, bar in enumerate(steps) if place % 3 == 0]
    return Picture(WIDTH, HEIGHT, BASE, drawn, [*edges, (WIDTH - 2.0, steps[-1].high or 0.0)])
