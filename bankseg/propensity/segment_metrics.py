"""Metrics by segment: the same model judged within each kind, tenure band or branch, with small groups pooled."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.propensity.arrow import compute
from bankseg.propensity.metrics import Recalibration, expected_calibration_error, roc_auc

Vector = NDArray[np.float64]

# A group of fewer rows is pooled with the other small ones: its figures would be noise, and would speak of persons.
LEAST_ROWS = 200
# A ranking of fewer outcomes than this, or of fewer clients without one, is not told.
LEAST_OUTCOMES = 20
POOLED, UNKNOWN = "other", "unknown"
DRAWS = 200
DRAWN_CELLS = 200
PROTECTED = b"protected"
INTERVAL = (2.5, 97.5)


def protected(field: "pa.Field[Any]") -> "pa.Field[Any]":
    """A groups column marked as protected: reports of disparity read it, and nothing else does."""
    return field.with_metadata({PROTECTED: b"1"})


def segment_metrics(label: NDArray[Any], probability: Vector, groups: pa.Table, *, seed: int) -> list[dict[str, Any]]:
    """Discrimination and calibration within every group of every unprotected column.

    Parameters
    ----------
    label
        0 or 1, shape (n,). `Any`: any integer type.
    probability
        Shape (n,), in [0, 1].
    groups
        Columns of n texts; null is its own group. Protected columns are left to `disparity`.
    seed
        Of the bootstrap behind the interval of the ROC-AUC.

    Returns
    -------
    list
        One entry a group of 200 rows or more: attribute, value, n, positives, metrics. Smaller groups are pooled under `other` when they are 200 together.
        `roc_auc` is null with fewer than 20 outcomes or 20 clients without; slope and intercept are null where a class is absent. `Any`: JSON.

    Examples
    --------
    >>> found = segment_metrics(np.tile([0, 1], 200), np.tile([0.4, 0.6], 200), pa.table({"kind": ["individual"] * 400}), seed=1)
    >>> found[0]["value"], found[0]["n"], found[0]["metrics"]["roc_auc"]["value"]
    ('individual', 400, 1.0)
    """
    rng = np.random.default_rng(seed)
    return [
        {
            "attribute": name,
            "value": value,
            "n": len(rows),
            "positives": int(label[rows].sum()),
            "metrics": _within(np.asarray(label[rows], dtype=np.float64), probability[rows], rng),
        }
        for name, value, rows in each_group(groups, is_protected=False)
    ]


def each_group(groups: pa.Table, *, is_protected: bool) -> Iterator[tuple[str, str, NDArray[np.intp]]]:
    """Column, group and rows, in the order of the columns and then of the groups' names, pooled ones last."""
    for field in groups.schema:
        if (PROTECTED in (field.metadata or {})) is is_protected:
            yield from ((field.name, value, rows) for value, rows in _groups_of(groups.column(field.name)))


def ranking_interval(label: Vector, probability: Vector, rng: np.random.Generator) -> dict[str, float] | None:
    """ROC-AUC with a bootstrap interval; null when either class is too small to rank."""
    positives = int(label.sum())
    if min(positives, len(label) - positives) < LEAST_OUTCOMES:
        return None
    value = roc_auc(label, probability)
    cell = _cells(probability)
    rows = np.stack([np.bincount(cell, weights=part, minlength=cell[-1] + 1) for part in (label[_order(probability)], 1 - label[_order(probability)])])
    counts = rng.multinomial(len(label), rows.ravel() / len(label), size=DRAWS).reshape(DRAWS, *rows.shape)
    with np.errstate(invalid="ignore"):
        drawn = _auc(counts) - _auc(rows[None]) + value
    low, high = np.nanpercentile(drawn, INTERVAL)
    return {"value": value, "low": float(min(low, value)), "high": float(max(high, value))}


def _within(label: Vector, probability: Vector, rng: np.random.Generator) -> dict[str, Any]:
    both = 0 < label.sum() < len(label)
    fit = Recalibration.of(label, probability) if both else None
    return {
        "roc_auc": ranking_interval(label, probability, rng),
        "brier": float(np.mean((probability - label) ** 2)),
        "ece": expected_calibration_error(label, probability),
        "calibration_slope": fit.slope if fit else None,
        "calibration_intercept": fit.level if fit else None,
    }


def _groups_of(column: "pa.ChunkedArray[Any]") -> Iterator[tuple[str, NDArray[np.intp]]]:
    texts = compute.fill_null(compute.cast(column, pa.string()), UNKNOWN).combine_chunks().dictionary_encode()
    code = np.asarray(texts.indices.to_numpy())
    names = texts.dictionary.to_pylist()
    size = np.bincount(code, minlength=len(names))
    for place in sorted(np.flatnonzero(size >= LEAST_ROWS), key=lambda place: names[place]):
        yield names[place], np.flatnonzero(code == place)
    small = np.flatnonzero(size[code] < LEAST_ROWS)
    if len(small) >= LEAST_ROWS:
        yield POOLED, small


def _order(probability: Vector) -> NDArray[np.intp]:
    return np.argsort(-probability, kind="stable")


def _cells(probability: Vector) -> NDArray[np.intp]:
    """Group of each row in falling order of score; equal scores share one."""
    ordered = probability[_order(probability)]
    changed = np.concatenate([[False], np.diff(ordered) != 0])
    if changed.sum() >= DRAWN_CELLS:
        changed &= np.diff(np.arange(len(ordered)) * DRAWN_CELLS // len(ordered), prepend=0) > 0
    return np.cumsum(changed).astype(np.intp)


def _auc(counts: NDArray[Any]) -> Vector:
    positive, negative = counts[:, 0], counts[:, 1]
    misses = np.cumsum(negative, axis=1)
    below = misses[:, -1:] - misses + 0.5 * negative
    found: Vector = (positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1))
    return found
