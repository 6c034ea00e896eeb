"""Opportunity by place: how far each city, department or region is below the best quarter of places of its size, without knowing any distance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LEAST_COMPARABLE = 4  # fewer places have no quarter
SIZE_GROUPS = 3
BEST_QUANTILE = 0.75


@dataclass(frozen=True, slots=True)
class Spot:
    """One place: its clients, those of a year before, the contribution of those with a known one (minor units, null without any), and the share with each product."""

    code: str
    clients: int
    clients_before: int
    valued: int
    value_minor: int | None
    shares: Mapping[str, float]

    @property
    def mean_value_minor(self) -> float | None:
        """Contribution per client with a known one; null without any."""
        return self.value_minor / self.valued if self.valued and self.value_minor is not None else None

    @property
    def growth(self) -> float | None:
        """Growth of clients in twelve months; null where there were none."""
        return self.clients / self.clients_before - 1 if self.clients_before else None


@dataclass(frozen=True, slots=True)
class Opportunity:
    """What a place would gain by reaching the best quarter of its comparable places.

    `value_minor`: contribution a year if its mean rose to theirs, 0 when it is there already; `product`: the one with most contracts missing, `contracts` how
    many, `gap` the difference of shares; null where no comparable place is better or there are too few. `compared_with` counts the comparable places.
    """

    code: str
    value_minor: int | None
    product: str | None
    contracts: int
    gap: float
    compared_with: int


def opportunities(spots: Sequence[Spot]) -> list[Opportunity]:
    """The opportunity of each place among those of its size: thirds by clients, or all places where a third has fewer than four.

    Examples
    --------
    >>> spots = [Spot(name, 100, 90, 100, value, {"savings": share}) for name, value, share in (("a", 1000, 0.1), ("b", 2000, 0.2), ("c", 3000, 0.3), ("d", 4000, 0.4))]
    >>> [(one.code, one.value_minor, one.product, one.contracts) for one in opportunities(spots)]
    [('a', 2250, 'savings', 22), ('b', 1250, 'savings', 12), ('c', 250, 'savings', 2), ('d', 0, None, 0)]
    """
    groups = _groups(spots)
    found = []
    for spot in spots:
        alike = next(group for group in groups if spot.code in {one.code for one in group})
        if len(alike) < LEAST_COMPARABLE:
            found.append(Opportunity(spot.code, None, None, 0, 0.0, len(alike)))
            continue
        product, gap = _widest(spot, alike)
        contracts = int(gap * spot.clients + 1e-9)
        found.append(Opportunity(spot.code, _value(spot, alike), product if contracts else None, contracts, gap if contracts else 0.0, len(alike)))
    return found


def _groups(spots: Sequence[Spot]) -> list[list[Spot]]:
    ordered = sorted(spots, key=lambda spot: (spot.clients, spot.code))
    parts = [[ordered[place] for place in places] for places in np.array_split(np.arange(len(ordered)), SIZE_GROUPS)]
    return parts if all(len(part) >= LEAST_COMPARABLE for part in parts) else [ordered]


def _value(spot: Spot, alike: Sequence[Spot]) -> int | None:
    means = [one.mean_value_minor for one in alike if one.mean_value_minor is not None]
    if spot.mean_value_minor is None or len(means) < LEAST_COMPARABLE:
        return None
    return round(max(0.0, float(np.quantile(means, BEST_QUANTILE)) - spot.mean_value_minor) * spot.valued)


def _widest(spot: Spot, alike: Sequence[Spot]) -> tuple[str | None, float]:
    gaps = {product: float(np.quantile([one.shares[product] for one in alike], BEST_QUANTILE)) - share for product, share in spot.shares.items()}
    product = max(sorted(gaps), key=lambda name: gaps[name], default=None)
    return (product, max(gaps[product], 0.0)) if product is not None else (None, 0.0)
