"""Expected maximum profit of a churn campaign (EMPC), and the probability from which contacting a client pays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

# Defaults of Verbraken, Verbeke & Baesens 2013 (IEEE TKDE 25(5), 961-973).
CLV, OFFER, CONTACT = 200.0, 10.0, 1.0
ACCEPTANCE = (6.0, 14.0)
GRID_POINTS = 20_001
# Resamples are compared with each other on the same grid, so a coarse one tells their spread.
DRAW_GRID_POINTS = 101


@dataclass(frozen=True, slots=True)
class Empc:
    """Expected maximum profit per client in currency, and the share of clients whose contact earns it, in [0, 1]."""

    profit: float
    contact_fraction: float


def empc(
    label: NDArray[Any], score: Vector, *, clv: float = CLV, offer: float = OFFER, contact: float = CONTACT, acceptance: tuple[float, float] = ACCEPTANCE
) -> Empc:
    """Profit of contacting the best share of clients, averaged over the unknown acceptance rate of the offer.

    For acceptance g ~ Beta(acceptance), contacting everyone above a cut earns `(g (clv - offer) - contact) tp - (offer + contact) fp` per client,
    with tp and fp as shares of all clients; the best cut is taken for each g and the result integrated by trapezoid on 20,001 points.

    Parameters
    ----------
    label
        1 = left, shape (n,). `Any`: any integer type.
    score
        Higher = likelier to leave, shape (n,); only the order and ties matter.
    clv, offer, contact
        Value of a kept client, cost of an accepted offer, cost of a contact; currency.
    acceptance
        Parameters of the Beta distribution of the acceptance rate.

    Examples
    --------
    >>> found = empc(np.array([0, 1, 0, 1, 0, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9]))
    >>> round(found.profit, 7), round(found.contact_fraction, 5)
    (23.8755934, 0.87437)
    """
    tp, fp = _hull(*_corners(*_cuts(np.asarray(label), np.asarray(score))))
    grid, weight = _acceptances(acceptance, GRID_POINTS)
    profit = np.outer(grid * (clv - offer) - contact, tp) - (offer + contact) * fp
    best = profit.argmax(axis=1)
    return Empc(float(weight @ profit[np.arange(GRID_POINTS), best]), float(weight @ (tp + fp)[best]))


def empc_of_draws(
    tp: Vector, fp: Vector, *, clv: float = CLV, offer: float = OFFER, contact: float = CONTACT, acceptance: tuple[float, float] = ACCEPTANCE
) -> Vector:
    """Profit and contact fraction of many resamples at once, for intervals.

    Parameters
    ----------
    tp, fp
        True and false positives at each cut as shares of all clients, shape (draws, cuts), the empty cut among them.

    Returns
    -------
    numpy.ndarray
        Shape (draws, 2): profit per client, contact fraction.

    Examples
    --------
    >>> empc_of_draws(np.array([[0.0, 0.5, 0.5]]), np.array([[0.0, 0.0, 0.5]])).round(2).tolist()  # half the clients leave, ranked perfectly
    [[28.0, 0.5]]
    """
    grid, weight = _acceptances(acceptance, DRAW_GRID_POINTS)
    gain, cost = (grid * (clv - offer) - contact)[:, None], offer + contact
    out = np.empty((len(tp), 2))
    for draw, (hits, misses) in enumerate(zip(tp, fp, strict=True)):
        hull_tp, hull_fp = _corners(hits, misses)
        profit = gain * hull_tp - cost * hull_fp
        best = profit.argmax(axis=1)
        out[draw] = weight @ profit[np.arange(len(grid)), best], weight @ (hull_tp + hull_fp)[best]
    return out


def contact_threshold(*, clv: Any, offer: float = OFFER, contact: float = CONTACT, acceptance_rate: float = 0.3) -> Any:
    """Least probability of leaving from which a contact pays: (offer + contact) / (rate (clv - offer) + offer). `Any`: a number or an array of client values.

    Examples
    --------
    >>> round(contact_threshold(clv=200), 3), round(contact_threshold(clv=1500, offer=50, contact=8), 3)
    (0.164, 0.12)
    """
    return (offer + contact) / (acceptance_rate * (clv - offer) + offer)


def _cuts(label: NDArray[Any], score: NDArray[Any]) -> tuple[Vector, Vector]:
    """Shares of true and false positives at each distinct score, the empty cut first."""
    order = np.argsort(-score, kind="stable")
    last_of_score = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits = np.cumsum(label[order] == 1)[last_of_score]
    seen = last_of_score + 1
    return np.concatenate([[0.0], hits / len(label)]), np.concatenate([[0.0], (seen - hits) / len(label)])


def _acceptances(acceptance: tuple[float, float], points: int) -> tuple[Vector, Vector]:
    """Grid of acceptance rates, and the trapezoid weight of each under the Beta density."""
    grid = np.linspace(0.0, 1.0, points)
    density = grid ** (acceptance[0] - 1) * (1 - grid) ** (acceptance[1] - 1)
    density[[0, -1]] /= 2
    return grid, density / density.sum()


def _corners(tp: Vector, fp: Vector) -> tuple[Vector, Vector]:
    """The cuts where the curve bends downwards, with both ends: only they can lie on its upper hull."""
    moves = np.diff(tp + fp, prepend=-1.0) > 0
    tp, fp = tp[moves], fp[moves]
    bends = np.diff(tp[:-1]) * np.diff(fp[1:]) > np.diff(tp[1:]) * np.diff(fp[:-1])
    kept = np.concatenate([[True], bends, [True]])[: len(tp)]
    return tp[kept], fp[kept]


def _hull(tp: Vector, fp: Vector) -> tuple[Vector, Vector]:
    """Upper convex hull of the cuts: profit is linear in (tp, fp), so the best cut is always on it."""
    kept: list[int] = []
    for place in range(len(tp)):
        while len(kept) > 1 and _is_below(tp, fp, kept[-2], kept[-1], place):
            kept.pop()
        kept.append(place)
    return tp[kept], fp[kept]


def _is_below(tp: Vector, fp: Vector, first: int, middle: int, last: int) -> bool:
    rise = (tp[middle] - tp[first]) * (fp[last] - fp[first])
    return bool(rise <= (tp[last] - tp[first]) * (fp[middle] - fp[first]))
