"""A new version against the champion on the same rows, and the histograms that later drift is measured against."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.economics.drift import histogram
from bankseg.economics.empc import empc, empc_of_draws
from bankseg.propensity.dataset import Dataset
from bankseg.propensity.metrics import roc_auc
from bankseg.propensity.predict import Propensity
from bankseg.services.shadow import agreement

Vector = NDArray[np.float64]

DRAWS = 200
INTERVAL = (2.5, 97.5)
REFERENCE_ROWS = 20_000
# Rows compared: each resample is a row of weights in memory, and beyond this the interval hardly narrows.
MOST_COMPARED = 50_000


def compare(version: Propensity, champion: Propensity, dataset: Dataset, *, seed: int) -> dict[str, Any]:
    """Both versions on the locked rows of the new one.

    Rankings are compared, and neither model was fitted on these rows (a calibrator that saw them moves no client past another); when the champion was
    fitted on them, the comparison would flatter it and is left out.

    Returns
    -------
    dict
        Empty when no rows are unseen by both; else `rows`, `origin`, `profit_gain` and `auc_gain` as {value, low, high} (paired bootstrap over rows),
        and `agreement`. `Any`: JSON.
    """
    origins = version.card.get("origins")
    if not origins or origins["test"] in set(champion.card["serving"]["fitted_on"]):
        return {}
    chosen = np.flatnonzero(dataset.origin == np.datetime64(origins["test"]))
    chosen = chosen[:: -(-len(chosen) // MOST_COMPARED)]
    table, label = dataset.table.take(chosen), dataset.label[chosen]
    ours, theirs = version.raw(table), champion.raw(table)
    return {
        "origin": origins["test"],
        "rows": len(label),
        **paired_gains(label, ours, theirs, seed=seed),
        "agreement": agreement(champion.calibrator(theirs), version.calibrator(ours)),
    }


def paired_gains(label: NDArray[Any], ours: Vector, theirs: Vector, *, seed: int, draws: int = DRAWS) -> dict[str, dict[str, float]]:
    """Gain in EMPC and in ROC-AUC of the first score over the second, on the same rows and the same resamples.

    Parameters
    ----------
    label
        0 or 1, shape (n,). `Any`: any integer type.
    ours, theirs
        Scores of any scale, shape (n,); higher = likelier.

    Examples
    --------
    >>> found = paired_gains(np.array([0, 1] * 50), np.arange(100.0), np.arange(100.0), seed=1, draws=20)
    >>> found["profit_gain"]
    {'value': 0.0, 'low': 0.0, 'high': 0.0}
    """
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(label), np.full(len(label), 1 / len(label)), size=draws).astype(np.float64)
    drawn = _drawn(label, ours, weights) - _drawn(label, theirs, weights)
    value = np.array([empc(label, ours).profit - empc(label, theirs).profit, roc_auc(label, ours) - roc_auc(label, theirs)])
    low, high = np.percentile(drawn, INTERVAL, axis=0)
    return {name: {"value": float(value[i]), "low": float(low[i]), "high": float(high[i])} for i, name in enumerate(("profit_gain", "auc_gain"))}


def reference_of(version: Propensity, dataset: Dataset) -> dict[str, Any]:
    """Histograms of the score and of each number feature where the version was judged, over the cut points of its card; last the rows without a value.

    Returns
    -------
    dict
        `score`: counts; `features`: name -> counts; `rows`. `Any`: JSON.
    """
    origins = version.card.get("origins")
    rows = np.flatnonzero(dataset.origin == np.datetime64(origins["test"])) if origins else np.arange(len(dataset.label))
    sample = dataset.table.take(rows[:: max(1, len(rows) // REFERENCE_ROWS)])
    cuts: Mapping[str, list[float]] = version.card["feature_cuts"]
    return {
        "rows": sample.num_rows,
        "score": histogram(version.predict(sample), np.array(version.card["score_cuts"])).tolist(),
        "features": {name: histogram(as_model_reads(sample, name), np.array(places)).tolist() for name, places in sorted(cuts.items())},
    }


def as_model_reads(table: pa.Table, name: str) -> Vector:
    """A column as the model reads it: float32 values, NaN where null or absent."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    values = table.column(name).cast(pa.float64()).to_numpy()
    return np.asarray(values, dtype=np.float32).astype(np.float64)


def _drawn(label: NDArray[Any], score: Vector, weights: Vector) -> Vector:
    """EMPC and ROC-AUC of each resample, shape (draws, 2)."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    drawn, y = weights[:, order], np.asarray(label, dtype=np.float64)[order]
    hits, seen = np.cumsum(drawn * y, axis=1)[:, last], np.cumsum(drawn, axis=1)[:, last]
    empty = np.zeros((len(weights), 1))
    hits, misses = np.hstack([empty, hits]), np.hstack([empty, seen - hits])
    rows = float(len(label))
    area = (np.diff(misses, axis=1) * (hits[:, 1:] + hits[:, :-1]) / 2).sum(axis=1)
    auc = area / np.maximum(hits[:, -1] * misses[:, -1], 1.0)
    return np.column_stack([empc_of_draws(hits / rows, misses / rows)[:, 0], auc])
