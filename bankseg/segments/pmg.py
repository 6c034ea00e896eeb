"""Small, medium and large clients (petit, moyen, gros) by the Lorenz curve of their contribution, with cut-offs a person moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bankseg.domain.errors import InputError

Amounts = NDArray[np.int64]
Class = Literal["large", "medium", "small"]

CODES: tuple[Class, ...] = ("large", "medium", "small")
LARGE_SHARE, MEDIUM_SHARE = 0.50, 0.80
POINTS = 101


@dataclass(frozen=True, slots=True)
class Curve:
    """Cumulated share of positive contribution held by the first shares of clients, largest first; `gini` of the positive contributions over all clients, in [0, 1]."""

    clients: tuple[float, ...]
    value: tuple[float, ...]
    gini: float


@dataclass(frozen=True, slots=True)
class Band:
    """One class: its clients, their contribution in minor units, both as shares (of positive contribution), and the least contribution in it (null: nobody)."""

    code: Class
    clients: int
    value_minor: int
    client_share: float
    value_share: float
    least_minor: int | None


@dataclass(frozen=True, slots=True)
class Pmg:
    """The classes of one kind of client and its curve; `unknown` counts clients without a known contribution, who have no class."""

    kind: str
    bands: tuple[Band, ...]
    curve: Curve
    unknown: int


def classes(value_minor: Amounts, *, large: float = LARGE_SHARE, medium: float = MEDIUM_SHARE) -> NDArray[np.str_]:
    """Class of each client: large the fewest clients who together reach the first share of positive contribution, medium the next up to the second, small all others.

    Equal contributions at a cut are taken in the order given; give clients in the order of their identifier.

    Parameters
    ----------
    value_minor
        Contribution in minor units, shape (n,), exact.
    large, medium
        Shares, 0 <= large <= medium <= 1.

    Raises
    ------
    InputError
        When the shares are no ascending shares.

    Examples
    --------
    >>> classes(np.array([50, 30, 15, 5, 0, -20])).tolist()
    ['large', 'medium', 'small', 'small', 'small', 'small']
    """
    if not 0 <= large <= medium <= 1:
        raise InputError(f"cut-offs {large} and {medium}", "shares between 0 and 1, the first not above the second")
    order = np.argsort(-value_minor, kind="stable")
    gained = np.cumsum(np.maximum(value_minor[order], 0))
    total = gained[-1] if len(gained) else 0
    found = np.full(len(value_minor), "small", dtype="<U6")
    # The fewest whose sum reaches the share: as many as have a sum below it, and one more.
    ends = [int(np.searchsorted(gained, share * total, side="left")) + 1 if share > 0 < total else 0 for share in (large, medium)]
    found[order[: ends[1]]] = "medium"
    found[order[: ends[0]]] = "large"
    return found


def lorenz(value_minor: Amounts, points: int = POINTS) -> Curve:
    """The curve at evenly spaced shares of clients; without positive contribution the share held is that of the clients.

    Examples
    --------
    >>> curve = lorenz(np.array([80, 20]), points=3)
    >>> curve.clients, curve.value, round(curve.gini, 3)
    ((0.0, 0.5, 1.0), (0.0, 0.8, 1.0), 0.3)
    """
    positive = np.sort(np.maximum(value_minor, 0))[::-1]
    shares = np.linspace(0, 1, points)
    total = int(positive.sum())
    if not total:
        return Curve(tuple(shares.tolist()), tuple(shares.tolist()), 0.0)
    held = np.concatenate([[0.0], np.cumsum(positive) / total])
    places = np.linspace(0, 1, len(held))
    area = float(((held[1:] + held[:-1]) / 2).sum() / len(positive))
    return Curve(tuple(shares.tolist()), tuple(float(point) for point in np.interp(shares, places, held)), 2 * area - 1)


def pmg(
    value_minor: NDArray[np.float64],
    kinds: Sequence[str],
    *,
    large: float = LARGE_SHARE,
    medium: float = MEDIUM_SHARE,
    visible: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.object_], list[Pmg]]:
    """Class of each client within its kind (individuals apart from firms), and what each kind's classes hold.

    Parameters
    ----------
    value_minor
        Contribution in minor units, NaN where not known, shape (n,).
    kinds
        Kind of each client, length n.
    visible
        Whose classes and curve are told, shape (n,); the classes themselves are cut on all clients. None: everybody.

    Returns
    -------
    tuple
        Classes, shape (n,), null where the contribution is not known; and one entry a kind, by name.
    """
    kind_of = np.asarray(kinds, dtype=object)
    found: NDArray[np.object_] = np.full(len(value_minor), None, dtype=object)
    told = []
    for kind in sorted({str(kind) for kind in kinds}):
        of_kind = kind_of == kind
        rows = np.flatnonzero(of_kind & ~np.isnan(value_minor))
        amounts = np.round(value_minor[rows]).astype(np.int64)
        found[rows] = classes(amounts, large=large, medium=medium)
        seen = np.ones(len(rows), dtype=np.bool_) if visible is None else visible[rows]
        in_sight = int(of_kind.sum() if visible is None else (of_kind & visible).sum())
        told.append(Pmg(kind, _bands(amounts[seen], found[rows][seen]), lorenz(amounts[seen]), in_sight - int(seen.sum())))
    return found, told


def _bands(amounts: Amounts, found: NDArray[np.object_]) -> tuple[Band, ...]:
    total = int(np.maximum(amounts, 0).sum())
    bands = []
    for code in CODES:
        inside = amounts[found == code]
        positive = int(np.maximum(inside, 0).sum())
        bands.append(
            Band(
                code,
                len(inside),
                int(inside.sum()),
                len(inside) / max(len(amounts), 1),
                positive / total if total else 0.0,
                int(inside.min()) if len(inside) else None,
            )
        )
    return tuple(bands)
