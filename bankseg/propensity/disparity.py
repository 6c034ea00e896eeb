"""Disparity by protected attribute: who a list would hold, and how right the model is for each group. A report for people; it changes no score."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.propensity.metrics import expected_calibration_error
from bankseg.propensity.segment_metrics import INTERVAL, POOLED, UNKNOWN, each_group, ranking_interval, segment_metrics

Vector = NDArray[np.float64]

# The list whose membership is compared: the clients with the highest propensity, as long as a usual retention list.
SELECTED_SHARE = 0.20
DRAWS = 200


def disparity(label: NDArray[Any], probability: Vector, groups: pa.Table, *, seed: int) -> list[dict[str, Any]]:
    """Independence, separation and calibration by group of every protected column.

    Parameters
    ----------
    label
        0 or 1, shape (n,). `Any`: any integer type.
    probability
        Shape (n,), in [0, 1].
    groups
        Columns of n texts; those marked by `segment_metrics.protected` are read.
    seed
        Of the bootstrap behind the intervals.

    Returns
    -------
    list
        One entry a group of 200 rows or more. `selected_share`: part of the group among the top 20 % of all; `impact_ratio`: that part over the largest of the
        attribute's known groups; `true_positive_rate` and `false_positive_rate` of the selection, null without such clients; `roc_auc` null with too few
        outcomes; `intervals`: 95 % bootstrap intervals of the shares, rates and the ratio. `Any`: JSON.

    Notes
    -----
    A retention list follows base rates, so an impact ratio below four fifths is a fact to weigh, not by itself a fault of the model (Kozodoi et al. 2022 recommend
    separation, equal true and false positive rates, for scoring).

    Examples
    --------
    >>> sexes = pa.Table.from_arrays([pa.array(["female", "male"] * 500)], schema=pa.schema([pa.field("sex", pa.string(), metadata={"protected": "1"})]))
    >>> found = disparity(np.tile([0, 0, 1, 1], 250), np.tile([0.1, 0.1, 0.9, 0.9], 250), sexes, seed=1)
    >>> [(entry["group"], entry["impact_ratio"], round(entry["true_positive_rate"], 3)) for entry in found]
    [('female', 1.0, 0.4), ('male', 1.0, 0.4)]
    """
    rng = np.random.default_rng(seed)
    label = np.asarray(label, dtype=np.float64)
    selected = _selected(probability)
    found: list[dict[str, Any]] = []
    by_attribute: dict[str, list[tuple[str, NDArray[np.intp]]]] = {}
    for name, value, rows in each_group(groups, is_protected=True):
        by_attribute.setdefault(name, []).append((value, rows))
    for name, parts in by_attribute.items():
        known = [place for place, (value, _) in enumerate(parts) if value not in {POOLED, UNKNOWN}] or list(range(len(parts)))
        counts = np.stack([_counts(label[rows], selected[rows]) for _, rows in parts])
        drawn = np.stack([rng.multinomial(round(part.sum()), part / part.sum(), size=DRAWS) for part in counts], axis=1).astype(np.float64)
        values, draws = _rates(counts[None], known)[0], _rates(drawn, known)
        for place, (value, rows) in enumerate(parts):
            found.append(_entry(name, value, label[rows], probability[rows], rng) | _told(values[place], draws[:, place]))
    return found


def by_group(label: NDArray[Any], probability: Vector, groups: pa.Table | None, *, seed: int) -> dict[str, list[dict[str, Any]]]:
    """The card's `segments` and `disparity`, empty without groups. `Any`: label of any integer type; JSON."""
    if groups is None:
        return {"segments": [], "disparity": []}
    return {"segments": segment_metrics(label, probability, groups, seed=seed), "disparity": disparity(label, probability, groups, seed=seed)}


RATES = ("selected_share", "impact_ratio", "true_positive_rate", "false_positive_rate")


def _selected(probability: Vector) -> Vector:
    """Part of each row in the list: 1 above the cut, 0 below; equal scores at the cut share the places that are left."""
    places = SELECTED_SHARE * len(probability)
    cut = np.sort(probability)[::-1][max(0, min(len(probability) - 1, int(np.ceil(places)) - 1))]
    above, equal = probability > cut, probability == cut
    return np.where(above, 1.0, np.where(equal, (places - above.sum()) / equal.sum(), 0.0))


def _counts(label: Vector, selected: Vector) -> Vector:
    """Clients of a group who are: selected with the outcome, selected without, left with it, left without."""
    return np.array([(label * selected).sum(), ((1 - label) * selected).sum(), (label * (1 - selected)).sum(), ((1 - label) * (1 - selected)).sum()])


def _rates(counts: Vector, known: list[int]) -> Vector:
    """Shape (draws, groups, rates) of counts of shape (draws, groups, 4), in the order of RATES; NaN where nobody is there to count."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (counts[..., 0] + counts[..., 1]) / counts.sum(axis=-1)
        ratio = share / share[:, known].max(axis=1, keepdims=True)
        return np.stack([share, ratio, counts[..., 0] / (counts[..., 0] + counts[..., 2]), counts[..., 1] / (counts[..., 1] + counts[..., 3])], axis=-1)


def _entry(attribute: str, group: str, label: Vector, probability: Vector, rng: np.random.Generator) -> dict[str, Any]:
    ranking = ranking_interval(label, probability, rng)
    return {
        "attribute": attribute,
        "group": group,
        "n": len(label),
        "base_rate": float(label.mean()),
        "mean_propensity": float(probability.mean()),
        "roc_auc": ranking["value"] if ranking else None,
        "ece": expected_calibration_error(label, probability),
    }


def _told(value: Vector, draws: Vector) -> dict[str, Any]:
    """Rates by name, null for NaN, and their intervals."""
    told: dict[str, Any] = {name: _number(value[place]) for place, name in enumerate(RATES)}
    told["intervals"] = {}
    for place, name in enumerate(RATES):
        known = draws[:, place][np.isfinite(draws[:, place])]
        if told[name] is not None and len(known):
            low, high = np.percentile(known, INTERVAL)
            told["intervals"][name] = {"low": float(min(low, told[name])), "high": float(max(high, told[name]))}
    return told


def _number(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
