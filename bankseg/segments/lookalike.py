"""Lookalikes: who resembles the clients of a seed segment, in bands of likeness that the seed itself sets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import InputError
from bankseg.segments.arrays import client_ids
from bankseg.segments.encoding import Encoding
from bankseg.segments.holdout import held_out

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_SEEDS = 50
# Others the seed is told from; more of them cost time and change nothing.
MOST_OTHERS = 50_000
FOLDS = 5
# Least similarity of each band: as like the seed as at least this part of the seed's own clients, each judged without itself.
BANDS: tuple[tuple[str, float], ...] = (("very_like", 0.50), ("like", 0.25), ("somewhat", 0.10), ("unlike", 0.0))


@dataclass(frozen=True, slots=True)
class Lookalikes:
    """Likeness of every client to the seed.

    `similarity` in [0, 1], shape (n,): the part of the seed's clients that look no more like the seed; 0.5 is as typical as the typical seed client. `band` names it.
    `auc`: how well likeness tells seed from others, on clients the estimate did not see; near 0.5 the seed is like everyone, and no list should be made of it.
    """

    similarity: Vector
    band: tuple[str, ...]
    auc: float
    seeds: int


def lookalikes(table: pa.Table, seed: Mask, attributes: Sequence[str], *, only_scored: Mask | None = None, random_seed: int = 0) -> Lookalikes:
    """Similarity of each client to the seed segment, by a logistic regression of the encoded attributes.

    Parameters
    ----------
    table
        One row a client, with `client_id`; shape (n,). Seed and others alike, for example clients and prospects over what is known of both.
    seed
        Whose likes are sought, shape (n,).
    attributes
        What likeness is measured by; take them from `inputs.usable`, so that no protected attribute is among them.
    only_scored
        Rows nothing is learned from, shape (n,): prospects are no example of a client unlike the seed.

    Raises
    ------
    MissingDataError
        When an attribute is not in the table.
    InputError
        When the seed has fewer than 50 clients, or everyone is in it.
    """
    if int(seed.sum()) < LEAST_SEEDS or seed.all():
        raise InputError(
            f"a seed of {int(seed.sum())} of {len(seed)} clients", f"{LEAST_SEEDS} or more, and others beside them", "take a larger seed, or a wider base"
        )
    matrix = Encoding.learn(table, attributes).encode(table)
    fold = _folds(client_ids(table))
    sample = _sample(seed, ~seed if only_scored is None else ~seed & ~only_scored, random_seed)
    scores = np.empty(len(seed))
    for part in range(FOLDS):  # each client is judged by an estimate that did not see it, so that seeds and others are on one scale
        scores[fold == part] = _scores(matrix, seed, sample & (fold != part), fold == part)
    reference = np.sort(scores[seed])
    similarity = np.searchsorted(reference, scores, side="right") / len(reference)
    return Lookalikes(similarity, tuple(band_of(value) for value in similarity), _auc(scores[sample], seed[sample]), int(seed.sum()))


def band_of(similarity: float) -> str:
    """Band of a similarity.

    >>> [band_of(value) for value in (0.9, 0.5, 0.25, 0.1, 0.05)]
    ['very_like', 'very_like', 'like', 'somewhat', 'unlike']
    """
    return next(code for code, least in BANDS if similarity >= least)


def _folds(clients: Sequence[str]) -> NDArray[np.intp]:
    """Part of each client by its identifier, so that the same table in another order gives the same bands."""
    part: NDArray[np.intp] = np.sum([held_out(clients, (bound + 1) / FOLDS, "lookalike") for bound in range(FOLDS - 1)], axis=0, dtype=np.intp)
    return part


def _sample(seed: Mask, others_of: Mask, random_seed: int) -> Mask:
    others = np.flatnonzero(others_of)
    if len(others) > MOST_OTHERS:
        others = np.random.default_rng(random_seed).choice(others, MOST_OTHERS, replace=False)
    chosen = seed.copy()
    chosen[others] = True
    return chosen


def _scores(matrix: NDArray[np.float64], seed: Mask, rows: Mask, wanted: Mask) -> Vector:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(class_weight="balanced", max_iter=500).fit(matrix[rows], seed[rows])
    found: Vector = model.decision_function(matrix[wanted]) if wanted.any() else np.empty(0)
    return found


def _auc(scores: Vector, seed: Mask) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(seed, scores))
