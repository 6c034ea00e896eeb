"""Names of the array types the demo bank is made of."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
AnyArray = npt.NDArray[Any]  # any column on its way to a file
Column: TypeAlias = "pa.Array[Any]"  # the same as Arrow: values of any type


def cents(euros: Floats) -> Ints:
    """Amounts in whole cents."""
    rounded: Ints = np.rint(euros * 100).astype(np.int64)
    return rounded


def spread(rng: np.random.Generator, sigma: float, count: int) -> Floats:
    """Lognormal factors with mean one."""
    return np.exp(rng.normal(-sigma * sigma / 2, sigma, count))


def days_between(rng: np.random.Generator, first: Ints, last: Ints) -> Ints:
    """One day, uniform in [first, last], for each pair."""
    drawn: Ints = first + np.floor(rng.random(len(first)) * np.maximum(last - first + 1, 1)).astype(np.int64)
    return drawn
