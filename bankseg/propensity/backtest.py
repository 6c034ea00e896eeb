"""Rolling-origin back-test: at each origin the model that could have been trained then, judged on what happened next."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.booster import Matrix, fit, kept_rounds, raw_scores
from bankseg.propensity.calibration import sigmoid
from bankseg.propensity.cluster import SETTLED, ClusterFits, Known
from bankseg.propensity.growth import Growth
from bankseg.propensity.history import History
from bankseg.propensity.metrics import measure
from bankseg.propensity.origins import Rolling

if TYPE_CHECKING:
    import lightgbm

MOST_ROUNDS = 500
PATIENCE_ROUNDS = 30
DRAWS = 100
SHOWN = ("roc_auc", "pr_auc", "lift10", "brier", "ece")


@dataclass(frozen=True, slots=True)
class Judged:
    """One step of a back-test: the model of that day, and the rows of its origin that judge it."""

    step: Rolling
    rows: Matrix = field(repr=False)
    booster: "lightgbm.Booster" = field(repr=False)
    trained_rows: int

    @property
    def rounds(self) -> int:
        """Trees after which the log loss of the origin was lowest."""
        return kept_rounds(self.booster)

    def raw(self, rounds: int, threads: int = 1) -> NDArray[np.float64]:
        """Log-odds of the judged rows by the first `rounds` trees, as far as they were grown."""
        return raw_scores(self.booster, self.rows.x, threads=threads, rounds=min(rounds, int(self.booster.current_iteration())))


def judge_step(history: History, step: Rolling, growth: Growth, *, seed: int, threads: int = 1, fits: ClusterFits | None = None) -> Judged:
    """Train on the step's closed origins alone (with `fits`: on every row of theirs), with the features they chose, and stop on the judging origin."""
    kept = history.choice.kept(step.train)
    train, judging = history.rows(step.train, kept, growth), history.data.rows(history.at([step.origin])).columns(kept)
    grown = growth.parameters((*train.x.shape, int(train.y.sum())), history.directions(kept), seed=seed, threads=threads)
    if fits is None:
        booster = fit(train, grown, MOST_ROUNDS, stop=judging, patience=PATIENCE_ROUNDS)
    else:
        rows = Known(train, history.encoding.at(kept), history.weights(step.train, growth))
        booster = fits.fit_judged(rows, {**grown, **SETTLED}, MOST_ROUNDS, judging, PATIENCE_ROUNDS)
    return Judged(step, judging, booster, len(train.y))


def rounds_without(judged: Sequence[Judged], place: int) -> int:
    """Rounds by which a step is judged: the mean of those that suited the other steps, its own where it is the only one.

    Examples
    --------
    >>> from types import SimpleNamespace as Step
    >>> rounds_without([Step(rounds=100), Step(rounds=40), Step(rounds=60)], 0)
    50
    """
    others = [step.rounds for number, step in enumerate(judged) if number != place] or [judged[place].rounds]
    return max(1, round(float(np.mean(others))))


def rounds_for(judged: Sequence[Judged], rows: int) -> int:
    """Rounds for a fit on more rows than the steps had: their mean, stretched by the root of the growth of the data."""
    mean_rows = float(np.mean([step.trained_rows for step in judged]))
    return max(1, round(float(np.mean([step.rounds for step in judged])) * float(np.sqrt(rows / mean_rows))))


def report_steps(judged: Sequence[Judged], *, seed: int) -> list[dict[str, Any]]:
    """Each step as the card shows it; probabilities are the booster's own, for no calibration was known on that day. `Any`: JSON."""
    return [
        entry(step.step.origin, step.step.train, step.rows.y, sigmoid(step.raw(rounds_without(judged, place))), seed=seed) for place, step in enumerate(judged)
    ]


def entry(origin: date, train: Sequence[date], label: NDArray[np.int8], probability: NDArray[np.float64], *, seed: int) -> dict[str, Any]:
    """One origin of a back-test as the card shows it; metrics are null where a class is absent. `Any`: JSON."""
    has_both = 0 < label.sum() < len(label)
    found = measure(label, probability, seed=seed, draws=DRAWS) if has_both else {}
    return {
        "origin": origin.isoformat(),
        "train": [day.isoformat() for day in train],
        "n": len(label),
        "positives": int(label.sum()),
        "base_rate": float(label.mean()) if len(label) else None,
        "metrics": {name: found[name].as_json() if has_both else None for name in SHOWN},
    }


def worst_origin(entries: Sequence[dict[str, Any]]) -> str | None:
    """ISO date of the origin with the lowest AUC; None where none has one. `Any`: JSON.

    Examples
    --------
    >>> worst_origin([{"origin": "2025-01-31", "metrics": {"roc_auc": {"value": 0.8}}}, {"origin": "2025-03-31", "metrics": {"roc_auc": {"value": 0.7}}}])
    '2025-03-31'
    """
    known = [found for found in entries if found["metrics"]["roc_auc"]]
    return min(known, key=lambda found: (found["metrics"]["roc_auc"]["value"], found["origin"]))["origin"] if known else None
