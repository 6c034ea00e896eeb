"""Peers: what is usual among clients of the same kind and age, so that a reason can be told against it and checked by moving to it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.propensity.arrow import compute
from bankseg.propensity.dataset import Encoding, numbers

# A group of fewer rows has no usual value of its own: the kind's, or everybody's, stands for it.
LEAST_PEERS = 100
MOST_ROWS = 20_000
KIND, AGE = "client_kind", "age_years"
# First completed year of each age band, as in the audit of ages.
AGE_BANDS = {0: "under 30", 30: "30 to 44", 45: "45 to 59", 60: "60 or more"}
EVERYBODY = ""


def peer_reference(table: pa.Table, rows: NDArray[np.bool_], encoding: Encoding) -> dict[str, Any]:
    """The usual value of every feature of a model in every peer group of some training rows.

    Parameters
    ----------
    table
        Rows; `client_kind` and `age_years` cut the groups where the table has them.
    rows
        Which of them the model learned from, shape (n,); beyond 20,000, evenly spaced ones tell the medians well enough.
    encoding
        The model's features.

    Returns
    -------
    dict
        For a card: group -> feature -> the median of the rows where the feature is known (of a category, its commonest level), null when more than half of the
        group have none. The group `""` is everybody, `individual` a kind, `individual|30 to 44` a kind and age band; groups of fewer than 100 rows are
        left out. `Any`: JSON.
    """
    learned = np.flatnonzero(rows)
    table = table.take(learned[:: max(1, len(learned) // MOST_ROWS)])
    x = encoding.matrix(table)
    keys = peer_keys(table)
    found: dict[str, Any] = {}
    for column in zip(*keys, strict=True) if keys else ():
        names, code = np.unique(np.array(column), return_inverse=True)
        for place, name in enumerate(names.tolist()):
            members = x[code == place]
            if name not in found and len(members) >= (1 if name == EVERYBODY else LEAST_PEERS):
                found[name] = {feature.name: _usual(members[:, at], encoding, at) for at, feature in enumerate(encoding.features)}
    return found


def peer_values(reference: Mapping[str, Mapping[str, Any]], keys: Sequence[tuple[str, ...]], encoding: Encoding) -> NDArray[np.float32]:
    """What is usual among each row's peers, as the booster reads it, shape (n, features); the closest group that is known."""
    groups = {name: _row(medians, encoding) for name, medians in reference.items()}
    everybody = groups.get(EVERYBODY, np.full(len(encoding.features), np.nan, dtype=np.float32))
    nearest = {key: next((groups[name] for name in key if name in groups), everybody) for key in dict.fromkeys(keys)}
    return np.stack([nearest[key] for key in keys]) if keys else np.empty((0, len(encoding.features)), dtype=np.float32)


def peer_keys(table: pa.Table) -> list[tuple[str, ...]]:
    """Names of each row's peer groups, the closest first."""
    rows = table.num_rows
    kinds = compute.cast(table.column(KIND), pa.string()).to_pylist() if KIND in table.column_names else [None] * rows
    ages = numbers(table.column(AGE)).tolist() if AGE in table.column_names else [float("nan")] * rows
    return [_key(kind or EVERYBODY, age) for kind, age in zip(kinds, ages, strict=True)]


def _key(kind: str, age: float) -> tuple[str, ...]:
    band = next((name for first, name in reversed(AGE_BANDS.items()) if age >= first), None)
    return (f"{kind}|{band}" if band else kind, kind, EVERYBODY)


def _usual(values: NDArray[np.float32], encoding: Encoding, place: int) -> float | str | None:
    known = values[~np.isnan(values)]
    if 2 * len(known) < len(values) or not len(known):
        return None
    feature = encoding.features[place]
    if feature.type == "category":
        return encoding.levels[feature.name][int(np.bincount(known.astype(np.intp)).argmax())]
    return float(np.quantile(known, 0.5, method="lower"))


def _row(medians: Mapping[str, Any], encoding: Encoding) -> NDArray[np.float32]:
    row = np.full(len(encoding.features), np.nan, dtype=np.float32)
    for place, feature in enumerate(encoding.features):
        value = medians.get(feature.name)
        if value is not None:
            row[place] = encoding.levels[feature.name].index(value) if feature.type == "category" else value
    return row
