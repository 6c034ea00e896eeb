"""The leakage scan: no single feature may know the outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import LeakageError
from bankseg.propensity.arrow import compute
from bankseg.propensity.dataset import Encoding, FeatureLike
from bankseg.propensity.metrics import roc_auc

# Above the first no honest bank feature stands alone; above the second a person should look.
LEAK_AUC, SUSPECT_AUC = 0.98, 0.95
# A model above the first, or one feature with more of the gain than the second, stays staged until a person has looked.
ALARM_AUC, ALARM_GAIN_SHARE = 0.98, 0.40
# Features of this name count days back from the origin: below zero they speak of a day after it.
DAYS_BACK = "days_since_"
MOST_ROWS = 10_000
BINS = 64
FOLDS = 5
# Rows unlike all others that share one outcome: fewer may be luck.
ONE_SIDED_ROWS = 50
SMOOTHING_ROWS = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one feature alone knows: AUC of its best single-feature reading, and whether it settles the outcome wherever it is not at its commonest value."""

    feature: str
    auc: float
    is_one_sided: bool = False


def refuse_leaks(encoding: Encoding, x: NDArray[np.float32], label: NDArray[np.int8], *, seed: int) -> tuple[Finding, ...]:
    """Scan every feature; returns what deserves a look.

    Raises
    ------
    LeakageError
        Naming every feature whose single AUC is above 0.98.
    """
    findings = scan(encoding, x, label, seed=seed)
    leaks = [finding.feature for finding in findings if finding.auc > LEAK_AUC]
    if leaks:
        raise LeakageError(leaks, f"alone tells the outcome (single-feature AUC above {LEAK_AUC})")
    return tuple(finding for finding in findings if finding.auc > SUSPECT_AUC or finding.is_one_sided)


def refuse_future_dates(table: pa.Table, origin: NDArray[np.datetime64], features: Sequence[FeatureLike]) -> None:
    """Refuse features that speak of days after their row's origin: a date later than it, or a negative number of days since something.

    Raises
    ------
    LeakageError
        Naming every such feature.
    """
    ahead = [feature.name for feature in features if feature.name in table.column_names and _is_ahead(table, feature.name, origin)]
    if ahead:
        raise LeakageError(ahead, "speaks of days after the origin of its row")


def alarms(importance: Sequence[Mapping[str, Any]], auc: float) -> list[dict[str, Any]]:
    """What a reviewer must look at before the version may serve: a model too good to be true, or one feature that carries it.

    Parameters
    ----------
    importance
        Entries with `feature` and `gain_share`. `Any`: JSON.
    auc
        Of the model on the rows that judge it.

    Returns
    -------
    list
        Entries with `alarm` (`model_auc` or `gain_share`), `feature` (or null), `value` and `limit`.

    Examples
    --------
    >>> alarms([{"feature": "balance", "gain_share": 0.6}], 0.8)
    [{'alarm': 'gain_share', 'feature': 'balance', 'value': 0.6, 'limit': 0.4}]
    """
    found: list[dict[str, Any]] = []
    if auc > ALARM_AUC:
        found.append({"alarm": "model_auc", "feature": None, "value": auc, "limit": ALARM_AUC})
    heavy = [entry for entry in importance if entry["gain_share"] > ALARM_GAIN_SHARE]
    found += [{"alarm": "gain_share", "feature": entry["feature"], "value": entry["gain_share"], "limit": ALARM_GAIN_SHARE} for entry in heavy]
    return found


def _is_ahead(table: pa.Table, name: str, origin: NDArray[np.datetime64]) -> bool:
    column = table.column(name)
    if pa.types.is_temporal(column.type):
        days = compute.cast(column, pa.date32(), safe=False).to_numpy().astype("datetime64[D]")
        return bool((days > origin).any())
    if not name.startswith(DAYS_BACK) or not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return False
    lowest = compute.min(column).as_py()
    return lowest is not None and lowest < 0


def scan(encoding: Encoding, x: NDArray[np.float32], label: NDArray[np.int8], *, seed: int) -> list[Finding]:
    """A finding per feature, strongest first. Rows beyond 10,000 are sampled, keeping the rate of both classes."""
    chosen, fold = _stratified(label, seed)
    y = label[chosen]
    found = []
    for place, feature in enumerate(encoding.features):
        column = x[chosen, place].astype(np.float64)
        best = _held_out_auc(_bins(column, is_category=feature.type == "category"), y, fold)
        if feature.type == "number":
            best = max(best, *(abs(roc_auc(y, np.where(np.isnan(column), stand_in, column)) - 0.5) + 0.5 for stand_in in (-np.inf, np.inf)))
        found.append(Finding(feature.name, float(best), _is_one_sided(column, y)))
    return sorted(found, key=lambda finding: (-finding.auc, finding.feature))


def _stratified(label: NDArray[np.int8], seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows to scan and their folds, both with the classes in proportion."""
    rng = np.random.default_rng(seed)
    share = min(1.0, MOST_ROWS / len(label))
    chosen, fold = [], []
    for outcome in (0, 1):
        rows = rng.permutation(np.flatnonzero(label == outcome))
        rows = rows[: max(int(np.ceil(len(rows) * share)), min(len(rows), 100))]
        chosen.append(rows)
        fold.append(np.arange(len(rows)) % FOLDS)
    return np.concatenate(chosen), np.concatenate(fold)


def _bins(column: NDArray[np.float64], *, is_category: bool) -> NDArray[np.intp]:
    """Bin of each row, missing in a bin of its own."""
    missing = np.isnan(column)
    known = column[~missing]
    values = np.unique(known)
    if not is_category and len(values) > BINS:
        values = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1), method="nearest"))
    return np.where(missing, 0, np.searchsorted(values, np.where(missing, 0.0, column), side="right") + 1).astype(np.intp)


def _held_out_auc(bins: NDArray[np.intp], label: NDArray[np.int8], fold: NDArray[np.intp]) -> float:
    """AUC of the rate of each row's bin among the other folds, so that a bin of one row knows nothing."""
    size = int(bins.max()) + 1
    rows = np.bincount(fold * size + bins, minlength=FOLDS * size).reshape(FOLDS, size).astype(np.float64)
    hits = np.bincount(fold * size + bins, weights=label, minlength=FOLDS * size).reshape(FOLDS, size)
    rate = (hits.sum(axis=0) - hits + SMOOTHING_ROWS * label.mean()) / (rows.sum(axis=0) - rows + SMOOTHING_ROWS)
    return roc_auc(label, rate[fold, bins])


def _is_one_sided(column: NDArray[np.float64], label: NDArray[np.int8]) -> bool:
    """Whether the rows away from the commonest value (or missing) are many and all positive."""
    values, inverse, counts = np.unique(column, return_inverse=True, return_counts=True, equal_nan=True)
    away = inverse != int(np.argmax(counts))
    return len(values) > 1 and int(away.sum()) >= ONE_SIDED_ROWS and bool(label[away].all())
