"""One figure across groups: holding of a product, a propensity or an amount by age band or by segment, with intervals and Holm's correction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bankseg.domain.errors import InputError
from bankseg.economics.comparisons import Difference, Interval, compare_means, compare_rates, holm, mean_interval, wilson

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]

SIGNIFICANCE = 0.05
# A smaller group is shown with its interval and not judged: it would speak of persons.
LEAST_CLIENTS = 30


@dataclass(frozen=True, slots=True)
class Group:
    """One group's figure: `figure` with its 95 % interval (Wilson for a share, Student for a mean), compared with all other groups together.

    `p_value` is Holm-corrected over the groups judged, null for a group too small to judge; `differs` tells whether it lies below 5 %.
    """

    name: str
    n: int
    figure: Interval
    difference: Difference
    p_value: float | None
    differs: bool


def by_group(values: Vector, groups: Sequence[str | None]) -> list[Group]:
    """A figure in every group, by name.

    Parameters
    ----------
    values
        0/1 (holds, responded) or amounts (a propensity, a balance), NaN where not known, shape (n,).
    groups
        Group of each client, length n; null is left out.

    Raises
    ------
    InputError
        When nobody has a value and a group.

    Examples
    --------
    >>> found = by_group(np.array([1.0, 1, 1, 0] * 20 + [0.0, 0, 0, 1] * 20), ["18-24"] * 80 + ["65-74"] * 80)
    >>> [(group.name, group.figure.value, group.differs) for group in found]
    [('18-24', 0.75, True), ('65-74', 0.25, True)]
    """
    names = np.array(["" if group is None else group for group in groups], dtype=object)
    known = ~np.isnan(values) & np.array([group is not None for group in groups], dtype=np.bool_)
    if not known.any():
        raise InputError("no client has both a value and a group", "one or more", "choose another figure or another grouping")
    binary = bool(np.isin(values[known], (0.0, 1.0)).all())
    found = []
    for name in sorted({str(name) for name in names[known]}):
        inside = known & (names == name)
        found.append((name, values[inside], _compared(values[inside], values[known & ~inside], binary=binary)))
    judged = [place for place, (_, inside, _) in enumerate(found) if len(inside) >= LEAST_CLIENTS and len(found) > 1]
    corrected = dict(zip(judged, holm([found[place][2].p_value for place in judged]), strict=True))
    return [
        Group(name, len(inside), _figure(inside, binary=binary), difference, corrected.get(place), corrected.get(place, 1.0) < SIGNIFICANCE)
        for place, (name, inside, difference) in enumerate(found)
    ]


def _figure(values: Vector, *, binary: bool) -> Interval:
    return wilson(int(values.sum()), len(values)) if binary else mean_interval(values)


def _compared(inside: Vector, outside: Vector, *, binary: bool) -> Difference:
    if binary:
        return compare_rates(int(inside.sum()), len(inside), int(outside.sum()), len(outside))
    return compare_means(inside, outside)
