"""How well propensities of several products, taken together, put first what clients then buy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Marks = NDArray[np.bool_]

CUTS = (1, 3, 7)
DRAWS = 200
INTERVAL = (2.5, 97.5)


def average_precision_at(score: Vector, bought: Marks, k: int) -> Vector:
    """Average precision of each client's first k products.

    Parameters
    ----------
    score
        Shape (clients, products), higher first; NaN where the client may not be offered the product. Equal scores keep the order of the products.
    bought
        Same shape: what the client then bought.
    k
        How many products are looked at.

    Returns
    -------
    numpy.ndarray
        Shape (clients,): the sum of the precision at each place that was bought, over the smaller of k and the number bought; NaN for who bought nothing.

    Examples
    --------
    >>> average_precision_at(np.array([[0.1, 0.5, 0.3]]), np.array([[True, False, True]]), 3).round(4).tolist()  # places 2 and 3: (1/2 + 2/3) / 2
    [0.5833]
    """
    hits = _in_order(score, bought)[:, :k]
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return _over((precision * hits).sum(axis=1), np.minimum(bought.sum(axis=1), k).astype(np.float64))


def gain_at(score: Vector, bought: Marks, k: int) -> Vector:
    """Normalised discounted cumulative gain of each client's first k products (Järvelin & Kekäläinen 2002), a purchase counting 1.

    Examples
    --------
    >>> gain_at(np.array([[0.1, 0.5, 0.3]]), np.array([[True, False, True]]), 3).round(4).tolist()  # (1/log2(3) + 1/log2(4)) / (1 + 1/log2(3))
    [0.6934]
    """
    discount = 1 / np.log2(np.arange(2, score.shape[1] + 2))
    found = (_in_order(score, bought) * discount)[:, :k].sum(axis=1)
    best = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(bought.sum(axis=1), k)]
    return _over(found, best)


def ranking_metrics(score: Vector, bought: Marks, *, clients: int, seed: int) -> dict[str, Any]:
    """MAP@k and NDCG@k over the clients who bought something, with bootstrap intervals.

    Parameters
    ----------
    score, bought
        Rows of the buyers, as for `average_precision_at`.
    clients
        Clients who were asked about, buyers or not: `map_all` counts those who bought nothing as zero, as public competitions do.
    seed
        Of the bootstrap over buyers.

    Returns
    -------
    dict
        `map`, `ndcg` by k as {value, low, high}; `map_all` by k; all empty without buyers. `Any`: JSON.
    """
    if not len(score):
        return {"map": {}, "ndcg": {}, "map_all": {}}
    drawn = np.random.default_rng(seed).integers(len(score), size=(DRAWS, len(score)))
    precision = {k: average_precision_at(score, bought, k) for k in CUTS}
    return {
        "map": {str(k): _interval(values, drawn) for k, values in precision.items()},
        "ndcg": {str(k): _interval(gain_at(score, bought, k), drawn) for k in CUTS},
        "map_all": {str(k): float(values.sum() / clients) for k, values in precision.items()},
    }


def _in_order(score: Vector, bought: Marks) -> Vector:
    """1 at each place of the client's order that was bought; products that may not be offered come last and count nothing."""
    order = np.argsort(np.where(np.isnan(score), np.inf, -score), axis=1, kind="stable")
    return np.take_along_axis(bought & ~np.isnan(score), order, axis=1).astype(np.float64)


def _over(part: Vector, whole: Vector) -> Vector:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Vector = np.where(whole > 0, part / whole, np.nan)
    return found


def _interval(values: Vector, drawn: NDArray[np.int64]) -> dict[str, float]:
    low, high = np.percentile(values[drawn].mean(axis=1), INTERVAL)
    return {"value": float(values.mean()), "low": float(low), "high": float(high)}
