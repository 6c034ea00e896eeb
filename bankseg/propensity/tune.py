"""Tuning: settings of the trees, searched by seeded trials on the rolling back-test, each written down before the next begins."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bankseg.propensity.backtest import Judged, judge_step
from bankseg.propensity.calibration import log_loss, sigmoid
from bankseg.propensity.growth import Growth
from bankseg.propensity.history import History
from bankseg.propensity.journal import Journal

if TYPE_CHECKING:
    import optuna

# A setting must lower the loss of the back-test by this share to be preferred to the policy's own: less is the noise of a seed.
LEAST_GAIN = 0.002
# The first trials are never pruned: there is nothing yet to compare them with.
UNPRUNED_TRIALS = 4
COMPLETE, PRUNED = "complete", "pruned"


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a search found.

    Parameters
    ----------
    best
        Settings that replace the policy's; empty when none was better by enough.
    value
        Loss of the best settings over the steps of the back-test, as a share of the loss of the base rate; lower is better.
    policy_value
        The same of the policy's own settings.
    trials, seconds, seed
        Trials written down, pruned ones too, the time they took, and the seed of the search. `Any`: settings are numbers and truth values.
    """

    best: Mapping[str, Any]
    value: float
    policy_value: float
    trials: int
    seconds: float
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Part of a card. `Any`: JSON."""
        return {
            "best": dict(self.best),
            "value": self.value,
            "policy_value": self.policy_value,
            "trials": self.trials,
            "seconds": self.seconds,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class Search:
    """One search: what it may learn from (never the locked fold), where its trials are written, and when it ends.

    Parameters
    ----------
    key
        Names the target, its data and the meaning of its outcome; only trials of the same key are gone on from.
    about
        What is written into every line of the journal beside the trial. `Any`: JSON.
    policy
        Settings to beat.
    is_over
        Asked before each trial with the number written down so far.
    clock
        Seconds, to say how long a trial took.
    """

    history: History
    journal: Journal
    key: str
    policy: Growth
    seed: int
    is_over: Callable[[int], bool]
    clock: Callable[[], float]
    about: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1


def run_search(search: Search, progress: Callable[[int], None]) -> Tuning:
    """Do trials until the search is over, going on from those that were written down; the trials of a search that was interrupted are the same.

    The first trial, always done, is the policy's own settings. Each trial is judged step by step through the rolling origins, the shortest history first, and
    pruned when it is worse by then than the median of the trials before it.
    """
    trials = search.journal.of_key(search.key)
    while not trials or not search.is_over(len(trials)):
        progress(len(trials))
        search.journal.append(_next_trial(search, trials))
        trials = search.journal.of_key(search.key)
    return found_in(trials, search.seed)


def found_in(trials: Sequence[Mapping[str, Any]], seed: int) -> Tuning:
    """The best settings among some trials, the first of which is the policy's. `Any`: JSON.

    Examples
    --------
    >>> tried = [{"settings": {"num_leaves": 7}, "value": 0.9, "state": "complete", "seconds": 1}, {"settings": {"num_leaves": 9}, "value": 0.8, "state": "complete", "seconds": 1}]
    >>> found_in(tried, 1).best
    {'num_leaves': 9}
    """
    complete = [trial for trial in trials if trial["state"] == COMPLETE]
    policy, best = complete[0], min(complete, key=lambda trial: float(trial["value"]))
    is_better = best["value"] < policy["value"] * (1 - LEAST_GAIN)
    seconds = round(sum(float(trial["seconds"]) for trial in trials), 1)
    return Tuning(best["settings"] if is_better else {}, (best if is_better else policy)["value"], policy["value"], len(trials), seconds, seed)


def _next_trial(search: Search, before: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    started = search.clock()
    study, trial = _ask(search, before)
    growth = search.policy.with_(trial.params) if before else search.policy
    losses: list[float] = []
    state = COMPLETE
    for place, step in enumerate(search.history.steps):
        losses.append(_relative_loss(judge_step(search.history, step, growth, seed=search.seed, threads=search.threads)))
        trial.report(float(np.mean(losses)), place)
        if place + 1 < len(search.history.steps) and trial.should_prune():
            state = PRUNED
            break
    del study
    return {
        **search.about,
        "key": search.key,
        "number": len(before),
        "settings": dict(trial.params),
        "losses": losses,
        "value": float(np.mean(losses)),
        "state": state,
        "seconds": round(search.clock() - started, 3),
    }


def _ask(search: Search, before: Sequence[Mapping[str, Any]]) -> "tuple[optuna.Study, optuna.Trial]":
    """The next trial of a study that knows those before; the sampler is seeded by their number, so an interrupted search goes on as if it had not been."""
    import optuna  # half a second of imports, for searches alone

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = _space(optuna)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=(search.seed + len(before)) % 2**32, multivariate=True)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS)
    study = optuna.create_study(direction="minimize", sampler=sampler, pruner=pruner)
    for trial in before:
        study.add_trial(_frozen(optuna, trial, space))
    if not before:
        study.enqueue_trial({name: getattr(search.policy, name) for name in space})
    return study, study.ask(space)


def _space(optuna: Any) -> dict[str, Any]:  # the module is loaded by the caller
    spaces = optuna.distributions
    return {
        "num_leaves": spaces.IntDistribution(3, 31, log=True),
        "learning_rate": spaces.FloatDistribution(0.03, 0.15, log=True),
        "feature_fraction": spaces.FloatDistribution(0.1, 1.0, log=True),
        "min_sum_hessian_in_leaf": spaces.FloatDistribution(0.3, 20.0, log=True),
        "lambda_l2": spaces.FloatDistribution(0.1, 100.0, log=True),
        "extra_trees": spaces.CategoricalDistribution((False, True)),
        "half_life_days": spaces.CategoricalDistribution((0, 180, 365, 730)),
    }


def _frozen(optuna: Any, trial: Mapping[str, Any], space: Mapping[str, Any]) -> Any:  # optuna's own class
    state = optuna.trial.TrialState.COMPLETE if trial["state"] == COMPLETE else optuna.trial.TrialState.PRUNED
    running = np.cumsum(trial["losses"]) / np.arange(1, len(trial["losses"]) + 1)
    return optuna.trial.create_trial(
        params=dict(trial["settings"]), distributions=dict(space), value=trial["value"], intermediate_values=dict(enumerate(running.tolist())), state=state
    )


def _relative_loss(judged: Judged) -> float:
    """Log loss of a step over that of its base rate: 1 knows nothing."""
    label = judged.rows.y
    base = float(log_loss(label, np.full(len(label), label.mean())).mean())
    return float(log_loss(label, sigmoid(judged.raw(judged.rounds))).mean()) / base
