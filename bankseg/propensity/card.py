"""Parts of a model's card: what was declared, how it was made, what drives it, and what later copies and scores are compared with."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.booster import raw_scores
from bankseg.propensity.dataset import Encoding
from bankseg.propensity.leakage import Finding
from bankseg.propensity.metrics import chance_ece_p95, gains, measure, reliability
from bankseg.propensity.recipe import Recipe
from bankseg.propensity.targets import Target

if TYPE_CHECKING:
    import lightgbm

SCHEMA = 2
GOLDEN_ROWS = 100
DRIFT_BINS = 10
# Rows that place the cut points: more move them by less than they differ from month to month.
DRIFT_ROWS = 20_000


def judged(label: NDArray[np.int8], probability: NDArray[np.float64], *, seed: int) -> dict[str, Any]:
    """Metrics with their intervals, reliability diagram and gain curve of the rows that judge. `Any`: JSON."""
    return {
        "metrics": {name: metric.as_json() for name, metric in measure(label, probability, seed=seed).items()},
        "n": len(label),
        "base_rate": float(label.mean()),
        "ece_chance_p95": chance_ece_p95(probability, seed=seed),
        "reliability": reliability(label, probability),
        "gains": gains(label, probability),
    }


def declaration(target: Target) -> dict[str, Any]:
    """What the target declares. `Any`: JSON."""
    return {
        "schema": SCHEMA, "target": target.name, "kind": target.kind, "product": target.product, "gap_days": target.gap_days, "horizon_days": target.horizon_days,
        "label_sql": target.label_sql, "population": target.population, "exclusions": list(target.exclusions), "purposes": list(target.purposes),
        "forbidden": ["any decision on credit"], "owner": target.owner, "materiality": target.materiality, "minimum_positives": target.minimum_positives,
    }  # fmt: skip


def provenance(recipe: Recipe, *, seed: int, threads: int) -> dict[str, Any]:
    """What makes the same bytes again. `Any`: JSON."""
    import lightgbm  # its OpenMP does not survive fork: loaded only where a job runs

    return {"members": recipe.as_json(), "seed": seed, "threads": threads, "lightgbm": lightgbm.__version__}


def importance(booster: "lightgbm.Booster", encoding: Encoding) -> list[dict[str, Any]]:
    """Share of the gain by feature, largest first, without those never split on. `Any`: JSON."""
    gain = booster.feature_importance("gain")
    total = max(float(gain.sum()), np.finfo(np.float64).tiny)
    ranked = sorted(zip((feature.name for feature in encoding.features), gain.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    return [{"feature": name, "gain_share": value / total} for name, value in ranked if value > 0]


def suspects(found: Sequence[Finding]) -> list[dict[str, Any]]:
    """Features that deserve a look. `Any`: JSON."""
    return [{"feature": s.feature, "auc": s.auc, "is_one_sided": s.is_one_sided} for s in found]


def drift_reference(probability: NDArray[np.float64], x: NDArray[np.float32], encoding: Encoding) -> dict[str, Any]:
    """Cut points of score and number features on the reference population, for drift statistics later. `Any`: JSON."""
    inner = np.linspace(0, 1, DRIFT_BINS + 1)[1:-1]
    sample = x[:: max(1, len(x) // DRIFT_ROWS)]
    cuts = {}
    for place, feature in enumerate(encoding.features):
        known = sample[:, place][~np.isnan(sample[:, place])]
        if feature.type == "number" and len(known):
            cuts[feature.name] = np.unique(np.quantile(known, inner, method="nearest")).astype(np.float64).tolist()
    return {"score_cuts": np.unique(np.quantile(probability, inner)).tolist(), "feature_cuts": cuts}


def golden(booster: "lightgbm.Booster", x: NDArray[np.float32]) -> dict[str, Any]:
    """Rows spread over the slice with their log-odds: what a sound copy of the model must answer. `Any`: JSON."""
    rows = x[np.unique(np.linspace(0, len(x) - 1, GOLDEN_ROWS).astype(np.intp))]
    raw = raw_scores(booster, rows, threads=1)
    return {"rows": [[None if np.isnan(value) else float(value) for value in row] for row in rows], "raw": raw.tolist()}


def finite(value: Any) -> Any:  # any part of a card
    """The same without numbers that are none: what cannot be told of too few rows is null, as in JSON.

    Examples
    --------
    >>> finite({"slope": float("nan"), "n": 3, "low": [float("inf"), 0.5]})
    {'slope': None, 'n': 3, 'low': [None, 0.5]}
    """
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: finite(part) for key, part in value.items()}
        case list() | tuple():
            return [finite(part) for part in value]
        case _:
            return value
