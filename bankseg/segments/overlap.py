"""Overlap and difference of segments: who is in both, and what tells those apart who are in one alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import InputError
from bankseg.segments.profile import Trait, traits

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Clients in both segments, in one alone, and in neither.

    `jaccard`: both over either; `share_of_one` and `share_of_other`: both over each; `ratio`: both over what two unrelated segments of these sizes would share.
    Null where there is nobody to divide by.
    """

    both: int
    only_one: int
    only_other: int
    neither: int
    jaccard: float | None
    share_of_one: float | None
    share_of_other: float | None
    ratio: float | None


def overlap(one: Mask, other: Mask) -> Overlap:
    """How two segments of the same clients lie over each other; shapes (n,).

    Examples
    --------
    >>> overlap(np.array([True, True, False, False]), np.array([True, False, False, False])).jaccard
    0.5
    """
    if one.shape != other.shape:
        raise InputError(f"segments of {len(one)} and of {len(other)} clients", "two segments of the same clients")
    both, first, second = int((one & other).sum()), int(one.sum()), int(other.sum())
    return Overlap(
        both, first - both, second - both, len(one) - first - second + both,
        _part(both, first + second - both), _part(both, first), _part(both, second), _part(both * len(one), first * second),
    )  # fmt: skip


def overlaps(members: Mapping[str, Mask]) -> dict[tuple[str, str], Overlap]:
    """Overlap of every pair of segments, each pair once in the order given."""
    names = list(members)
    return {(one, other): overlap(members[one], members[other]) for place, one in enumerate(names) for other in names[place + 1 :]}


def differences(table: pa.Table, one: Mask, other: Mask, attributes: Sequence[str]) -> list[Trait]:
    """What sets the clients of the first segment alone apart from those of the second alone, strongest first; clients of both or neither are not asked.

    Raises
    ------
    MissingDataError
        When an attribute is not in the table.
    InputError
        When one segment lies within the other, so that it has nobody of its own.
    """
    apart = one ^ other
    return traits(table.filter(pa.array(apart)), one[apart], attributes)


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None
