"""The booster: regularised LightGBM, early-stopped on log loss, the same bytes for the same data, seed and threads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import lightgbm

# Leaves by positives: a tree with more leaves than the positives can fill only learns noise.
LEAVES_BY_POSITIVES = ((150, 7), (3000, 15))
MOST_LEAVES = 31
FEW_POSITIVES_LEAVES, USUAL_LEAVES = (4, 7, 15), (7, 15, 31)
# Weight of a leaf in units of p(1-p): about this many positives where the outcome is rare.
LEAST_HESSIAN_IN_LEAF = 1.0
PATIENCE_ROUNDS = 25
# From so many cells (rows x columns) on, trees see enough without bagging, and a larger step costs nothing measurable in log loss but halves the time.
MANY_CELLS = 3_000_000
LEARNING_RATE_BY_CELLS = ((500_000, 0.04), (MANY_CELLS, 0.05))
LARGEST_LEARNING_RATE = 0.08
# Rows whose values place the bin edges: sorting every row of 80 features would take as long as the boosting.
BIN_SAMPLE_ROWS = 30_000


@dataclass(frozen=True, slots=True)
class Matrix:
    """Encoded rows with their labels; `categorical` holds the positions of category columns, `weight` what each row counts (None: all alike)."""

    x: NDArray[np.float32]
    y: NDArray[np.int8]
    categorical: tuple[int, ...] = ()
    weight: NDArray[np.float64] | None = None

    def rows(self, chosen: NDArray[Any]) -> "Matrix":
        """The chosen rows. `Any`: a mask or positions."""
        return Matrix(self.x[chosen], self.y[chosen], self.categorical, None if self.weight is None else self.weight[chosen])

    def columns(self, kept: NDArray[np.intp]) -> "Matrix":
        """The columns at these positions, ascending."""
        category = set(self.categorical)
        return replace(self, x=self.x[:, kept], categorical=tuple(new for new, old in enumerate(kept.tolist()) if old in category))


def parameters(rows: int, columns: int, positives: int, *, seed: int, threads: int, **changes: Any) -> dict[str, Any]:
    """LightGBM parameters for a data set of this size.

    No resampling and no class weights: they spoil calibration and gain no discrimination (Carriero et al. 2025, arXiv 2404.19494).
    `changes` replace single parameters. `Any`: LightGBM takes numbers, texts and lists.

    Examples
    --------
    >>> parameters(10_000, 10, 2_000, seed=1, threads=1)["num_leaves"]
    15
    """
    fewer = min(positives, rows - positives)
    many = rows * columns >= MANY_CELLS
    leaves = _leaves(fewer)
    return {
        "objective": "binary",
        "learning_rate": _learning_rate(rows * columns),
        "num_leaves": leaves,
        "min_data_in_leaf": int(np.clip(rows // 400, 10, 100)),
        "min_sum_hessian_in_leaf": LEAST_HESSIAN_IN_LEAF,
        "lambda_l2": 1.0,
        "feature_fraction": 0.5 if many else 0.8,
        "bagging_fraction": 1.0 if many else 0.8,
        "bagging_freq": 0 if many else 1,
        "max_bin": 127 if many else 255,
        "bin_construct_sample_cnt": BIN_SAMPLE_ROWS,
        "enable_bundle": False,
        "cat_smooth": 20.0,
        "cat_l2": 20.0,
        "min_data_per_group": int(np.clip(rows // 100, 5, 100)),
        "max_cat_to_onehot": 8,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
        **changes,
    }


def leaf_candidates(rows: int, columns: int, positives: int) -> tuple[int, ...]:
    """Tree sizes worth comparing for a data set of this size, smallest first; one only where a comparison would take too long.

    Examples
    --------
    >>> leaf_candidates(10_000, 10, 2_000), leaf_candidates(160_000, 80, 3_200)
    ((7, 15, 31), (31,))
    """
    fewer = min(positives, rows - positives)
    if rows * columns >= MANY_CELLS:
        return (_leaves(fewer),)
    return FEW_POSITIVES_LEAVES if fewer < LEAVES_BY_POSITIVES[0][0] else USUAL_LEAVES


def _learning_rate(cells: int) -> float:
    return next((rate for most, rate in LEARNING_RATE_BY_CELLS if cells < most), LARGEST_LEARNING_RATE)


def _leaves(fewer: int) -> int:
    return next((leaves for most, leaves in LEAVES_BY_POSITIVES if fewer < most), MOST_LEAVES)


def fit(train: Matrix, parameters: Mapping[str, Any], rounds: int, *, stop: Matrix | None = None, patience: int = PATIENCE_ROUNDS) -> "lightgbm.Booster":
    """Boost at most `rounds` trees; with `stop`, end when its log loss no longer falls for `patience` rounds. `Any`: LightGBM parameters."""
    import lightgbm  # its OpenMP does not survive fork: loaded only where a job runs

    data = binned(train, parameters)
    if stop is None:
        return lightgbm.train(dict(parameters), data, num_boost_round=rounds)
    later = lightgbm.Dataset(stop.x, stop.y, reference=data, params=dict(parameters), free_raw_data=True)
    return lightgbm.train(
        {**parameters, "metric": "binary_logloss"},
        data,
        num_boost_round=rounds,
        valid_sets=[later],
        callbacks=[lightgbm.early_stopping(patience, verbose=False)],
    )


def fit_seeds(train: Matrix, parameters: Mapping[str, Any], rounds: int, seeds: Sequence[int]) -> "list[lightgbm.Booster]":
    """Boosters that differ in their seed alone, on rows binned once. `Any`: LightGBM parameters."""
    import lightgbm  # its OpenMP does not survive fork: loaded only where a job runs

    data = binned(train, parameters)
    return [lightgbm.train({**parameters, "seed": seed}, data, num_boost_round=rounds) for seed in seeds]


def binned(train: Matrix, parameters: Mapping[str, Any]) -> "lightgbm.Dataset":
    """Rows in bins, as boosting reads them. `Any`: LightGBM parameters."""
    import lightgbm  # its OpenMP does not survive fork: loaded only where a job runs

    return lightgbm.Dataset(
        train.x,
        train.y,
        weight=train.weight,
        categorical_feature=list(train.categorical),
        feature_name=_plain_names(train),
        params=dict(parameters),
        free_raw_data=True,
    )


def raw_scores(booster: "lightgbm.Booster", x: NDArray[np.float32], *, threads: int, rounds: int | None = None, start: int = 0) -> NDArray[np.float64]:
    """Log-odds of each row, by all trees kept, or by `rounds` of those grown from `start` on."""
    found = booster.predict(x, raw_score=True, num_threads=threads, start_iteration=start, num_iteration=rounds or kept_rounds(booster))
    return np.asarray(found, dtype=np.float64).reshape(-1)


def kept_rounds(booster: "lightgbm.Booster") -> int:
    """Trees kept: the best round when boosting was stopped early, else all."""
    best = int(booster.best_iteration)
    return best if best > 0 else int(booster.current_iteration())


def text_of(booster: "lightgbm.Booster") -> str:
    """The model as LightGBM text, trees kept only, without its parameter echo (which names threads, not the model)."""
    text = str(booster.model_to_string(num_iteration=kept_rounds(booster)))
    head, marker, _ = text.partition("\nparameters:\n")
    return f"{head}\n" if marker else text


def _plain_names(train: Matrix) -> list[str]:
    # The text format forbids blanks and JSON characters in names; the card keeps the real ones by position.
    return [f"f{place}" for place in range(train.x.shape[1])]
