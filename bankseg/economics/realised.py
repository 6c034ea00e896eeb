"""What came true of a propensity once its window has closed: outcomes by decile, and observed over expected."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

DECILES = 10
Z_95 = 1.959963984540054


def by_decile(label: NDArray[Any], probability: Vector) -> list[dict[str, Any]]:
    """Mean propensity and rate of outcomes of ten equal groups, the likeliest first.

    Parameters
    ----------
    label
        0 or 1, shape (n,). `Any`: any integer type.
    probability
        Shape (n,), in [0, 1].

    Returns
    -------
    list
        One entry a group with clients: decile from 1, clients, outcomes, expected and observed rate. `Any`: numbers.

    Examples
    --------
    >>> found = by_decile(np.array([1] * 10 + [0] * 10), np.linspace(0.95, 0.0, 20))
    >>> [one["observed"] for one in found]
    [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    order = np.argsort(-probability, kind="stable")
    parts = [part for part in np.array_split(order, DECILES) if len(part)]
    return [
        {
            "decile": place,
            "clients": len(part),
            "outcomes": int(label[part].sum()),
            "expected": float(probability[part].mean()),
            "observed": float(np.asarray(label, dtype=np.float64)[part].mean()),
        }
        for place, part in enumerate(parts, start=1)
    ]


def observed_over_expected(observed: int, expected: float) -> dict[str, float] | None:
    """Ratio of outcomes to their expectation with its 95 % interval, counts taken as Poisson (Byar's approximation); null when nothing is expected.

    Examples
    --------
    >>> found = observed_over_expected(100, 80.0)
    >>> round(found["value"], 3), round(found["low"], 3), round(found["high"], 3)
    (1.25, 1.017, 1.52)
    """
    if expected <= 0:
        return None
    low = observed * (1 - 1 / (9 * observed) - Z_95 / (3 * math.sqrt(observed))) ** 3 if observed else 0.0
    above = observed + 1
    high = above * (1 - 1 / (9 * above) + Z_95 / (3 * math.sqrt(above))) ** 3
    return {"value": observed / expected, "low": low / expected, "high": high / expected}
