"""Value bands of the chain: each tier in parts, so that a client near a tier's edge is not taken for its middle."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

# Shares of clients from the top within their kind; 5, 20 and 50 % are the edges of platinum, gold and silver (definitions 2).
SHARES = (0.01, 0.05, 0.12, 0.20, 0.35, 0.50, 0.62, 0.75)
# And two edges that are amounts: 0, and the middle of those who cost more than they bring.
BANDS: tuple[str, ...] = tuple(f"band {number}" for number in range(1, len(SHARES) + 4))


def band_cuts(monthly: Array, kinds: Sequence[str]) -> dict[str, Array]:
    """Least monthly contribution of each band but the last, highest first, by kind of client; learned once on a reference date and then kept.

    Parameters
    ----------
    monthly
        Contribution a month, NaN where not known, shape (n,).
    kinds
        Kind of each client, length n.

    Examples
    --------
    >>> cuts = band_cuts(np.arange(-20.0, 80.0), ["individual"] * 100)
    >>> cuts["individual"][[0, -2, -1]].round(1).tolist()
    [78.0, 0.0, -10.5]
    """
    kind_of = np.asarray(kinds, dtype=object)
    found = {}
    for kind in sorted(set(kinds)):
        known = monthly[(kind_of == kind) & ~np.isnan(monthly)]
        if not len(known):
            continue
        negative = known[known < 0]
        amounts = [0.0, float(np.median(negative)) if len(negative) else 0.0]
        found[kind] = np.sort(np.append(np.quantile(known, 1 - np.array(SHARES)), amounts))[::-1]
    return found


def bands(monthly: Array, kinds: Sequence[str], cuts: Mapping[str, Array]) -> Codes:
    """Band of each client as a place in `BANDS`, 0 the highest; -1 without a known contribution, or of a kind the reference had nobody of.

    Examples
    --------
    >>> bands(np.array([79.0, 5.0, -15.0, np.nan]), ["x"] * 4, {"x": np.array([70.0, 60, 50, 40, 30, 20, 10, 2, 0, -10])}).tolist()
    [0, 7, 10, -1]
    """
    kind_of = np.asarray(kinds, dtype=object)
    found = np.full(len(monthly), -1, dtype=np.int64)
    for kind, edges in cuts.items():
        rows = (kind_of == kind) & ~np.isnan(monthly)
        found[rows] = np.searchsorted(-edges, -monthly[rows], side="left")
    return found
