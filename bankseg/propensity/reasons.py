"""Reasons of a propensity: TreeSHAP on the log-odds summed by family, kept only where moving the family to what is usual moves the score as told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.reasons import reason_family
from bankseg.propensity.dataset import Encoding

Matrix = NDArray[np.float32]
Vector = NDArray[np.float64]

# A family below this share of all that moved the score is not a reason (definitions 6).
LEAST_SHARE = 0.05
# Families tried for each client before fewer reasons than wished for are told.
MOST_TRIED = 8


@dataclass(frozen=True, slots=True)
class Reason:
    """One family's part in one client's propensity.

    Parameters
    ----------
    family
        Reason family, the one that speaks for the feature families of the catalogue (`domain.reasons`).
    direction
        `+` raises the propensity, `-` lowers it. Never "because": it explains the model, not the world.
    share
        The family's absolute contribution over that of all families, in [0, 1].
    feature
        The feature of the family that moved the score most in that direction and differs from what is usual.
    value
        The client's own value of it; None when unknown.
    peer
        What is usual among clients of the same kind and age; None when most of them have none.
    is_compared
        Whether the model knows what is usual; models of before do not, and their reasons are told without peers.
    """

    family: str
    direction: Literal["+", "-"]
    share: float
    feature: str
    value: float | str | None
    peer: float | str | None = None
    is_compared: bool = False


@dataclass(frozen=True, slots=True)
class Explained:
    """Rows to give reasons for.

    Parameters
    ----------
    table
        The rows, for the clients' own values.
    x
        The same rows as the booster reads them, shape (n, features).
    raw
        Their log-odds, shape (n,).
    contributions
        TreeSHAP, log-odds, shape (n, features); a row's sum and the base value is its log-odds.
    peers
        What is usual among each row's peers, shape (n, features); None when the model does not know it.
    """

    table: pa.Table
    x: Matrix
    raw: Vector
    contributions: Vector
    peers: Matrix | None


def family_order(encoding: Encoding) -> tuple[str, ...]:
    """Reason families in the order of their first feature; ties between reasons are broken by it."""
    return tuple(dict.fromkeys(reason_family(feature.family) for feature in encoding.features))


def reasons_of(encoding: Encoding, rows: Explained, top: int, score: Callable[[Matrix], Vector]) -> list[list[Reason]]:
    """At most `top` reasons per row: families that raise the propensity, strongest first, then those that lower it.

    A family is a reason when its part is 5 % or more of all and, where peers are known, when moving its features, and nothing else, to what is usual among
    peers lowers the score of a raising family and raises that of a lowering one.

    Parameters
    ----------
    top
        Most reasons per client.
    score
        Log-odds of rows as the booster reads them.
    """
    families = family_order(encoding)
    member = np.array([families.index(reason_family(feature.family)) for feature in encoding.features])
    by_family = np.stack([rows.contributions[:, member == place].sum(axis=1) for place in range(len(families))], axis=1)
    share = np.abs(by_family) / np.maximum(np.abs(by_family).sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    # Raising families by falling contribution, then lowering ones by rising contribution; a stable sort keeps family order on ties.
    rank = np.where(by_family > 0, -by_family, 1e9 - np.abs(by_family))
    order = np.argsort(np.where(share >= LEAST_SHARE, rank, np.inf), axis=1, kind="stable")
    named = _named(rows, order, share, by_family, member, top, score)
    leading = _leading_features(rows, by_family, member)
    values = _Values(encoding, rows.table)
    found: list[list[Reason]] = [[] for _ in range(len(by_family))]
    for row, place in zip(*(axis.tolist() for axis in np.nonzero(named)), strict=True):
        family = int(order[row, place])
        feature = int(leading[row, family])
        peer = _told(encoding, feature, rows.peers[row, feature]) if rows.peers is not None else None
        found[row].append(
            Reason(
                families[family],
                "+" if by_family[row, family] > 0 else "-",
                float(share[row, family]),
                encoding.features[feature].name,
                values.of(row, feature),
                peer,
                rows.peers is not None,
            )
        )
    return found


def _named(
    rows: Explained, order: NDArray[np.intp], share: Vector, by_family: Vector, member: NDArray[np.intp], top: int, score: Callable[[Matrix], Vector]
) -> NDArray[np.bool_]:
    """Which places of each row's order are reasons, shape of `order`: the first `top` that hold when tried."""
    named = np.zeros(order.shape, dtype=bool)
    for place in range(min(MOST_TRIED, order.shape[1])):
        family = order[:, place]
        asked = np.flatnonzero((named.sum(axis=1) < top) & (np.take_along_axis(share, family[:, None], axis=1)[:, 0] >= LEAST_SHARE))
        if rows.peers is None:
            named[asked, place] = True
        elif len(asked):
            moved = np.where(member[None, :] == family[asked, None], rows.peers[asked], rows.x[asked])
            change = score(moved) - rows.raw[asked]
            named[asked, place] = change * by_family[asked, family[asked]] < 0
    return named


def _leading_features(rows: Explained, by_family: Vector, member: NDArray[np.intp]) -> NDArray[np.intp]:
    """Per row and family, the feature that contributed most in the family's own direction, before others one that differs from what is usual."""
    weight = rows.contributions
    if rows.peers is not None:
        is_usual = (rows.x == rows.peers) | (np.isnan(rows.x) & np.isnan(rows.peers))
        # A usual value is named only when the whole family is usual: its weight is put below any other's, whichever the direction.
        weight = np.where(is_usual, np.nan, weight)
    leading = np.empty(by_family.shape, dtype=np.intp)
    for place in range(by_family.shape[1]):
        columns = np.flatnonzero(member == place)
        signed = weight[:, columns] * np.sign(by_family[:, [place]])
        leading[:, place] = columns[np.argmax(np.where(np.isnan(signed), -np.inf, signed), axis=1)]
    return leading


def _told(encoding: Encoding, place: int, value: np.float32) -> float | str | None:
    """A value of the booster's matrix as the table holds it."""
    if np.isnan(value):
        return None
    feature = encoding.features[place]
    return encoding.levels[feature.name][int(value)] if feature.type == "category" else _short(float(value))


def _short(value: float) -> float:
    """A float32 widened to float64 drags digits that nobody measured."""
    return float(f"{value:.7g}")


class _Values:
    """The clients' own values, converted one column at a time and only when a reason names it."""

    def __init__(self, encoding: Encoding, table: pa.Table) -> None:
        self.encoding, self.table = encoding, table
        self.columns: dict[int, list[Any]] = {}

    def of(self, row: int, feature: int) -> float | str | None:
        if feature not in self.columns:
            self.columns[feature] = self.table.column(self.encoding.features[feature].name).to_pylist()
        value: float | str | None = self.columns[feature][row]
        return None if value is None or value != value else value  # noqa: PLR0124  # NaN is the only value unlike itself
