"""Metrics of a probability against what happened, each with a bootstrap interval."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.calibration import logistic, logit, sigmoid

Vector = NDArray[np.float64]

DRAWS = 200
CHUNK_DRAWS = 25
INTERVAL = (2.5, 97.5)
ECE_BINS = 10
TOP_SHARE = 0.10
CHANCE_DRAWS = 500
NEWTON_STEPS = 25
NAMES = ("roc_auc", "pr_auc", "lift10", "brier", "ece", "slope", "intercept")


@dataclass(frozen=True, slots=True)
class Metric:
    """A value with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Part of a card or report."""
        return {"value": self.value, "low": self.low, "high": self.high}


def measure(label: NDArray[Any], probability: Vector, *, seed: int, draws: int = DRAWS) -> dict[str, Metric]:
    """Every metric of one slice.

    Parameters
    ----------
    label
        0 or 1, shape (n,), both present. `Any`: any integer type.
    probability
        Shape (n,), in [0, 1].
    seed, draws
        Of the bootstrap over rows.

    Returns
    -------
    dict
        `roc_auc`; `pr_auc` (average precision); `lift10` (rate in the top 10 % / base rate, ties shared out); `brier`;
        `ece` (10 equal-count bins); `slope` (of the outcome on the log-odds, ideal 1); `intercept` (calibration in the large, log-odds, ideal 0).

    Examples
    --------
    >>> measure(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.35, 0.8]), seed=1, draws=10)["roc_auc"].value
    1.0
    """
    slice_ = _Slice(np.asarray(label, dtype=np.float64), np.asarray(probability, dtype=np.float64))
    value = slice_.metrics(np.ones((1, len(slice_.label))))[0]
    rng = np.random.default_rng(seed)
    drawn = [slice_.metrics(_weights(rng, len(slice_.label), min(CHUNK_DRAWS, draws - start))) for start in range(0, draws, CHUNK_DRAWS)]
    low, high = np.percentile(np.concatenate([value[None, :], *drawn]), INTERVAL, axis=0)
    found = {name: Metric(float(value[i]), float(low[i]), float(high[i])) for i, name in enumerate(NAMES)}
    ece = found["ece"]
    # A resample doubles rows and so inflates ECE; the basic interval reflects that bias back.
    found["ece"] = Metric(ece.value, max(0.0, min(ece.value, 2 * ece.value - ece.high)), max(ece.value, 2 * ece.value - ece.low))
    return found


def roc_auc(label: NDArray[Any], score: NDArray[Any]) -> float:
    """Chance that a positive scores above a negative, ties one half. NaN when a class is absent. `Any`: any number type.

    Examples
    --------
    >>> roc_auc(np.array([0, 1, 1]), np.array([1, 1, 2]))
    0.75
    """
    positive = np.asarray(label) == 1
    count = int(positive.sum())
    if count in (0, len(positive)):
        return float("nan")
    _, inverse, size = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(size) - (size - 1) / 2.0
    return float((rank[inverse][positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))


def expected_calibration_error(label: NDArray[Any], probability: Vector, bins: int = ECE_BINS) -> float:
    """Mean absolute gap between mean probability and rate over equal-count bins. `Any`: any number type."""
    edges = _bin_starts(len(probability), bins)
    order = np.argsort(probability, kind="stable")
    gap = np.add.reduceat(probability[order] - np.asarray(label, dtype=np.float64)[order], edges)
    return float(np.abs(gap).sum() / len(probability))


def chance_ece_p95(probability: Vector, *, seed: int, draws: int = CHANCE_DRAWS) -> float:
    """95th percentile of ECE if these probabilities were exactly right: below it, a gap cannot be told from chance."""
    ordered = np.sort(probability)
    rng = np.random.default_rng(seed)
    edges = _bin_starts(len(ordered), ECE_BINS)
    found = [np.abs(np.add.reduceat(ordered - (rng.random(len(ordered)) < ordered), edges)).sum() / len(ordered) for _ in range(draws)]
    return float(np.percentile(found, 95))


def reliability(label: NDArray[Any], probability: Vector, bins: int = ECE_BINS) -> list[dict[str, float]]:
    """Reliability diagram: per equal-count bin the mean probability, the rate and the rows. `Any`: any number type."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [{"probability": float(probability[part].mean()), "rate": float(np.asarray(label)[part].mean()), "rows": float(len(part))} for part in parts]


def gains(label: NDArray[Any], probability: Vector, shares: tuple[float, ...] = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)) -> list[dict[str, float]]:
    """Gain curve: share of all positives, and lift, among the top share of rows. `Any`: any number type."""
    order = np.argsort(-probability, kind="stable")
    hits = np.cumsum(np.asarray(label, dtype=np.float64)[order])
    total = max(hits[-1], 1.0)
    rows = [max(1, round(share * len(order))) for share in shares]
    return [{"share": s, "gain": float(hits[k - 1] / total), "lift": float(hits[k - 1] / total * len(order) / k)} for s, k in zip(shares, rows, strict=True)]


def _bin_starts(rows: int, bins: int) -> NDArray[np.intp]:
    sizes = [len(part) for part in np.array_split(np.empty(rows), min(bins, rows))]
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)


def _weights(rng: np.random.Generator, rows: int, draws: int) -> Vector:
    return np.stack([np.bincount(rng.integers(rows, size=rows), minlength=rows) for _ in range(draws)]).astype(np.float64)


class _Slice:
    """Rows sorted once by falling score, so that each draw of weights costs a few sums along the rows."""

    def __init__(self, label: Vector, probability: Vector) -> None:
        order = np.argsort(-probability, kind="stable")
        self.order = order
        self.label, self.probability = label[order], probability[order]
        self.logit = logit(self.probability)
        changed = np.flatnonzero(np.diff(self.probability)) + 1
        self.starts = np.concatenate([[0], changed]).astype(np.intp)
        self.has_ties = len(self.starts) < len(label)
        self.bins = _bin_starts(len(label), ECE_BINS)
        self.theta = _recalibration(self.logit, self.label)
        self.level = _level(self.logit, self.label)

    def metrics(self, weights: Vector) -> Vector:
        """Shape (draws, metrics), in the order of NAMES."""
        positive = weights * self.label
        rows, positives = weights.sum(axis=1), positive.sum(axis=1)
        by_score, by_score_all = self._by_score(positive), self._by_score(weights)
        hits, seen = np.cumsum(by_score, axis=1), np.cumsum(by_score_all, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            below = (rows - positives)[:, None] - (seen - hits) + 0.5 * (by_score_all - by_score)
            auc = (by_score * below).sum(axis=1) / (positives * (rows - positives))
            average_precision = np.nansum(by_score * hits / seen, axis=1) / positives
            lift = self._top_hits(hits, seen, rows) / (TOP_SHARE * rows) / (positives / rows)
        error = self.probability - self.label
        brier = weights @ error**2 / rows
        ece = np.abs(np.add.reduceat(weights * error, self.bins, axis=1)).sum(axis=1) / rows
        slope, intercept = self._recalibrations(weights)
        return np.column_stack([auc, average_precision, lift, brier, ece, slope, intercept])

    def _by_score(self, weights: Vector) -> Vector:
        return cast("Vector", np.add.reduceat(weights, self.starts, axis=1)) if self.has_ties else weights

    @staticmethod
    def _top_hits(hits: Vector, seen: Vector, rows: Vector) -> Vector:
        """Positives among the top share; the group of equal scores at the edge counts in proportion."""
        top = TOP_SHARE * rows
        return np.array([np.interp(k, np.concatenate([[0.0], s]), np.concatenate([[0.0], h])) for k, s, h in zip(top, seen, hits, strict=True)])

    def _recalibrations(self, weights: Vector) -> tuple[Vector, Vector]:
        """Slope and intercept of each draw by one Newton step from the whole slice's solution, which is exact to second order."""
        p = sigmoid(self.theta[0] * self.logit + self.theta[1])
        design = np.column_stack([self.logit, np.ones_like(self.logit)])
        gradient = weights @ (design * (self.label - p)[:, None])
        curvature = (p * (1 - p))[:, None] * np.column_stack([self.logit**2, self.logit, np.ones_like(self.logit)])
        h = weights @ curvature
        determinant = h[:, 0] * h[:, 2] - h[:, 1] ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = self.theta[0] + (h[:, 2] * gradient[:, 0] - h[:, 1] * gradient[:, 1]) / determinant
        q = sigmoid(self.logit + self.level)
        intercept = self.level + (weights @ (self.label - q)) / np.maximum(weights @ (q * (1 - q)), 1e-12)
        # A draw whose scores are all equal, or which is perfectly separated, has no slope of its own.
        return np.where(np.isfinite(slope), slope, self.theta[0]), intercept


def _recalibration(x: Vector, label: Vector) -> Vector:
    """Slope and intercept of a logistic regression of the outcome on the log-odds (Cox 1958)."""
    design = np.column_stack([x, np.ones_like(x)])
    return logistic(design, label, start=np.array([1.0, 0.0]), prior=np.zeros(2))


def _level(x: Vector, label: Vector) -> float:
    """Shift of the log-odds that makes the mean probability equal the rate."""
    shift = 0.0
    for _ in range(NEWTON_STEPS):
        p = sigmoid(x + shift)
        step = float((label - p).sum() / max((p * (1 - p)).sum(), 1e-9))
        shift += float(np.clip(step, -2.0, 2.0))
        if abs(step) < 1e-12:
            break
    return shift
