"""Metrics of a probability against what happened, each with a bootstrap interval."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bankseg.economics.empc import empc, empc_of_draws
from bankseg.propensity.calibration import logistic, logit, sigmoid

Vector = NDArray[np.float64]

DRAWS = 200
INTERVAL = (2.5, 97.5)
ECE_BINS = 10
TOP_SHARES = (0.01, 0.05, 0.10, 0.20)
CHANCE_DRAWS = 500
NEWTON_STEPS = 25
# Resamples count rows by groups of neighbouring scores: as many as these tell the spread of every metric, at a fraction of the time.
DRAWN_CELLS = 500
NAMES = (
    "roc_auc", "pr_auc", "lift1", "lift5", "lift10", "lift20", "brier", "ece", "log_loss", "empc", "empc_fraction", "calibration_slope", "calibration_intercept",
)  # fmt: skip
ECE = NAMES.index("ece")


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
        `roc_auc`; `pr_auc` (average precision); `lift1`, `lift5`, `lift10`, `lift20` (rate in the top share of rows / base rate, ties shared out);
        `brier`; `ece` (10 equal-count bins); `log_loss`; `empc` and `empc_fraction` (expected maximum profit per client of a retention offer, and the share
        contacted for it, at the published costs); `calibration_slope` (of the outcome on the log-odds, ideal 1); `calibration_intercept` (calibration
        in the large, log-odds, ideal 0).

    Examples
    --------
    >>> measure(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.35, 0.8]), seed=1, draws=10)["roc_auc"].value
    1.0
    """
    label, probability = np.asarray(label, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    fit = Recalibration.of(label, probability)
    exact, drawn = _Cells(label, probability, fit, len(label)), _Cells(label, probability, fit, DRAWN_CELLS)
    value = exact.metrics(exact.rows[None])[0]
    value[ECE] = expected_calibration_error(label, probability)
    profit = empc(label, probability)
    value[NAMES.index("empc")], value[NAMES.index("empc_fraction")] = profit.profit, profit.contact_fraction
    about = drawn.metrics(drawn.rows[None])[0]
    resampled = drawn.metrics(drawn.resample(np.random.default_rng(seed), draws))
    # The groups shift a metric by a hair; the spread of the resamples around the grouped value is laid around the exact one.
    low, high = np.percentile(np.concatenate([value[None], resampled + (value - about)]), INTERVAL, axis=0)
    found = {name: Metric(float(value[i]), float(min(low[i], value[i])), float(max(high[i], value[i]))) for i, name in enumerate(NAMES)}
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


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Calibration of a slice: slope and offset of the outcome on the log-odds, and the shift that mends the level alone."""

    slope: float
    offset: float
    level: float

    @classmethod
    def of(cls, label: Vector, probability: Vector) -> "Recalibration":
        """By maximum likelihood (Cox 1958)."""
        x = logit(probability)
        slope, offset = _recalibration(x, label)
        return cls(float(slope), float(offset), _level(x, label))


class _Cells:
    """Rows counted by label and group of equal or neighbouring scores, from the highest score down, so that a resample is a draw of counts."""

    def __init__(self, label: Vector, probability: Vector, fit: Recalibration, most: int) -> None:
        order = np.argsort(-probability, kind="stable")
        label, probability = label[order], probability[order]
        changed = np.concatenate([[True], np.diff(probability) != 0])
        if changed.sum() > most:
            changed &= np.diff(np.arange(len(label)) * most // len(label), prepend=-1) > 0
        starts = np.flatnonzero(changed)
        size = np.diff(np.append(starts, len(label)))
        hits = np.add.reduceat(label, starts)
        self.rows = np.stack([hits, size - hits])
        self.fit = fit
        self.probability = np.add.reduceat(probability, starts) / size
        self.logit = np.add.reduceat(logit(probability), starts) / size
        self.bin = np.minimum((starts + size / 2) * ECE_BINS // len(label), ECE_BINS - 1).astype(np.intp)

    def resample(self, rng: np.random.Generator, draws: int) -> Vector:
        """Counts of `draws` resamples of the rows, shape (draws, 2, cells)."""
        total = int(self.rows.sum())
        return rng.multinomial(total, self.rows.ravel() / total, size=draws).reshape(draws, *self.rows.shape).astype(np.float64)

    def metrics(self, counts: Vector) -> Vector:
        """Metrics of counts of shape (draws, 2, cells), in the order of NAMES; shape (draws, metrics)."""
        positive, negative = counts[:, 0], counts[:, 1]
        hits, misses = np.cumsum(positive, axis=1), np.cumsum(negative, axis=1)
        positives, negatives = hits[:, -1], misses[:, -1]
        rows, seen = positives + negatives, hits + misses
        p, safe = self.probability, np.clip(self.probability, 1e-12, 1 - 1e-12)
        with np.errstate(divide="ignore", invalid="ignore"):
            auc = (positive * (negatives[:, None] - misses + 0.5 * negative)).sum(axis=1) / (positives * negatives)
            average_precision = np.nansum(positive * hits / seen, axis=1) / positives
            lifts = [_top_hits(hits, seen, share * rows) / share / positives for share in TOP_SHARES]
        brier = (positive @ (1 - p) ** 2 + negative @ p**2) / rows
        gap = np.zeros((len(counts), ECE_BINS))
        np.add.at(gap.T, self.bin, ((positive + negative) * p - positive).T)
        loss = -(positive @ np.log(safe) + negative @ np.log1p(-safe)) / rows
        nothing = np.zeros((len(counts), 1))
        profit = empc_of_draws(np.hstack([nothing, hits]) / rows[:, None], np.hstack([nothing, misses]) / rows[:, None])
        return np.column_stack(
            [auc, average_precision, *lifts, brier, np.abs(gap).sum(axis=1) / rows, loss, profit, *self._recalibrations(positive, positive + negative)]
        )

    def _recalibrations(self, positive: Vector, rows: Vector) -> tuple[Vector, Vector]:
        """Slope and level of each draw by one Newton step from the whole slice's solution, which is exact to second order."""
        x, fit = self.logit, self.fit
        p = sigmoid(fit.slope * x + fit.offset)
        missing = positive - rows * p
        steep = rows @ np.column_stack([p * (1 - p) * x**2, p * (1 - p) * x, p * (1 - p)])
        determinant = steep[:, 0] * steep[:, 2] - steep[:, 1] ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = fit.slope + (steep[:, 2] * (missing @ x) - steep[:, 1] * missing.sum(axis=1)) / determinant
        q = sigmoid(x + fit.level)
        level = fit.level + (positive - rows * q).sum(axis=1) / np.maximum(rows @ (q * (1 - q)), 1e-12)
        # A draw whose scores are all equal, or which is perfectly separated, has no slope of its own.
        return np.where(np.isfinite(slope), slope, fit.slope), level


def _top_hits(hits: Vector, seen: Vector, top: Vector) -> Vector:
    """Positives among the first `top` rows; the group of scores at the edge counts in proportion."""
    return np.array([np.interp(k, np.concatenate([[0.0], s]), np.concatenate([[0.0], h])) for k, s, h in zip(top, seen, hits, strict=True)])


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
