"""Venn-Abers calibration: isotonic regression asked twice at every score, once for each answer the next client could give."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

# Groups of neighbouring scores that are asked: two regressions each.
KNOTS = 60


def venn_abers_curve(raw: Vector, label: NDArray[np.int8]) -> tuple[Vector, Vector]:
    """Knots of log-odds and the probability at each.

    At a knot, p0 and p1 are the isotonic probabilities when one more client with this score did not, or did, have the outcome; they bracket the truth
    (Vovk & Petej 2014), and p1 / (1 - p0 + p1) is the one probability that loses least under log loss whichever is right.

    Parameters
    ----------
    raw
        Log-odds, shape (n,), of rows no tree was grown on.
    label
        0 or 1, shape (n,).

    Returns
    -------
    tuple
        Rising log-odds and never falling probabilities in (0, 1), at most 60 each.

    Examples
    --------
    >>> x, y = venn_abers_curve(np.array([-1.0, -1.0, 1.0, 1.0]), np.array([0, 0, 1, 1], dtype=np.int8))
    >>> x.tolist(), y.round(3).tolist()  # p0, p1 are 0 and 1/3 at -1, and 2/3 and 1 at 1
    ([-1.0, 1.0], [0.25, 0.75])
    """
    from scipy.optimize import isotonic_regression  # costs 0.3 s and is rarely used

    centre, hits, rows = _groups(raw, label)
    rate, weight, probability = hits / rows, rows.copy(), np.empty(len(centre))
    for place in range(len(centre)):
        weight[place] += 1
        rate[place] = hits[place] / weight[place]
        p0 = float(isotonic_regression(rate, weights=weight).x[place])
        rate[place] = (hits[place] + 1) / weight[place]
        p1 = float(isotonic_regression(rate, weights=weight).x[place])
        rate[place], weight[place] = hits[place] / rows[place], rows[place]
        probability[place] = p1 / (1 - p0 + p1)
    return centre, np.maximum.accumulate(probability)


def _groups(raw: Vector, label: NDArray[np.int8]) -> tuple[Vector, Vector, Vector]:
    """Mean score, outcomes and rows of at most KNOTS groups of equal count; equal scores stay together."""
    order = np.argsort(raw, kind="stable")
    raw, outcome = raw[order], label[order].astype(np.float64)
    starts = np.flatnonzero(np.concatenate([[True], np.diff(raw) > 0]))
    if len(starts) > KNOTS:
        starts = np.unique(starts[np.searchsorted(starts, np.arange(KNOTS) * len(raw) // KNOTS, side="right") - 1])
    size = np.diff(np.append(starts, len(raw))).astype(np.float64)
    return np.add.reduceat(raw, starts) / size, np.add.reduceat(outcome, starts), size
