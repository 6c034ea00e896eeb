"""Reasons of a propensity: TreeSHAP on the log-odds summed by family, what raises it first."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.propensity.dataset import Encoding

# A family below this share of all that moved the score is not a reason (definitions 6).
LEAST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Reason:
    """One family's part in one client's propensity.

    Parameters
    ----------
    family
        Reason family of the feature catalogue.
    direction
        `+` raises the propensity, `-` lowers it. Never "because": it explains the model, not the world.
    share
        The family's absolute contribution over that of all families, in [0, 1].
    feature
        The feature of the family that moved the score most in that direction.
    value
        The client's own value of it; None when unknown.
    """

    family: str
    direction: Literal["+", "-"]
    share: float
    feature: str
    value: float | str | None


def family_order(encoding: Encoding) -> tuple[str, ...]:
    """Families in the order of their first feature; ties between reasons are broken by it."""
    return tuple(dict.fromkeys(feature.family for feature in encoding.features))


def reasons_of(encoding: Encoding, contributions: NDArray[np.float64], table: pa.Table, top: int) -> list[list[Reason]]:
    """At most `top` reasons per row: families that raise the propensity, strongest first, then those that lower it.

    Parameters
    ----------
    contributions
        Shape (n, features), log-odds; their row sum plus the base value is the raw score.
    table
        The same n rows, for the client's own values.
    top
        Most reasons per client.
    """
    families = family_order(encoding)
    member = np.array([families.index(feature.family) for feature in encoding.features])
    by_family = np.zeros((len(contributions), len(families)))
    for place in range(len(families)):
        by_family[:, place] = contributions[:, member == place].sum(axis=1)
    share = np.abs(by_family) / np.maximum(np.abs(by_family).sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    # Raising families by falling contribution, then lowering ones by rising contribution; a stable sort keeps family order on ties.
    rank = np.where(by_family > 0, -by_family, 1e9 - np.abs(by_family))
    order = np.argsort(np.where(share >= LEAST_SHARE, rank, np.inf), axis=1, kind="stable")[:, :top]
    leading = _leading_features(contributions, by_family, member)
    rows, places = np.nonzero(np.take_along_axis(share, order, axis=1) >= LEAST_SHARE)
    values = _Values(encoding, table)
    found: list[list[Reason]] = [[] for _ in range(len(contributions))]
    for row, place in zip(rows.tolist(), places.tolist(), strict=True):
        family = int(order[row, place])
        feature = int(leading[row, family])
        raises = by_family[row, family] > 0
        found[row].append(Reason(families[family], "+" if raises else "-", float(share[row, family]), encoding.features[feature].name, values.of(row, feature)))
    return found


def _leading_features(contributions: NDArray[np.float64], by_family: NDArray[np.float64], member: NDArray[np.intp]) -> NDArray[np.intp]:
    """Per row and family, the feature that contributed most in the family's own direction."""
    leading = np.empty(by_family.shape, dtype=np.intp)
    for place in range(by_family.shape[1]):
        columns = np.flatnonzero(member == place)
        signed = contributions[:, columns] * np.sign(by_family[:, [place]])
        leading[:, place] = columns[np.argmax(signed, axis=1)]
    return leading


class _Values:
    """The clients' own values, converted one column at a time and only when a reason names it."""

    def __init__(self, encoding: Encoding, table: pa.Table) -> None:
        self.encoding, self.table = encoding, table
        self.columns: dict[int, list[float | str | None]] = {}

    def of(self, row: int, feature: int) -> float | str | None:
        if feature not in self.columns:
            self.columns[feature] = self.table.column(self.encoding.features[feature].name).to_pylist()
        value = self.columns[feature][row]
        return None if value is None or value != value else value  # noqa: PLR0124  # NaN is the only value unlike itself
