"""Shapes of the pictures, in user units: the Lorenz curve and intervals; templates only write them down."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bankseg.segments.compare import Group
from bankseg.segments.pmg import Pmg

SIDE, MARGIN = 300, 28  # the square of the curve and the room for its words


@dataclass(frozen=True, slots=True)
class CurveShape:
    """The curve as points, the even line's end, and each cut: x, y, and which class ends there."""

    points: str
    area: str
    cuts: list[tuple[float, float, str]]
    side: int = SIDE
    margin: int = MARGIN


@dataclass(frozen=True, slots=True)
class IntervalShape:
    """An interval on a scale of 0 to 100: where it begins and ends, and where its figure lies."""

    low: float
    high: float
    at: float


def lorenz_shape(told: Pmg) -> CurveShape:
    """The curve of a kind of client with the ends of its large and medium classes."""
    points = [_at(x, y) for x, y in zip(told.curve.clients, told.curve.value, strict=True)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    clients = value = 0.0
    cuts: list[tuple[float, float, str]] = []
    for band in told.bands[:-1]:
        clients, value = clients + band.client_share, value + band.value_share
        cuts.append((*_at(clients, value), band.code))
    return CurveShape(line, f"{line} {_at(1, 0)[0]:.1f},{_at(1, 0)[1]:.1f} {_at(0, 0)[0]:.1f},{_at(0, 0)[1]:.1f}", cuts)


def interval_shapes(groups: Sequence[Group]) -> list[IntervalShape]:
    """Every group's interval on one scale from the least to the largest bound, from 0 where all lie above it."""
    bounds = [bound for group in groups for bound in (group.figure.low, group.figure.high, group.figure.value) if math.isfinite(bound)]
    low, high = min([*bounds, 0.0]), max(bounds, default=1.0)
    spread = (high - low) or 1.0

    def scaled(value: float) -> float:
        kept = min(max(value, low), high) if not math.isnan(value) else low
        return round(100 * (kept - low) / spread, 2)

    return [IntervalShape(scaled(group.figure.low), scaled(group.figure.high), scaled(group.figure.value)) for group in groups]


def _at(clients: float, value: float) -> tuple[float, float]:
    return round(MARGIN + SIDE * clients, 1), round(MARGIN + SIDE * (1 - value), 1)
