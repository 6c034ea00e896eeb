"""Bottom-up segmentation: clusters of like clients, their number chosen by stability, each with a card that says what sets it apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import InputError
from bankseg.segments.profile import sentence, strongest, traits
from bankseg.segments.stability import (
    DRAWS,
    STABLE_ARI,
    VALID_JACCARD,
    Band,
    Fit,
    Stability,
    bootstrap_stability,
    davies_bouldin,
    davies_bouldin_band,
    jaccard_band,
    rand_band,
    silhouette,
    silhouette_band,
)

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]
Predict = Callable[[Matrix], Labels]

# Above this many rows k-means runs on mini-batches (Sculley 2010).
WHOLE_ROWS = 20_000
BATCH_ROWS = 4_096
STARTS = 4
# Density clustering compares neighbours, so it sees a sample and the others follow their nearest neighbour in it.
DENSITY_ROWS = 10_000
LEAST_CLUSTER_SHARE = 0.02
NUMBERS_OF_CLUSTERS = (2, 3, 4, 5, 6, 7, 8)
CHOICE_ROWS = 5_000
CHOICE_DRAWS = 20
SHAPE_ROWS = 100_000
# Threads that wait for each other on a busy machine make k-means five times slower, and sum in another order each time.
ONE_THREAD = 1


@dataclass(frozen=True, slots=True)
class Clustering:
    """Label of each row, 0 the largest cluster, -1 noise, and the function that labels other rows."""

    labels: Labels
    predict: Predict

    @property
    def clusters(self) -> int:
        """Number of clusters, noise not counted."""
        return int(self.labels.max(initial=-1)) + 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number of clusters on trial, with its figures; `is_stable` when each cluster is valid (Jaccard >= 0.75) and the whole is stable (ARI >= 0.80)."""

    k: int
    stability: Stability
    silhouette: float
    davies_bouldin: float

    @property
    def is_stable(self) -> bool:
        """Whether clusters and partition come back in other samples."""
        return min(self.stability.jaccard) >= VALID_JACCARD and self.stability.rand >= STABLE_ARI

    def told(self) -> dict[str, Any]:
        """Figures and their bands as JSON (hence `Any`)."""
        figures = {
            "rand": (self.stability.rand, rand_band),
            "silhouette": (self.silhouette, silhouette_band),
            "davies_bouldin": (self.davies_bouldin, davies_bouldin_band),
        }
        banded = {name: _banded(value, band(value)) for name, (value, band) in figures.items()}
        return {"k": self.k, "is_stable": self.is_stable, "jaccard": [_banded(value, jaccard_band(value)) for value in self.stability.jaccard], **banded}


def k_means(matrix: Matrix, k: int, *, seed: int = 0) -> Clustering:
    """So many clusters around means; on mini-batches beyond 20,000 rows.

    Raises
    ------
    InputError
        When there are fewer distinct rows than clusters.
    """
    distinct = len(np.unique(matrix, axis=0)) if len(matrix) <= WHOLE_ROWS else k
    if not 1 <= k <= distinct:
        raise InputError(f"{k} clusters of {distinct} different clients", "at least as many different clients as clusters", "ask for fewer clusters")
    predict = k_means_fit(k)(matrix, seed)
    return _by_size(predict(matrix), predict)


def density(matrix: Matrix, *, least_share: float = LEAST_CLUSTER_SHARE, seed: int = 0) -> Clustering:
    """Clusters of any shape where clients are dense (HDBSCAN, Campello et al. 2015); -1 for clients in between.

    Of more than 10,000 rows a sample is clustered and every row follows its nearest neighbour in it.

    Parameters
    ----------
    least_share
        Part of the rows a cluster must hold, in (0, 1).
    """
    from sklearn.cluster import HDBSCAN
    from sklearn.neighbors import KNeighborsClassifier

    rows = np.arange(len(matrix))
    if len(matrix) > DENSITY_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, DENSITY_ROWS, replace=False))
    found = HDBSCAN(min_cluster_size=max(2, round(least_share * len(rows))), copy=True).fit_predict(matrix[rows])
    nearest = KNeighborsClassifier(n_neighbors=1).fit(matrix[rows], found)

    def predict(others: Matrix) -> Labels:
        return np.asarray(nearest.predict(others), dtype=np.int64)

    return _by_size(found.astype(np.int64) if len(rows) == len(matrix) else predict(matrix), predict)


def candidates(matrix: Matrix, *, numbers: Sequence[int] = NUMBERS_OF_CLUSTERS, draws: int = CHOICE_DRAWS, seed: int = 0) -> list[Candidate]:
    """Every number of clusters tried on a sample of at most 5,000 rows, with its stability and shape."""
    rng = np.random.default_rng(seed)
    sample = matrix if len(matrix) <= CHOICE_ROWS else matrix[np.sort(rng.choice(len(matrix), CHOICE_ROWS, replace=False))]
    return [judged(sample, k, draws=draws, seed=seed) for k in numbers]


def judged(matrix: Matrix, k: int, *, draws: int = DRAWS, seed: int = 0) -> Candidate:
    """One number of clusters on these rows."""
    labels = k_means(matrix, k, seed=seed).labels
    stability = bootstrap_stability(matrix, labels, k_means_fit(k), draws=draws, seed=seed)
    return Candidate(k, stability, silhouette(matrix, labels, seed=seed), davies_bouldin(matrix, labels))


def examined(matrix: Matrix, clustering: Clustering, fit: Fit, *, draws: int = DRAWS, seed: int = 0, rows: int = CHOICE_ROWS) -> Candidate:
    """The figures of a clustering of all rows, its stability on a sample of at most `rows` of them.

    Parameters
    ----------
    fit
        The method, as it is fitted again to each bootstrap sample.
    """
    places = np.arange(len(matrix))
    if len(places) > rows:
        places = np.sort(np.random.default_rng(seed).choice(places, rows, replace=False))
    stability = bootstrap_stability(matrix[places], clustering.labels[places], fit, draws=draws, seed=seed)
    return Candidate(clustering.clusters, stability, silhouette(matrix, clustering.labels, seed=seed), _davies_bouldin(matrix, clustering.labels, seed))


def chosen(tried: Sequence[Candidate]) -> Candidate:
    """The stable candidate of highest silhouette; where none is stable, the one whose least stable cluster is the most stable. Equal ones: fewer clusters.

    Raises
    ------
    InputError
        When nothing was tried.
    """
    if not tried:
        raise InputError("no number of clusters was tried", "one or more")
    stable = [candidate for candidate in tried if candidate.is_stable]
    if stable:
        return max(stable, key=lambda candidate: (candidate.silhouette, -candidate.k))
    return max(tried, key=lambda candidate: (min(candidate.stability.jaccard), -candidate.k))


def cards(
    table: pa.Table, labels: Labels, attributes: Sequence[str], *, names: Mapping[str, tuple[str, str]] | None = None, currency: str | None = None
) -> list[dict[str, Any]]:
    """A card a cluster: its size and what sets it apart, as figures and words in English and French.

    Parameters
    ----------
    table
        The clients, shape (n,), in the order of the labels; it may hold attributes the clusters were not built on.
    names
        English and French names of attributes.

    Returns
    -------
    list
        JSON (hence `Any`), the largest first, noise last with cluster -1.
    """
    found = []
    for label in [*range(int(labels.max(initial=-1)) + 1), *([-1] if (labels < 0).any() else [])]:
        members = labels == label
        told = strongest(traits(table, members, attributes)) if 0 < members.sum() < len(labels) else []
        found.append(
            {
                "cluster": int(label),
                "clients": int(members.sum()),
                "share": float(members.mean()),
                "traits": [
                    {"attribute": trait.attribute, "level": trait.level, "inside": trait.inside, "outside": trait.outside,
                     "effect": trait.effect, "lift": trait.lift, "size": trait.size,
                     "en": sentence(trait, "en", names, currency), "fr": sentence(trait, "fr", names, currency)}
                    for trait in told
                ],
            }
        )  # fmt: skip
    return found


def _davies_bouldin(matrix: Matrix, labels: Labels, seed: int) -> float:
    """Of at most 100,000 rows: beyond them it no longer moves."""
    if len(matrix) <= SHAPE_ROWS:
        return davies_bouldin(matrix, labels)
    rows = np.sort(np.random.default_rng(seed).choice(len(matrix), SHAPE_ROWS, replace=False))
    return davies_bouldin(matrix[rows], labels[rows])


def density_fit(*, least_share: float = LEAST_CLUSTER_SHARE) -> Fit:
    """Density clustering as it is fitted again to bootstrap samples."""

    def fit(matrix: Matrix, seed: int) -> Predict:
        return density(matrix, least_share=least_share, seed=seed).predict

    return fit


def k_means_fit(k: int) -> Fit:
    """K-means as it is fitted again to bootstrap samples."""

    def fit(matrix: Matrix, seed: int) -> Predict:
        from sklearn.cluster import KMeans, MiniBatchKMeans
        from threadpoolctl import threadpool_limits

        if len(matrix) > WHOLE_ROWS:
            model = MiniBatchKMeans(k, batch_size=BATCH_ROWS, n_init=STARTS, random_state=seed)
        else:
            model = KMeans(k, n_init=STARTS, random_state=seed)
        with threadpool_limits(ONE_THREAD):
            model.fit(matrix)

        def predict(rows: Matrix) -> Labels:
            with threadpool_limits(ONE_THREAD):
                return np.asarray(model.predict(rows), dtype=np.int64)

        return predict

    return fit


def _by_size(labels: Labels, predict: Predict) -> Clustering:
    """The same clusters, numbered from the largest."""
    kinds = int(labels.max(initial=-1)) + 1
    order = np.argsort(-np.bincount(labels[labels >= 0], minlength=kinds), kind="stable")
    place = np.full(kinds + 1, -1, dtype=np.int64)  # the last is where -1 points: noise stays noise
    place[order] = np.arange(kinds)
    return Clustering(place[labels], lambda rows: place[predict(rows)])


def _banded(value: float, band: Band) -> dict[str, Any]:
    return {"value": value, "band": band.code, "en": band.en, "fr": band.fr}
