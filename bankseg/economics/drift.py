"""Drift between two populations: PSI, and how large it would be by chance."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

BINS = 10
# Lewis 1994, a convention without an error rate; so an alarm must be significant as well (definitions 9).
WATCH, ACT = 0.10, 0.25
COUNT_FLOOR = 0.5
SIGNIFICANCE = 0.001
NOISE_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Drift:
    """PSI with its chance level; `p_value` from the chi-square law of PSI without drift, scaled by both sizes."""

    psi: float
    noise_95: float
    p_value: float
    level: Literal["steady", "watch", "act"]


def psi(expected: NDArray[Any], actual: NDArray[Any]) -> float:
    """Population stability index of two histograms: sum of (a - e) ln(a / e) over bins, counts floored at 0.5. `Any`: counts of any number type.

    Examples
    --------
    >>> psi(np.array([10, 20, 30]), np.array([10, 20, 30]))
    0.0
    """
    e = np.maximum(np.asarray(expected, dtype=np.float64), COUNT_FLOOR)
    a = np.maximum(np.asarray(actual, dtype=np.float64), COUNT_FLOOR)
    e, a = e / e.sum(), a / a.sum()
    return float(((a - e) * np.log(a / e)).sum())


def reference_cuts(values: Vector, bins: int = BINS) -> Vector:
    """Inner cut points of equal-count bins on the reference population, ties merged."""
    known = values[~np.isnan(values)]
    return np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if len(known) else np.empty(0)


def histogram(values: Vector, cuts: Vector) -> NDArray[np.int64]:
    """Rows per bin of the cuts, and last the rows without a value."""
    missing = np.isnan(values)
    inside = np.bincount(np.searchsorted(cuts, values[~missing], side="right"), minlength=len(cuts) + 1)
    return np.append(inside, missing.sum()).astype(np.int64)


def drift(expected: NDArray[Any], actual: NDArray[Any]) -> Drift:
    """PSI of two histograms, alarming only when it is material and significant. `Any`: counts of any number type."""
    from scipy.special import chdtrc, gammaincinv  # costs 0.2 s and is rarely used

    used = (np.asarray(expected) + np.asarray(actual)) > 0
    value = psi(np.asarray(expected)[used], np.asarray(actual)[used])
    freedom = max(int(used.sum()) - 1, 1)
    scale = 1 / max(float(np.sum(expected)), 1.0) + 1 / max(float(np.sum(actual)), 1.0)
    p_value = float(chdtrc(freedom, value / scale))
    reached = ACT if value > ACT else WATCH if value > WATCH else 0.0
    level: Literal["steady", "watch", "act"] = "steady" if p_value >= SIGNIFICANCE or not reached else "act" if reached == ACT else "watch"
    return Drift(value, float(2 * gammaincinv(freedom / 2, NOISE_LEVEL) * scale), p_value, level)
