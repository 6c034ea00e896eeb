"""Recipes: which trees to grow, for how many rounds, and how to calibrate them, chosen on rows the trees never saw."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.bag import bags_for, fit_bag, mean_booster
from bankseg.propensity.booster import Matrix, fit, kept_rounds, leaf_candidates, parameters, raw_scores
from bankseg.propensity.calibration import Calibrator, choose_calibrator, log_loss, sigmoid
from bankseg.propensity.folds import stratified_folds

if TYPE_CHECKING:
    import lightgbm

INNER_FOLDS, FEWER_INNER_FOLDS = 5, 3
# From so many rows on three inner folds choose as well as five.
MANY_INNER_ROWS = 20_000
MOST_ROUNDS = 2_000
# A tree size stays in the average when it keeps this share of what the best one gains over the base rate.
LEAST_GAIN_SHARE = 0.985
# With fewer outcomes the comparison of tree sizes is itself noise, and all stay.
COMPARABLE_OUTCOMES = 1_000

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Member:
    """One booster of a recipe. `Any`: LightGBM parameters."""

    parameters: dict[str, Any]
    rounds: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """Boosters whose log-odds are averaged, and the calibrator of the average.

    Averaging trees of several sizes beats choosing one: on small files the choice itself is noise.
    """

    members: tuple[Member, ...]
    calibrator: Calibrator
    evidence: dict[str, float]

    def as_json(self) -> list[dict[str, Any]]:
        """Members for a card. `Any`: JSON."""
        return [{"rounds": member.rounds, "parameters": member.parameters} for member in self.members]


def recipe_in_time(data: Matrix, later: Matrix, *, seed: int, threads: int = 1, most_rounds: int = MOST_ROUNDS) -> "tuple[Recipe, lightgbm.Booster]":
    """A recipe stopped and calibrated on a later slice, and the booster fitted on the way."""
    candidates = _candidates(data, seed, threads)
    boosters = [fit(data, candidate, most_rounds, stop=later) for candidate in candidates]
    kept = _worth_keeping([raw_scores(booster, later.x, threads=threads) for booster in boosters], later.y)
    members = tuple(Member(candidates[place], kept_rounds(boosters[place])) for place in kept)
    booster = mean_booster([boosters[place] for place in kept])
    calibrator, evidence = _calibrate(raw_scores(booster, later.x, threads=threads), later.y, seed)
    return Recipe(members, calibrator, evidence), booster


def recipe_by_folds(data: Matrix, *, seed: int, workers: int = 1, groups: NDArray[np.intp] | None = None) -> Recipe:
    """A recipe stopped and calibrated by an inner cross-validation, for data without time."""
    folds = FEWER_INNER_FOLDS if len(data.y) >= MANY_INNER_ROWS else INNER_FOLDS
    fold = stratified_folds(data.y, folds, seed, groups)
    candidates = _candidates(data, seed, 1)
    raw, rounds = np.zeros((len(candidates), len(data.y))), np.zeros((folds, len(candidates)))

    def one(out: int) -> tuple[int, NDArray[np.float64], list[int]]:
        stop, rest = data.rows(fold == out), data.rows(fold != out)
        boosters = [fit(rest, candidate, MOST_ROUNDS, stop=stop) for candidate in candidates]
        return out, np.stack([raw_scores(booster, stop.x, threads=1) for booster in boosters]), [kept_rounds(booster) for booster in boosters]

    for out, scores, kept in in_threads(one, range(folds), workers):
        raw[:, fold == out], rounds[out] = scores, kept
    chosen = _worth_keeping(list(raw), data.y)
    # Three folds leave a third of the rows out: all of them bear more rounds. Five leave so few that it makes no difference.
    stretch = float(np.sqrt(folds / (folds - 1))) if folds == FEWER_INNER_FOLDS else 1.0
    members = tuple(Member(candidates[place], max(1, round(stretch * float(rounds[:, place].mean())))) for place in chosen)
    return Recipe(members, *_calibrate(raw[chosen].mean(axis=0), data.y, seed))


def fit_recipe(data: Matrix, recipe: Recipe) -> "lightgbm.Booster":
    """One booster that scores as the mean of the recipe's members, each grown with several seeds where the data is small."""
    bags = bags_for(*data.x.shape)
    return mean_booster([fit_bag(data, member.parameters, member.rounds, bags) for member in recipe.members])


def in_threads(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Results in order; LightGBM leaves the interpreter's lock while it trains, and one-threaded boosters wait at no barrier when the machine is busy."""
    if workers == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(work, items)


def _candidates(data: Matrix, seed: int, threads: int) -> list[dict[str, Any]]:
    size = (*data.x.shape, int(data.y.sum()))
    return [parameters(*size, seed=seed, threads=threads, num_leaves=leaves) for leaves in leaf_candidates(*size)]


def _worth_keeping(raw: Sequence[NDArray[np.float64]], label: NDArray[np.int8]) -> list[int]:
    """Places of the candidates whose held-out gain in log loss is close to the best one's."""
    if min(label.sum(), len(label) - label.sum()) < COMPARABLE_OUTCOMES:
        return list(range(len(raw)))
    base = float(log_loss(label, np.full(len(label), label.mean())).mean())
    gains = [base - float(log_loss(label, sigmoid(scores)).mean()) for scores in raw]
    best = max(gains)
    return [place for place, gain in enumerate(gains) if gain == best or (best > 0 and gain >= LEAST_GAIN_SHARE * best)]


def _calibrate(raw: NDArray[np.float64], label: NDArray[np.int8], seed: int) -> tuple[Calibrator, dict[str, float]]:
    calibrator, evidence = choose_calibrator(raw, label, seed=seed)
    return calibrator, evidence or {"none": float(log_loss(label, sigmoid(raw)).mean())}
