"""Loyalty index and regular clients: how long, how much, how domiciled and how likely to remain."""

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.segments.arrays import numbers

Vector = NDArray[np.float64]

# Where a part of the index is full (default): ten years, five products, income in each of 12 months.
FULL_TENURE_DAYS = 3_652
FULL_PRODUCTS = 5
FULL_INCOME_MONTHS = 12
# An index of a single part would only repeat it.
LEAST_PARTS = 2
REGULAR_MONTHS = 10


@dataclass(frozen=True, slots=True)
class Weights:
    """Weight of each part of the index, at least 0 (default: equal)."""

    tenure: float = 1.0
    products: float = 1.0
    income: float = 1.0
    remaining: float = 1.0


@dataclass(frozen=True, slots=True)
class Loyalty:
    """Index in [0, 100] and its parts in [0, 1], each of shape (n,), NaN where not known; `parts` by name: tenure, products, income, remaining."""

    index: Vector
    parts: dict[str, Vector]


def loyalty(table: pa.Table, weights: Weights | None = None) -> Loyalty:
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
    weight = weights or Weights()
    income = _column(table, "income_months_12m") / FULL_INCOME_MONTHS
    if "kind" in table.column_names:
        income = np.where(np.array([kind in {"individual", None} for kind in table.column("kind").to_pylist()], dtype=np.bool_), income, np.nan)
    parts = {
        "tenure": _full(_column(table, "tenure_days") / FULL_TENURE_DAYS),
        "products": _full(_column(table, "products_held") / FULL_PRODUCTS),
        "income": _full(income),
        "remaining": _full(1 - _column(table, "churn")),
    }
    values = np.column_stack([parts[name.name] for name in fields(Weights)])
    known = ~np.isnan(values) * np.array([getattr(weight, name.name) for name in fields(Weights)])
    total = known.sum(axis=1)
    enough = (known > 0).sum(axis=1) >= LEAST_PARTS
    index = np.where(enough, 100 * (np.nan_to_num(values) * known).sum(axis=1) / np.where(total > 0, total, 1.0), np.nan)
    return Loyalty(index, parts)


def is_regular(active_months: Vector) -> Vector:
    """Whether a client moved money in at least 10 of 12 months: 1, 0, or NaN where not known.

    >>> is_regular(np.array([12.0, 10.0, 9.0, np.nan])).tolist()
    [1.0, 1.0, 0.0, nan]
    """
    return np.where(np.isnan(active_months), np.nan, (active_months >= REGULAR_MONTHS).astype(np.float64))


def _column(table: pa.Table, name: str) -> Vector:
    return numbers(table, name) if name in table.column_names else np.full(table.num_rows, np.nan)


def _full(values: Vector) -> Vector:
    full: Vector = np.clip(values, 0.0, 1.0)
    return full
