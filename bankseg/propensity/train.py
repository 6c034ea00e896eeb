"""Training: fit on past origins, stop and calibrate on a later one, judge on the last, then roll forward for use."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bankseg.domain.errors import ConfigurationError, MissingDataError, TooFewPositivesError
from bankseg.propensity.booster import Matrix, raw_scores, text_of
from bankseg.propensity.calibration import choose_calibrator
from bankseg.propensity.crossval import LABEL_VALIDATION, Progress, cross_validate
from bankseg.propensity.dataset import Dataset, Encoding, FeatureLike, data_hash, learn_encoding
from bankseg.propensity.disparity import by_group
from bankseg.propensity.leakage import refuse_leaks
from bankseg.propensity.metrics import chance_ece_p95, gains, measure, reliability
from bankseg.propensity.origins import OriginPlan
from bankseg.propensity.peers import peer_reference
from bankseg.propensity.recipe import Recipe, fit_recipe, recipe_by_folds, recipe_in_time
from bankseg.propensity.screen import screened
from bankseg.propensity.targets import Target

if TYPE_CHECKING:
    import lightgbm

SCHEMA = 1
SEED = 20_260_101
MOST_ROUNDS = 500
GOLDEN_ROWS = 100
DRIFT_BINS = 10
# Rows that place the cut points: more move them by less than they differ from month to month.
DRIFT_ROWS = 20_000
TIME_VALIDATION = "out of time"
PURPOSE = "propensity"


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that may be saved: its text, its card and rows with known scores.

    `Any`: the card and golden rows are JSON.
    """

    booster_text: str = field(repr=False)
    card: dict[str, Any] = field(repr=False)
    golden: dict[str, Any] = field(repr=False)

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
    threads: int = 1,
    progress: Progress | None = None,
) -> Trained:
    """Train one target's propensity model.

    With a plan: fit on the training origins, stop boosting and calibrate on the calibration origin, measure on the test origin; then fit again
    with the same number of rounds on training and calibration origins and calibrate on the test origin, so that the version that serves has seen the latest matured outcomes.
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
    seed, threads
        The same data, seed and threads give the same bytes.
    progress
        Called with a stage name and a share in [0, 1].

    Raises
    ------
    TooFewPositivesError
        When a slice has fewer positives (or negatives) than `target.minimum_positives`.
    LeakageError
        When a feature alone tells the outcome; names it.
    MissingDataError
        When a slice or every feature is empty.
    ConfigurationError
        When a feature is protected, or not meant for propensities; names it.
    """
    report = progress or (lambda _stage, _share: None)
    _refuse_forbidden(features)
    if plan is None:
        if target.has_time:
            raise MissingDataError(
                f"target {target.name} without a plan of origins", "a plan: only a label without time is cross-validated", "call plan_origins"
            )
        return _train_without_time(target, dataset, features, seed, threads, report)
    return _train_in_time(target, dataset, plan, features, seed, threads, report)


def _train_in_time(target: Target, dataset: Dataset, plan: OriginPlan, features: Sequence[FeatureLike], seed: int, threads: int, report: Progress) -> Trained:
    in_train = np.isin(dataset.origin, np.array(plan.train, dtype="datetime64[D]"))
    in_calibration = dataset.origin == np.datetime64(plan.calibration)
    in_test = dataset.origin == np.datetime64(plan.test)
    for where, mask in (("the training origins", in_train), (f"calibration origin {plan.calibration}", in_calibration), (f"test origin {plan.test}", in_test)):
        _require_outcomes(target, dataset.label[mask], where)
    report("leakage scan", 0.05)
    encoding = learn_encoding(dataset.table.filter(in_train), features)
    data = _matrix(encoding, dataset)
    fitting = data.rows(in_train)
    suspects = refuse_leaks(encoding, fitting.x, fitting.y, seed=seed)
    report("screen", 0.1)
    encoding = screened(encoding, fitting, seed=seed, threads=threads)
    data = _matrix(encoding, dataset)
    fitting = data.rows(in_train)
    report("fit", 0.2)
    recipe, booster = recipe_in_time(fitting, data.rows(in_calibration), seed=seed, threads=threads, most_rounds=MOST_ROUNDS)
    report("judge", 0.5)
    tested = recipe.calibrator(raw_scores(booster, data.x[in_test], threads=threads))
    tested_groups = dataset.groups.filter(in_test) if dataset.groups is not None else None
    judged = _judge(data.y[in_test], tested, seed) | by_group(data.y[in_test], tested, tested_groups, seed=seed)
    report("roll forward", 0.65)
    serving = fit_recipe(data.rows(in_train | in_calibration), recipe)
    serving_raw = raw_scores(serving, data.x[in_test], threads=threads)
    serving_calibrator, evidence = choose_calibrator(serving_raw, data.y[in_test], seed=seed)
    report("done", 1.0)
    card = {
        **_declaration(target),
        **encoding.as_json(),
        **judged,
        **_provenance(recipe, seed, threads),
        **_drift_reference(serving_calibrator(serving_raw), data.x[in_train | in_calibration], encoding),
        "validation": TIME_VALIDATION,
        "origins": {"train": [day.isoformat() for day in plan.train], "calibration": plan.calibration.isoformat(), "test": plan.test.isoformat()},
        "serving": {
            "fitted_on": [day.isoformat() for day in (*plan.train, plan.calibration)],
            "calibrated_on": plan.test.isoformat(),
            "note": "metrics come from the model before it was rolled forward; the version that serves adds the calibration origin and is calibrated on the test origin",
        },
        "calibration": serving_calibrator.as_json(),
        "calibration_evidence": evidence,
        "calibration_judged": recipe.calibrator.method,
        "rows": {"train": int(in_train.sum()), "calibration": int(in_calibration.sum()), "test": int(in_test.sum())},
        "positives": {"train": int(data.y[in_train].sum()), "calibration": int(data.y[in_calibration].sum()), "test": int(data.y[in_test].sum())},
        "data_sha256": data_hash(data.x, data.y, dataset.origin),
        "suspects": [{"feature": s.feature, "auc": s.auc, "is_one_sided": s.is_one_sided} for s in suspects],
        "importance": _importance(serving, encoding),
        "reasons_reference": peer_reference(dataset.table, in_train | in_calibration, encoding),
    }
    return Trained(text_of(serving), card, _golden(serving, data.x[in_test]))


def _train_without_time(target: Target, dataset: Dataset, features: Sequence[FeatureLike], seed: int, threads: int, report: Progress) -> Trained:
    _require_outcomes(target, dataset.label, "all rows")
    encoding = learn_encoding(dataset.table, features)
    data = _matrix(encoding, dataset)
    suspects = refuse_leaks(encoding, data.x, data.y, seed=seed)
    found = cross_validate(data, seed=seed, workers=threads, progress=report)
    recipe = recipe_by_folds(data, seed=seed, workers=threads)
    serving = fit_recipe(data, recipe)
    report("done", 1.0)
    card = {
        **_declaration(target),
        **encoding.as_json(),
        **_judge(data.y, found.probability, seed),
        **by_group(data.y, found.probability, dataset.groups, seed=seed),
        **_provenance(recipe, seed, threads),
        **_drift_reference(found.probability, data.x, encoding),
        "validation": LABEL_VALIDATION,
        "origins": None,
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
        "suspects": [{"feature": s.feature, "auc": s.auc, "is_one_sided": s.is_one_sided} for s in suspects],
        "importance": _importance(serving, encoding),
        "reasons_reference": peer_reference(dataset.table, np.ones(len(data.y), dtype=bool), encoding),
    }
    return Trained(text_of(serving), card, _golden(serving, data.x))


def _refuse_forbidden(features: Sequence[FeatureLike]) -> None:
    """A second lock: the caller has left protected features out already, and no model may ever hold one."""
    forbidden = [f.name for f in features if getattr(f, "is_protected", False) or PURPOSE not in getattr(f, "purposes", (PURPOSE,))]
    if forbidden:
        raise ConfigurationError(
            f"features {', '.join(forbidden)} are protected or not meant for propensities", "features with the purpose propensity", "leave them out"
        )


def _require_outcomes(target: Target, label: NDArray[np.int8], where: str) -> None:
    if not len(label):
        raise MissingDataError(f"target {target.name} has no rows in {where}", "rows with a matured outcome", "check the population and the origins")
    positives = int(label.sum())
    if min(positives, len(label) - positives) < target.minimum_positives:
        raise TooFewPositivesError(target.name, min(positives, len(label) - positives), target.minimum_positives, where)


def _matrix(encoding: Encoding, dataset: Dataset) -> Matrix:
    return Matrix(encoding.matrix(dataset.table), dataset.label, tuple(encoding.categorical))


def _judge(label: NDArray[np.int8], probability: NDArray[np.float64], seed: int) -> dict[str, Any]:
    return {
        "metrics": {name: metric.as_json() for name, metric in measure(label, probability, seed=seed).items()},
        "n": len(label),
        "base_rate": float(label.mean()),
        "ece_chance_p95": chance_ece_p95(probability, seed=seed),
        "reliability": reliability(label, probability),
        "gains": gains(label, probability),
    }


def _declaration(target: Target) -> dict[str, Any]:
    return {
        "schema": SCHEMA, "target": target.name, "kind": target.kind, "product": target.product, "gap_days": target.gap_days, "horizon_days": target.horizon_days,
        "label_sql": target.label_sql, "population": target.population, "exclusions": list(target.exclusions), "purposes": list(target.purposes),
        "forbidden": ["any decision on credit"], "owner": target.owner, "materiality": target.materiality, "minimum_positives": target.minimum_positives,
    }  # fmt: skip


def _provenance(recipe: Recipe, seed: int, threads: int) -> dict[str, Any]:
    import lightgbm  # its OpenMP does not survive fork: loaded only where a job runs

    return {"members": recipe.as_json(), "seed": seed, "threads": threads, "lightgbm": lightgbm.__version__}


def _importance(booster: "lightgbm.Booster", encoding: Encoding) -> list[dict[str, Any]]:
    gain = booster.feature_importance("gain")
    total = max(float(gain.sum()), np.finfo(np.float64).tiny)
    ranked = sorted(zip((feature.name for feature in encoding.features), gain.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    return [{"feature": name, "gain_share": value / total} for name, value in ranked if value > 0]


def _drift_reference(probability: NDArray[np.float64], x: NDArray[np.float32], encoding: Encoding) -> dict[str, Any]:
    """Cut points of score and number features on the reference population, for drift statistics later."""
    inner = np.linspace(0, 1, DRIFT_BINS + 1)[1:-1]
    sample = x[:: max(1, len(x) // DRIFT_ROWS)]
    cuts = {}
    for place, feature in enumerate(encoding.features):
        known = sample[:, place][~np.isnan(sample[:, place])]
        if feature.type == "number" and len(known):
            cuts[feature.name] = np.unique(np.quantile(known, inner, method="nearest")).astype(np.float64).tolist()
    return {"score_cuts": np.unique(np.quantile(probability, inner)).tolist(), "feature_cuts": cuts}


def _golden(booster: "lightgbm.Booster", x: NDArray[np.float32]) -> dict[str, Any]:
    """Rows spread over the slice with their log-odds: what a sound copy of the model must answer."""
    rows = x[np.unique(np.linspace(0, len(x) - 1, GOLDEN_ROWS).astype(np.intp))]
    raw = raw_scores(booster, rows, threads=1)
    return {"rows": [[None if np.isnan(value) else float(value) for value in row] for row in rows], "raw": raw.tolist()}
