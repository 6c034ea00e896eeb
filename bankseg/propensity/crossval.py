"""Cross-validation for data without any time: the only place where rows are split at random, and the card says so."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.bag import bags_for, fit_bag
from bankseg.propensity.booster import Matrix, fit, kept_rounds, leaf_candidates, parameters, raw_scores
from bankseg.propensity.calibration import Calibrator, choose_calibrator, log_loss, sigmoid

FOLDS = 5
INNER_FOLDS, FEWER_INNER_FOLDS = 5, 3
# From so many rows on three inner folds choose as well as five.
MANY_INNER_ROWS = 20_000
MOST_ROUNDS = 2_000
LABEL_VALIDATION = "cross_validated, no time in data"

Progress = Callable[[str, float], None]
T = TypeVar("T")
R = TypeVar("R")
Score = Callable[[NDArray[np.float32]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one set of training rows chose: parameters, rounds, and a calibrator fitted on scores its trees never saw. `Any`: LightGBM parameters."""

    parameters: dict[str, Any]
    rounds: int
    calibrator: Calibrator
    evidence: dict[str, float]


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """Out-of-fold probabilities of every row, and the calibrations its folds chose."""

    probability: NDArray[np.float64]
    calibrations: tuple[str, ...]


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


def cross_validate(data: Matrix, *, seed: int, workers: int = 1, groups: NDArray[np.intp] | None = None, progress: Progress | None = None) -> CrossValidated:
    """Stratified k-fold: in each fold parameters, rounds and calibrator are chosen inside the other folds, so the held-out rows judge the whole recipe.

    `workers` threads each train a fold of their own with one LightGBM thread: the figures do not depend on their number,
    and nothing waits at a barrier when the machine is busy.
    """
    fold = stratified_folds(data.y, FOLDS, seed, groups)
    probability = np.empty(len(data.y))

    def judge(out: int) -> tuple[int, NDArray[np.float64], str]:
        inside = fold != out
        train = data.rows(inside)
        recipe = choose_recipe(train, seed=seed + out, groups=None if groups is None else groups[inside])
        return out, fit_recipe(train, recipe)(data.x[~inside]), recipe.calibrator.method

    calibrations = [""] * FOLDS
    for out, scores, method in _in_threads(judge, range(FOLDS), workers):
        probability[fold == out], calibrations[out] = scores, method
        if progress:
            progress("cross-validate", (out + 1) / FOLDS)
    return CrossValidated(probability, tuple(calibrations))


def choose_recipe(data: Matrix, *, seed: int, workers: int = 1, groups: NDArray[np.intp] | None = None, later: Matrix | None = None) -> Recipe:
    """Leaves, rounds and calibrator: on a later slice where there is time, else by an inner cross-validation.

    Of the candidate tree sizes the one with the least held-out log loss wins.
    """
    rows, positives = len(data.y), int(data.y.sum())
    candidates = [parameters(rows, positives, seed=seed, threads=1, num_leaves=leaves) for leaves in leaf_candidates(rows, positives)]
    held = _held_out_in_time(data, later) if later is not None else _held_out_by_folds(data, seed, groups, workers)
    found = [held(candidate) for candidate in candidates]
    label = data.y if later is None else later.y
    losses = [float(log_loss(label, sigmoid(raw)).mean()) for raw, _ in found]
    best = int(np.argmin(losses))
    raw, rounds = found[best]
    calibrator, evidence = choose_calibrator(raw, label, seed=seed)
    return Recipe(candidates[best], rounds, calibrator, evidence or {"none": losses[best]})


def fit_recipe(data: Matrix, recipe: Recipe) -> Score:
    """Train by a recipe; returns the function from rows to calibrated probabilities."""
    booster = fit_bag(data, recipe.parameters, recipe.rounds, bags_for(len(data.y)))
    return lambda x: recipe.calibrator(raw_scores(booster, x, threads=1))


def _held_out_in_time(data: Matrix, later: Matrix) -> Callable[[Mapping[str, Any]], tuple[NDArray[np.float64], int]]:
    def held(candidate: Mapping[str, Any]) -> tuple[NDArray[np.float64], int]:
        booster = fit(data, candidate, MOST_ROUNDS, stop=later)
        return raw_scores(booster, later.x, threads=1), kept_rounds(booster)

    return held


def _held_out_by_folds(
    data: Matrix, seed: int, groups: NDArray[np.intp] | None, workers: int
) -> Callable[[Mapping[str, Any]], tuple[NDArray[np.float64], int]]:
    folds = FEWER_INNER_FOLDS if len(data.y) >= MANY_INNER_ROWS else INNER_FOLDS
    fold = stratified_folds(data.y, folds, seed, groups)

    def held(candidate: Mapping[str, Any]) -> tuple[NDArray[np.float64], int]:
        def one(out: int) -> tuple[int, NDArray[np.float64], int]:
            stop = data.rows(fold == out)
            booster = fit(data.rows(fold != out), candidate, MOST_ROUNDS, stop=stop)
            return out, raw_scores(booster, stop.x, threads=1), kept_rounds(booster)

        raw, rounds = np.empty(len(data.y)), []
        for out, scores, kept in _in_threads(one, range(folds), workers):
            raw[fold == out] = scores
            rounds.append(kept)
        return raw, max(1, round(float(np.mean(rounds))))

    return held


def _in_threads(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterable[R]:
    """Results in order; LightGBM leaves the interpreter's lock while it trains."""
    if workers == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(work, items)
