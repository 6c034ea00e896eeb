"""Cross-validation for data without any time: the only place where rows are split at random, and the card says so."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.booster import Matrix, raw_scores
from bankseg.propensity.folds import stratified_folds
from bankseg.propensity.recipe import fit_recipe, in_threads, recipe_by_folds

FOLDS = 5
LABEL_VALIDATION = "cross_validated, no time in data"

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """Out-of-fold probabilities of every row, and the calibrations its folds chose."""

    probability: NDArray[np.float64]
    calibrations: tuple[str, ...]


def cross_validate(data: Matrix, *, seed: int, workers: int = 1, groups: NDArray[np.intp] | None = None, progress: Progress | None = None) -> CrossValidated:
    """Stratified k-fold: in each fold rounds and calibrator are chosen inside the other folds, so the held-out rows judge the whole recipe.

    The figures do not depend on the number of `workers`.
    """
    fold = stratified_folds(data.y, FOLDS, seed, groups)
    probability, calibrations = np.empty(len(data.y)), [""] * FOLDS

    def judge(out: int) -> tuple[int, NDArray[np.float64], str]:
        inside = fold != out
        train = data.rows(inside)
        recipe = recipe_by_folds(train, seed=seed + out, groups=None if groups is None else groups[inside])
        raw = raw_scores(fit_recipe(train, recipe), data.x[~inside], threads=1)
        return out, recipe.calibrator(raw), recipe.calibrator.method

    for out, scores, method in in_threads(judge, range(FOLDS), workers):
        probability[fold == out], calibrations[out] = scores, method
        if progress:
            progress("cross-validate", (out + 1) / FOLDS)
    return CrossValidated(probability, tuple(calibrations))
