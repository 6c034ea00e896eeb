"""Between and within: how much of what clients differ by lies between the segments of a scheme, and how much inside them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.segments.arrays import is_category, is_money, levels, numbers, present, signed_log
from bankseg.segments.profile import scaled

Vector = NDArray[np.float64]
LEAST_KNOWN = 2  # fewer values do not vary


@dataclass(frozen=True, slots=True)
class Parted:
    """One attribute: `between` is the share of its variance that lies between the segments, in [0, 1]; `ratio` that share over the rest (null: nothing is left within).

    For amounts eta squared on the clipped robust scale (Fisher 1925), money by signed logarithm; for categories tau (Goodman & Kruskal 1954), its like for levels.
    """

    attribute: str
    between: float
    ratio: float | None


def parted(table: pa.Table, segments: Sequence[str], attributes: Sequence[str]) -> list[Parted]:
    """Each attribute's variance between segments, most first; one that does not vary is left out.

    Parameters
    ----------
    table
        One row a client.
    segments
        Segment of each client, length n.
    attributes
        Columns to look at; clients without a value do not count.

    Raises
    ------
    MissingDataError
        When a column is not there.

    Examples
    --------
    >>> found = parted(pa.table({"city": ["Lyon", "Lyon", "Nice", "Nice"]}), ["a", "a", "b", "b"], ["city"])
    >>> [(one.attribute, one.between, one.ratio) for one in found]
    [('city', 1.0, None)]
    """
    present(table, attributes)
    places = np.unique(np.asarray(segments, dtype=str), return_inverse=True)[1]
    shares = {name: (_tau if is_category(table, name) else _eta)(table, places, name) for name in attributes}
    told = [Parted(name, share, share / (1 - share) if share < 1 else None) for name, share in shares.items() if share is not None]
    return sorted(told, key=lambda one: (-one.between, one.attribute))


def _eta(table: pa.Table, places: NDArray[np.int64], name: str) -> float | None:
    values = numbers(table, name)
    known = ~np.isnan(values)
    if known.sum() < LEAST_KNOWN:
        return None
    even = scaled(signed_log(values) if is_money(name) else values)[known]
    group = places[known]
    total = float(((even - even.mean()) ** 2).sum())
    if total <= 0:
        return None
    sizes = np.bincount(group)
    means = np.bincount(group, even) / np.maximum(sizes, 1)
    return float((sizes * (means - even.mean()) ** 2).sum()) / total


def _tau(table: pa.Table, places: NDArray[np.int64], name: str) -> float | None:
    level = levels(table, name)[1]
    counts = np.zeros((places.max() + 1, level.max() + 1))
    np.add.at(counts, (places, level), 1)
    n = counts.sum()
    unlike = 1 - float(((counts.sum(axis=0) / n) ** 2).sum())
    if unlike <= 0:
        return None
    sizes = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return float((counts**2 / sizes).sum() / n - (1 - unlike)) / unlike
