"""Folds at random, for data without any time only."""

import numpy as np
from numpy.typing import NDArray


def stratified_folds(label: NDArray[np.int8], folds: int, seed: int, groups: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
    """Fold of each row, with positives shared out evenly; rows of one group (one client) never part.

    Examples
    --------
    >>> folds = stratified_folds(np.array([1, 0, 1, 0], dtype=np.int8), 2, seed=1)
    >>> int(folds[0] + folds[2]), int(folds[1] + folds[3])
    (1, 1)
    """
    rng = np.random.default_rng(seed)
    if groups is not None:
        group_of = np.unique(groups, return_inverse=True)[1]
        has_positive = np.bincount(group_of, weights=label) > 0
        return stratified_folds(has_positive.astype(np.int8), folds, seed)[group_of]
    fold = np.empty(len(label), dtype=np.intp)
    start = 0
    for outcome in (1, 0):
        rows = rng.permutation(np.flatnonzero(label == outcome))
        fold[rows] = (np.arange(len(rows)) + start) % folds
        start += len(rows)
    return fold
