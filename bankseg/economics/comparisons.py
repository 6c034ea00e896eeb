"""Comparison of two groups: intervals of a rate, tests of a difference, and Holm's correction for many at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

CONFIDENCE = 0.95
# Below this expected count in a cell the normal law is no guide, and the exact test is taken (Cochran 1954).
LEAST_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the bounds of its confidence interval, in the figure's unit."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How two groups differ.

    `effect` = first - second, with its standard error `error`; `relative` = effect / |second|, null when the second is 0; `p_value` two-sided. With nobody to compare
    the effect is NaN and the p-value 1.
    """

    effect: float
    relative: float | None
    p_value: float
    error: float = float("nan")

    def surely(self, confidence: float = CONFIDENCE) -> float:
        """The relative effect at the end of its interval nearest to none, in the direction of the effect: 0 when the interval holds none.

        Examples
        --------
        >>> round(Difference(0.1, 0.5, 0.01, 0.02).surely(), 3)
        0.304
        """
        if self.relative is None or not self.effect or math.isnan(self.effect):
            return 0.0
        margin = NormalDist().inv_cdf((1 + confidence) / 2) * self.error
        return abs(self.relative) * max(0.0, 1 - margin / abs(self.effect))


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a rate (Wilson 1927); nobody counted gives the whole of [0, 1] around NaN.

    Examples
    --------
    >>> found = wilson(10, 100)
    >>> round(found.low, 4), round(found.high, 4)
    (0.0552, 0.1744)
    """
    if n == 0:
        return Interval(float("nan"), 0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = successes / n
    centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (rate * (1 - rate) / n + z**2 / (4 * n**2)) ** 0.5
    # At the ends the bound is exactly the end; rounding would leave it a hair inside.
    return Interval(rate, 0.0 if successes == 0 else centre - half, 1.0 if successes == n else centre + half)


def mean_interval(values: Vector, confidence: float = CONFIDENCE) -> Interval:
    """Student's interval of a mean; NaN are left out, and fewer than two values bound nothing.

    Examples
    --------
    >>> found = mean_interval(np.array([1.0, 2.0, 3.0]))
    >>> round(found.low, 3), found.value, round(found.high, 3)
    (-0.484, 2.0, 4.484)
    """
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return Interval(float(known.mean()) if len(known) else float("nan"), float("-inf"), float("inf"))
    from scipy.special import stdtrit  # costs 0.2 s and is rarely used

    half = float(stdtrit(len(known) - 1, (1 + confidence) / 2) * known.std(ddof=1) / len(known) ** 0.5)
    mean = float(known.mean())
    return Interval(mean, mean - half, mean + half)


def compare_rates(successes: int, n: int, other_successes: int, other_n: int) -> Difference:
    """Difference of two rates, tested by chi-square with Yates' correction, or by Fisher's exact test where an expected count is below 5.

    Both err on the side of no difference, so the stated significance is a ceiling.

    Examples
    --------
    >>> found = compare_rates(30, 100, 50, 250)
    >>> round(found.effect, 3), round(found.relative, 3), round(found.p_value, 4)
    (0.1, 0.5, 0.0612)
    """
    if not n or not other_n:
        return Difference(float("nan"), None, 1.0)
    rate, other = successes / n, other_successes / other_n
    error = (rate * (1 - rate) / n + other * (1 - other) / other_n) ** 0.5
    return Difference(rate - other, _relative(rate, other), _rates_p(successes, n, other_successes, other_n), error)


def compare_means(values: Vector, others: Vector) -> Difference:
    """Difference of two means by Welch's test (Welch 1947); NaN are left out.

    Examples
    --------
    >>> found = compare_means(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    >>> round(found.effect, 3), round(found.p_value, 4)
    (-2.0, 0.2209)
    """
    first, second = values[~np.isnan(values)], others[~np.isnan(others)]
    if len(first) < 2 or len(second) < 2:
        return Difference(float("nan"), None, 1.0)
    mean, other = float(first.mean()), float(second.mean())
    parts = first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)
    error = sum(parts)
    if error == 0:
        return Difference(mean - other, _relative(mean, other), 1.0 if mean == other else 0.0, 0.0)
    from scipy.special import stdtr  # costs 0.2 s and is rarely used

    freedom = error**2 / (parts[0] ** 2 / (len(first) - 1) + parts[1] ** 2 / (len(second) - 1))
    return Difference(mean - other, _relative(mean, other), float(2 * stdtr(freedom, -abs(mean - other) / error**0.5)), float(error**0.5))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979); below a level they bound the chance of any false alarm by that level.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    raw = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(raw, kind="stable")
    stepped = np.maximum.accumulate(np.minimum(raw[order] * np.arange(len(raw), 0, -1), 1.0))
    adjusted = np.empty(len(raw))
    adjusted[order] = stepped
    return [float(value) for value in adjusted]


def _relative(value: float, other: float) -> float | None:
    return (value - other) / abs(other) if other else None


def _rates_p(successes: int, n: int, other_successes: int, other_n: int) -> float:
    total, hits = n + other_n, successes + other_successes
    expected = min(n, other_n) * min(hits, total - hits) / total
    if hits in {0, total}:
        return 1.0
    if expected < LEAST_EXPECTED:
        from scipy.stats import fisher_exact  # costs 0.6 s and is rarely used

        return float(fisher_exact(np.array([[successes, n - successes], [other_successes, other_n - other_successes]])).pvalue)
    rate = hits / total
    gap = max(abs(successes / n - other_successes / other_n) - (1 / n + 1 / other_n) / 2, 0.0)
    return math.erfc(gap / (rate * (1 - rate) * (1 / n + 1 / other_n)) ** 0.5 / math.sqrt(2))
