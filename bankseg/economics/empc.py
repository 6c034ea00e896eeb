"""Expected maximum profit of a churn campaign (EMPC), and the probability from which contacting a client pays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Vector = NDArray[np.float64]

# Defaults of Verbraken, Verbeke & Baesens 2013 (IEEE TKDE 25(5), 961-973).
CLV, OFFER, CONTACT = 200.0, 10.0, 1.0
ACCEPTANCE = (6.0, 14.0)
GRID_POINTS = 20_001


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
    tp, fp = _hull(*_cuts(np.asarray(label), np.asarray(score)))
    grid = np.linspace(0.0, 1.0, GRID_POINTS)
    profit = np.outer(grid * (clv - offer) - contact, tp) - (offer + contact) * fp
    best = profit.argmax(axis=1)
    density = beta.pdf(grid, *acceptance)
    weight = np.trapezoid(density, grid)
    return Empc(
        float(np.trapezoid(profit[np.arange(GRID_POINTS), best] * density, grid) / weight),
        float(np.trapezoid((tp + fp)[best] * density, grid) / weight),
    )


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
