"""Cross-validation for data without any time: the only place where rows are split at random, and the card says so."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.booster import Matrix, fit, kept_rounds, parameters, raw_scores
from bankseg.propensity.calibration import Calibrator, choose_calibrator, log_loss, sigmoid

FOLDS = 5
MOST_ROUNDS = 2_000
LABEL_VALIDATION = "cross_validated, no time in data"

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one set of training rows chose: parameters, rounds, and a calibrator fitted on scores its trees never saw."""

    parameters: dict[str, object]
    rounds: int
    calibrator: Calibrator
    evidence: dict[str, float]


def stratified_folds(label: NDArray[np.int8], folds: int, seed: int, groups: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
    """Fold of each row, with positives shared out evenly; rows of one group (one client) never part."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(label), dtype=np.intp)
    if groups is not None:
        size = int(groups.max()) + 1
        has_positive = np.bincount(groups, weights=label, minlength=size) > 0
        return stratified_folds(has_positive.astype(np.int8), folds, seed)[groups]
    start = 0
    for outcome in (1, 0):
        rows = rng.permutation(np.flatnonzero(label == outcome))
        fold[rows] = (np.arange(len(rows)) + start) % folds
        start += len(rows)
    return fold


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """Out-of-fold probabilities of every row, and what a model on all rows should use."""

    probability: NDArray[np.float64]
    recipe: Recipe
    calibrations: tuple[str, ...]


def cross_validate(data: Matrix, *, seed: int, threads: int, groups: NDArray[np.intp] | None = None, progress: Progress | None = None) -> CrossValidated:
    """Stratified k-fold: in each fold, rounds and calibrator are chosen inside the other folds, so the held-out rows judge the whole recipe."""
    fold = stratified_folds(data.y, FOLDS, seed, groups)
    probability = np.empty(len(data.y))
    calibrations = []
    for out in range(FOLDS):
        inside = np.flatnonzero(fold != out)
        train = data.rows(inside)
        recipe = choose_recipe(train, seed=seed + out, threads=threads, groups=None if groups is None else _renumbered(groups[inside]))
        booster = fit(train, recipe.parameters, recipe.rounds)
        probability[fold == out] = recipe.calibrator(raw_scores(booster, data.x[fold == out], threads=threads))
        calibrations.append(recipe.calibrator.method)
        if progress:
            progress("cross-validate", (out + 1) / (FOLDS + 1))
    return CrossValidated(probability, choose_recipe(data, seed=seed, threads=threads, groups=groups), tuple(calibrations))


def choose_recipe(data: Matrix, *, seed: int, threads: int, groups: NDArray[np.intp] | None = None) -> Recipe:
    """Parameters, rounds and calibrator from an inner cross-validation."""
    chosen = parameters(len(data.y), int(data.y.sum()), seed=seed, threads=threads)
    fold = stratified_folds(data.y, FOLDS, seed, groups)
    raw = np.empty(len(data.y))
    rounds = []
    for out in range(FOLDS):
        held = data.rows(fold == out)
        booster = fit(data.rows(fold != out), chosen, MOST_ROUNDS, stop=held)
        raw[fold == out] = raw_scores(booster, held.x, threads=threads)
        rounds.append(kept_rounds(booster))
    calibrator, evidence = choose_calibrator(raw, data.y, seed=seed)
    evidence = evidence or {"none": float(log_loss(data.y, sigmoid(raw)).mean())}
    return Recipe(chosen, max(1, round(float(np.mean(rounds)))), calibrator, evidence)


def _renumbered(groups: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.unique(groups, return_inverse=True)[1].astype(np.intp)
