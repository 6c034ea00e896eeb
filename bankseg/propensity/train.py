"""Training: back-test on past origins, calibrate on a later one, fit on all of them, and open the locked fold once to judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bankseg.domain.errors import ConfigurationError, MissingDataError
from bankseg.propensity import card
from bankseg.propensity.backtest import Judged, entry, judge_step, report_steps, rounds_for, rounds_without, worst_origin
from bankseg.propensity.bag import fit_bag
from bankseg.propensity.booster import Matrix, raw_scores, text_of
from bankseg.propensity.calibration import Calibrator, choose_calibrator, log_loss, sigmoid
from bankseg.propensity.cluster import SETTLED, ClusterFits, Known
from bankseg.propensity.crossval import LABEL_VALIDATION, Progress, cross_validate
from bankseg.propensity.dataset import Dataset, Encoding, FeatureLike, data_hash, learn_encoding
from bankseg.propensity.disparity import by_group
from bankseg.propensity.growth import Growth
from bankseg.propensity.history import History, learn_history, require_outcomes
from bankseg.propensity.leakage import alarms, refuse_leaks
from bankseg.propensity.locked import FoldOpening, LockedFold, lock, open_locked_fold
from bankseg.propensity.origins import OriginPlan
from bankseg.propensity.peers import peer_reference
from bankseg.propensity.recipe import Member, Recipe, fit_recipe, recipe_by_folds
from bankseg.propensity.targets import Target

if TYPE_CHECKING:
    import lightgbm

SEED = 20_260_101
TIME_VALIDATION = "out of time"
PURPOSE = "propensity"


@dataclass(frozen=True, slots=True)
class Setup:
    """How a training grows its trees.

    Parameters
    ----------
    growth
        Settings of the trees, from the policy or from a tuning.
    tuning
        What the card says of the tuning they come from; None where they were not tuned. `Any`: JSON.
    threads
        Of LightGBM; part of what makes the same bytes.
    fits
        A cluster that grows the trees on every row, where the rows at hand are a sample; None: they are grown here, on the rows at hand.
    """

    growth: Growth = field(default_factory=Growth)
    tuning: Mapping[str, Any] | None = None
    threads: int = 1
    fits: ClusterFits | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that may be saved: its text, its card, rows with known scores, and the record of the one look at its locked fold.

    `Any`: the card and golden rows are JSON.
    """

    booster_text: str = field(repr=False)
    card: dict[str, Any] = field(repr=False)
    golden: dict[str, Any] = field(repr=False)
    opening: FoldOpening | None = None

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Metrics of the card: name -> value, low, high."""
        found: dict[str, dict[str, float]] = self.card["metrics"]
        return found


def train(
    target: Target,
    dataset: Dataset,
    plan: OriginPlan | None,
    features: Sequence[FeatureLike],
    *,
    seed: int = SEED,
    setup: Setup | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train one target's propensity model.

    With a plan: every past origin is judged by the model that could have been trained then, which settles the rounds; the calibration origin's scores
    settle the calibration; the booster that serves is fitted on every origin before the locked fold; the fold is opened and judges it. The version that
    serves is the same booster, calibrated on the fold, so that its level is that of the latest matured outcomes.
    Without a plan (only for `label` targets, whose data has no time): stratified cross-validation, said so on the card.

    Parameters
    ----------
    target
        What is estimated.
    dataset
        Rows of every origin of the plan; more are ignored.
    plan
        From `plan_origins`; None for a `label` target.
    features
        Allowed features in catalogue order (the caller leaves out what the purpose forbids).
    seed, setup
        The same data, seed and setup give the same bytes.
    progress
        Called with a stage name and a share in [0, 1].

    Raises
    ------
    TooFewPositivesError
        When a slice has fewer positives (or negatives) than `target.minimum_positives`.
    LeakageError
        When a feature alone tells the outcome, or speaks of days after its origin; names it.
    MissingDataError
        When a slice or every feature is empty.
    ConfigurationError
        When a feature is protected, or not meant for propensities; names it.
    """
    report, setup = progress or (lambda _stage, _share: None), setup or Setup()
    _refuse_forbidden(features)
    if plan is None:
        if target.has_time:
            raise MissingDataError(
                f"target {target.name} without a plan of origins", "a plan: only a label without time is cross-validated", "call plan_origins"
            )
        trained = _train_without_time(target, dataset, features, seed, setup.threads, report)
        return replace(trained, card=card.finite(trained.card))
    learning, fold = lock(dataset, target.name, plan.test)
    report("leakage scan", 0.05)
    history = learn_history(target, learning, plan, features, seed=seed, threads=setup.threads)
    require_outcomes(target, fold.size, fold.positives, f"test origin {plan.test}")  # before it is opened: a refusal is no look
    judged = _back_test(history, setup, seed, report)
    report("fit", 0.6)
    fitted = _fit(history, plan, judged, setup, seed)
    report("judge", 0.8)
    trained = _judge_on_fold(target, history, plan, fitted, fold, setup, seed)
    report("done", 1.0)
    return replace(trained, card=card.finite(trained.card))


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What was learned before the fold was opened."""

    steps: list[Judged]
    kept: NDArray[np.intp]
    encoding: Encoding
    recipe: Recipe
    booster: "lightgbm.Booster"


def _back_test(history: History, setup: Setup, seed: int, report: Progress) -> list[Judged]:
    judged = []
    for place, step in enumerate(history.steps):
        report(f"back-test {step.origin}", 0.1 + 0.5 * place / len(history.steps))
        judged.append(judge_step(history, step, setup.growth, seed=seed, threads=setup.threads, fits=setup.fits))
    return judged


def _fit(history: History, plan: OriginPlan, judged: list[Judged], setup: Setup, seed: int) -> _Fitted:
    """The booster that serves, on every origin before the fold, and the calibration of the latest step."""
    kept = history.choice.kept(plan.learning)
    rows = history.rows(plan.learning, kept, setup.growth)
    latest = judged[-1]
    raw = latest.raw(rounds_without(judged, len(judged) - 1), setup.threads)
    calibrator, evidence = choose_calibrator(raw, latest.rows.y, seed=seed)
    grown = setup.growth.parameters((*rows.x.shape, int(rows.y.sum())), history.directions(kept), seed=seed, threads=setup.threads)
    rounds = rounds_for(judged, len(rows.y))
    if setup.fits is None:
        booster = fit_bag(rows, grown, rounds, setup.growth.seeds)
    else:
        grown |= SETTLED  # on the card too
        booster = setup.fits.fit_bag(Known(rows, history.encoding.at(kept), history.weights(plan.learning, setup.growth)), grown, rounds, setup.growth.seeds)
    recipe = Recipe((Member(grown, rounds),), calibrator, evidence or {"none": float(log_loss(latest.rows.y, sigmoid(raw)).mean())})
    return _Fitted(judged, kept, history.encoding.at(kept), recipe, booster)


def _judge_on_fold(target: Target, history: History, plan: OriginPlan, fitted: _Fitted, fold: LockedFold, setup: Setup, seed: int) -> Trained:
    rows, opening = open_locked_fold(fold)
    x = fitted.encoding.matrix(rows.table)
    raw = raw_scores(fitted.booster, x, threads=setup.threads)
    probability = fitted.recipe.calibrator(raw)
    serving, evidence = choose_calibrator(raw, rows.label, seed=seed)
    found = card.judged(rows.label, probability, seed=seed) | by_group(rows.label, probability, rows.groups, seed=seed)
    learned = history.data.x[:, fitted.kept]
    document = {
        **card.declaration(target),
        **fitted.encoding.as_json(),
        **found,
        **card.provenance(fitted.recipe, seed=seed, threads=setup.threads),
        **card.drift_reference(serving(raw), learned, fitted.encoding),
        **_in_time(history, plan, fitted, setup, opening),
        **_calibrations(plan, fitted.recipe, serving, evidence),
        **_backtest(fitted, plan, rows.label, probability, seed),
        **_counts(history, plan, rows),
        "data_sha256": data_hash(np.concatenate([learned, x]), np.concatenate([history.data.y, rows.label]), np.concatenate([history.origin, rows.origin])),
        "suspects": card.suspects(history.suspects),
        "reasons_reference": peer_reference(history.table, np.ones(len(history.origin), dtype=np.bool_), fitted.encoding),
        "importance": (important := card.importance(fitted.booster, fitted.encoding)),
        "alarms": alarms(important, found["metrics"]["roc_auc"]["value"]),
    }
    return Trained(text_of(fitted.booster), document, card.golden(fitted.booster, x), opening)


def _in_time(history: History, plan: OriginPlan, fitted: _Fitted, setup: Setup, opening: FoldOpening) -> dict[str, Any]:
    names = [feature.name for feature in fitted.encoding.features]
    directions = history.directions(fitted.kept) if setup.growth.keeps_directions else [0] * len(names)
    share = history.choice.share(plan.learning)[fitted.kept]
    return {
        "validation": TIME_VALIDATION,
        "origins": {"train": [day.isoformat() for day in plan.train], "calibration": plan.calibration.isoformat(), "test": plan.test.isoformat()},
        "locked_fold": {"origin": opening.origin.isoformat(), "rows_sha256": opening.rows_sha256},
        "monotone": {name: sign for name, sign in zip(names, directions, strict=True) if sign},
        "stability": dict(zip(names, share.tolist(), strict=True)),
        "growth": setup.growth.as_json(),
        "tuning": dict(setup.tuning) if setup.tuning else None,
    }


def _calibrations(plan: OriginPlan, recipe: Recipe, serving: Calibrator, evidence: Mapping[str, float]) -> dict[str, Any]:
    return {
        "serving": {
            "fitted_on": [day.isoformat() for day in plan.learning],
            "calibrated_on": plan.test.isoformat(),
            "note": "metrics are those of the booster that serves, calibrated on the calibration origin; the version that serves is calibrated on the test origin",
        },
        "calibration": serving.as_json(),
        "calibration_evidence": dict(evidence),
        "calibration_judged": recipe.calibrator.method,
    }


def _backtest(fitted: _Fitted, plan: OriginPlan, label: NDArray[np.int8], probability: NDArray[np.float64], seed: int) -> dict[str, Any]:
    steps = [*report_steps(fitted.steps, seed=seed), entry(plan.test, plan.learning, label, probability, seed=seed)]
    return {"backtest": steps, "worst_origin": worst_origin(steps)}


def _counts(history: History, plan: OriginPlan, rows: Dataset) -> dict[str, Any]:
    masks = {"train": history.at(plan.train), "calibration": history.at((plan.calibration,))}
    return {
        "rows": {name: int(mask.sum()) for name, mask in masks.items()} | {"test": len(rows.label)},
        "positives": {name: int(history.data.y[mask].sum()) for name, mask in masks.items()} | {"test": rows.positives},
    }


def _train_without_time(target: Target, dataset: Dataset, features: Sequence[FeatureLike], seed: int, threads: int, report: Progress) -> Trained:
    require_outcomes(target, len(dataset.label), dataset.positives, "all rows")
    encoding = learn_encoding(dataset.table, features)
    data = Matrix(encoding.matrix(dataset.table), dataset.label, tuple(encoding.categorical))
    suspects = refuse_leaks(encoding, data.x, data.y, seed=seed)
    found = cross_validate(data, seed=seed, workers=threads, progress=report)
    recipe = recipe_by_folds(data, seed=seed, workers=threads)
    serving = fit_recipe(data, recipe)
    report("done", 1.0)
    judged = card.judged(data.y, found.probability, seed=seed)
    document = {
        **card.declaration(target),
        **encoding.as_json(),
        **judged,
        **by_group(data.y, found.probability, dataset.groups, seed=seed),
        **card.provenance(recipe, seed=seed, threads=threads),
        **card.drift_reference(found.probability, data.x, encoding),
        "validation": LABEL_VALIDATION,
        "origins": None,
        "locked_fold": None,
        "backtest": [],
        "worst_origin": None,
        "monotone": {},
        "stability": {},
        "growth": None,
        "tuning": None,
        "serving": {
            "fitted_on": "all rows",
            "calibrated_on": "out-of-fold scores",
            "note": "metrics are pooled out-of-fold; they say nothing about the future",
        },
        "calibration": recipe.calibrator.as_json(),
        "calibration_evidence": recipe.evidence,
        "calibration_judged": ", ".join(sorted(set(found.calibrations))),
        "rows": {"all": len(data.y)},
        "positives": {"all": int(data.y.sum())},
        "data_sha256": data_hash(data.x, data.y, dataset.origin),
        "suspects": card.suspects(suspects),
        "reasons_reference": peer_reference(dataset.table, np.ones(len(data.y), dtype=np.bool_), encoding),
        "importance": (important := card.importance(serving, encoding)),
        "alarms": alarms(important, judged["metrics"]["roc_auc"]["value"]),
    }
    return Trained(text_of(serving), document, card.golden(serving, data.x))


def _refuse_forbidden(features: Sequence[FeatureLike]) -> None:
    """A second lock: the caller has left protected features out already, and no model may ever hold one."""
    forbidden = [f.name for f in features if getattr(f, "is_protected", False) or PURPOSE not in getattr(f, "purposes", (PURPOSE,))]
    if forbidden:
        raise ConfigurationError(
            f"features {', '.join(forbidden)} are protected or not meant for propensities", "features with the purpose propensity", "leave them out"
        )
