"""Loyalty index and regular clients: how long, how much, how domiciled and how likely to remain."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.segments.arrays import numbers

Vector = NDArray[np.float64]

# An index of a single part would only repeat it.
LEAST_PARTS = 2
PARTS = ("tenure", "products", "income", "remaining")
READ = ("status", "kind", "tenure_days", "products_held", "income_months_12m", "churn", "active_months_12m")


@dataclass(frozen=True, slots=True)
class Measures:
    """Where a part of the index is full and how much each weighs (at least 0; default: equal), and from how many active months of twelve a client is regular."""

    full_tenure_days: int = 3_652
    full_products: int = 5
    full_income_months: int = 12
    regular_months: int = 10
    weights: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 1.0))


@dataclass(frozen=True, slots=True)
class Loyalty:
    """Index in [0, 100] and its parts in [0, 1], each of shape (n,), NaN where not known; `parts` by name: tenure, products, income, remaining."""

    index: Vector
    parts: dict[str, Vector]


def loyalty(table: pa.Table, measures: Measures | None = None) -> Loyalty:
    """Loyalty of each client: the weighted mean of tenure, products held, months of income domiciled, and the probability to remain.

    A part that is not known is left out and the others weigh more; with fewer than two known parts there is no index. For firms income is not asked.

    Parameters
    ----------
    table
        `tenure_days`, `products_held`, `income_months_12m`, `churn` and `kind`, each where loaded.

    Examples
    --------
    >>> found = loyalty(pa.table({"tenure_days": [3652, 913], "products_held": [5, 1], "churn": [0.1, None]}))
    >>> found.index.round(1).tolist()
    [96.7, 22.5]
    """
    full = measures or Measures()
    income = _column(table, "income_months_12m") / full.full_income_months
    income = np.where(np.array([kind in {"individual", None} for kind in _texts(table, "kind")], dtype=np.bool_), income, np.nan)
    parts = {
        "tenure": _full(_column(table, "tenure_days") / full.full_tenure_days),
        "products": _full(_column(table, "products_held") / full.full_products),
        "income": _full(income),
        "remaining": _full(1 - _column(table, "churn")),
    }
    values = np.column_stack([parts[name] for name in PARTS])
    known = ~np.isnan(values) * np.array([full.weights[name] for name in PARTS])
    total = known.sum(axis=1)
    enough = (known > 0).sum(axis=1) >= LEAST_PARTS
    index = np.where(enough, 100 * (np.nan_to_num(values) * known).sum(axis=1) / np.where(total > 0, total, 1.0), np.nan)
    return Loyalty(index, parts)


def attached(table: pa.Table, measures: Measures) -> pa.Table:
    """What the roll keeps of loyalty, for clients alone: prospects and former clients have none.

    Parameters
    ----------
    table
        `client_id`, and of `READ` what was loaded.

    Returns
    -------
    pyarrow.Table
        `client_id`, `loyalty_index` in [0, 100] with one decimal, and `is_regular`: money moved in at least so many of twelve months; null where not known.

    Examples
    --------
    >>> table = pa.table({"client_id": ["a"], "status": ["active"], "tenure_days": [3652], "products_held": [5], "active_months_12m": [9]})
    >>> attached(table, Measures()).to_pylist()
    [{'client_id': 'a', 'loyalty_index': 100.0, 'is_regular': False}]
    """
    active = np.array([status in {"active", None} for status in _texts(table, "status")], dtype=np.bool_)
    index = np.where(active, loyalty(table, measures).index, np.nan).round(1)
    months = np.where(active, _column(table, "active_months_12m"), np.nan)
    regular = pa.array(months >= measures.regular_months, pa.bool_(), mask=np.isnan(months))
    columns = {"client_id": table.column("client_id").combine_chunks(), "loyalty_index": pa.array(index, from_pandas=True), "is_regular": regular}
    return pa.Table.from_pydict(columns)


def _texts(table: pa.Table, name: str) -> list[str | None]:
    return list(table.column(name).to_pylist()) if name in table.column_names else [None] * table.num_rows


def _column(table: pa.Table, name: str) -> Vector:
    return numbers(table, name) if name in table.column_names else np.full(table.num_rows, np.nan)


def _full(values: Vector) -> Vector:
    full: Vector = np.clip(values, 0.0, 1.0)
    return full
