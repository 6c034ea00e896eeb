"""How far clusters and segments can be believed: bootstrap agreement, shape, and the bands that put both in words."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]
# Fits on rows with a seed and returns the label of any rows.
Fit = Callable[[Matrix, int], Callable[[Matrix], Labels]]

DRAWS = 100
VALID_JACCARD = 0.75
STABLE_ARI = 0.80
SILHOUETTE_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Band:
    """A verdict on a figure: its code and its words."""

    code: str
    en: str
    fr: str


@dataclass(frozen=True, slots=True)
class Stability:
    """Mean over the bootstrap draws: `jaccard` of each cluster, shape (k,), and the adjusted Rand index of the whole partition; each in [0, 1] or about."""

    jaccard: tuple[float, ...]
    rand: float
    draws: int


# Hennig 2007 and the help of fpc's clusterboot: least Jaccard of each band, highest first.
_JACCARD = (
    (0.85, True, Band("highly_stable", "highly stable", "très stable")),
    (VALID_JACCARD, True, Band("valid", "valid, stable", "valide, stable")),
    (0.60, True, Band("pattern", "a pattern only: do not count on who is in it", "une tendance seulement : ne pas se fier à sa composition")),
    (0.50, False, Band("doubtful", "not to be trusted", "peu fiable")),
    (-1.0, False, Band("dissolved", "dissolved: it does not come back in other samples", "dissous : il ne réapparaît pas dans d'autres échantillons")),
)
_RAND = (
    (STABLE_ARI, True, Band("stable", "stable", "stable")),
    (0.60, True, Band("watch", "to be watched", "à surveiller")),
    (-1.0, False, Band("unstable", "unstable", "instable")),
)
# Kaufman & Rousseeuw 1990.
_SILHOUETTE = (
    (0.70, False, Band("strong", "strong structure", "structure forte")),
    (0.50, False, Band("reasonable", "reasonable structure", "structure raisonnable")),
    (0.25, False, Band("weak", "weak structure, perhaps artificial", "structure faible, peut-être artificielle")),
    (-1.0, True, Band("none", "no substantial structure", "pas de structure notable")),
)


def jaccard_band(value: float) -> Band:
    """Band of a cluster's bootstrap Jaccard, or of a segment's from month to month.

    >>> jaccard_band(0.75).code, jaccard_band(0.5).code
    ('valid', 'dissolved')
    """
    return _band(value, _JACCARD)


def rand_band(value: float) -> Band:
    """Band of an adjusted Rand index.

    >>> rand_band(0.8).code, rand_band(0.6).code
    ('stable', 'watch')
    """
    return _band(value, _RAND)


def silhouette_band(value: float) -> Band:
    """Band of a mean silhouette.

    >>> silhouette_band(0.51).code, silhouette_band(0.25).code
    ('reasonable', 'none')
    """
    return _band(value, _SILHOUETTE)


def davies_bouldin_band(value: float) -> Band:
    """Band of a Davies-Bouldin index: below 1 the clusters are further apart than they are wide.

    >>> davies_bouldin_band(0.8).code
    'good'
    """
    return Band("good", "well apart", "bien séparés") if value < 1 else Band("overlapping", "overlapping", "qui se recouvrent")


def jaccard(one: Collection[str], other: Collection[str]) -> float:
    """Members in both over members in either; two empty sets are the same set.

    >>> jaccard({"a", "b"}, {"b", "c"})
    0.3333333333333333
    """
    first, second = set(one), set(other)
    return len(first & second) / len(first | second) if first | second else 1.0


def matched_jaccard(reference: NDArray[Any], other: NDArray[Any], clusters: int) -> Matrix:
    """Best Jaccard of each reference cluster 0..clusters-1 with any cluster of another partition of the same rows; NaN for a cluster without rows here.

    `Any`: labels of any integer type; negative labels belong to no cluster.

    Examples
    --------
    >>> matched_jaccard(np.array([0, 0, 1, 1]), np.array([1, 1, 1, 0]), 2).round(3).tolist()
    [0.667, 0.5]
    """
    size = max(clusters, int(other.max(initial=-1)) + 1, int(reference.max(initial=-1)) + 1)
    both = (reference >= 0) & (other >= 0)
    together = np.bincount(reference[both] * size + other[both], minlength=size * size).reshape(size, size).astype(np.float64)
    rows = np.bincount(reference[reference >= 0], minlength=size)[:, None]
    columns = np.bincount(other[other >= 0], minlength=size)[None, :]
    best = (together / np.maximum(rows + columns - together, 1)).max(axis=1)
    return np.where(rows[:, 0] > 0, best, np.nan)[:clusters]


def bootstrap_stability(matrix: Matrix, reference: Labels, fit: Fit, *, draws: int = DRAWS, seed: int = 0) -> Stability:
    """Agreement of a clustering with those of resampled rows, on the rows drawn (Hennig 2007).

    Parameters
    ----------
    matrix
        Shape (n, columns).
    reference
        Labels 0..k-1 of the clustering on trial, -1 for noise, shape (n,).
    fit
        The method on trial.

    Returns
    -------
    Stability
        A cluster no draw held counts as 0.
    """
    from sklearn.metrics import adjusted_rand_score

    clusters = int(reference.max()) + 1
    rng = np.random.default_rng(seed)
    matched, rands = np.empty((draws, clusters)), np.empty(draws)
    for draw in range(draws):
        rows = rng.integers(0, len(matrix), len(matrix))
        seen = np.unique(rows)
        labels = fit(matrix[rows], int(rng.integers(2**31)))(matrix[seen])
        matched[draw] = matched_jaccard(reference[seen], labels, clusters)
        rands[draw] = adjusted_rand_score(reference[seen], labels)
    met = ~np.isnan(matched)
    means = np.where(met, matched, 0.0).sum(axis=0) / np.maximum(met.sum(axis=0), 1)
    return Stability(tuple(float(value) for value in means), float(rands.mean()), draws)


def silhouette(matrix: Matrix, labels: Labels, *, seed: int = 0) -> float:
    """Mean silhouette of at most 10,000 rows outside noise, in [-1, 1]; NaN with fewer than two clusters."""
    from sklearn.metrics import silhouette_score

    rows = np.flatnonzero(labels >= 0)
    if len(rows) > SILHOUETTE_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, SILHOUETTE_ROWS, replace=False))
    kinds = len(np.unique(labels[rows]))
    return float(silhouette_score(matrix[rows], labels[rows])) if 1 < kinds < len(rows) else float("nan")


def davies_bouldin(matrix: Matrix, labels: Labels) -> float:
    """Davies-Bouldin index of the rows outside noise, lower better; NaN with fewer than two clusters."""
    from sklearn.metrics import davies_bouldin_score

    rows = labels >= 0
    kinds = len(np.unique(labels[rows]))
    return float(davies_bouldin_score(matrix[rows], labels[rows])) if 1 < kinds < int(rows.sum()) else float("nan")


def _band(value: float, bands: tuple[tuple[float, bool, Band], ...]) -> Band:
    """First band whose bound the value reaches (or, where the bound itself is out, passes)."""
    for bound, is_inclusive, band in bands:
        if value > bound or (is_inclusive and value == bound):
            return band
    return bands[-1][2]
