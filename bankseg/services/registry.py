"""The registry: which version may score a run, how a new one is entered, and how its standing changes."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from importlib.resources import files
from typing import Any

from sqlmodel import Session, col, select

from bankseg.domain.horizon import add_months
from bankseg.propensity.targets import Target
from bankseg.services.bank import Bank
from bankseg.storage import audit, model_decision, model_proposal
from bankseg.storage import propensity_model as models
from bankseg.storage.database import database_time
from bankseg.storage.propensity_model import SCORED_BESIDE, ModelStatus, PropensityModel

# Thresholds of the policy that enter the outcome of each sense; another value is another question, which the champion never answered.
THRESHOLDS: Mapping[str, tuple[str, ...]] = {
    "balance_attrition": ("attrition_share", "explained_share", "attrition_floor_minor"),
    "dormancy": ("dormant_days",),
    "primary_loss": ("regular_months", "one_cycle_days", "two_cycles_days"),
}
TIERS = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Standing:
    """What a target has to score a run of a date with: the version, or none; and why it is to be trained, or empty when it is not."""

    model: PropensityModel | None
    train_because: str


def definition_of(bank: Bank, target: Target) -> str:
    """SHA-256 of what a target's outcome means here: its SQL, its population, its window and the thresholds that enter them."""
    sql = files("bankseg.features").joinpath("labels", f"{target.label_sql}.sql").read_text(encoding="utf-8")
    churn = bank.policy.section("churn")
    parts = [
        sql,
        target.gap_days,
        target.horizon_days,
        dict(bank.policy.section("population")),
        {name: churn[name] for name in THRESHOLDS.get(target.name, ())},
    ]
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def standing(session: Session, bank: Bank, target: Target, as_of: date, features: Collection[str], *, is_asked: bool) -> Standing:
    """The version that scores this target in a run of this date, and whether the run trains a new one.

    A version is usable when it was trained on or before the date, every feature it reads exists, and it estimates what the policy now asks.
    """
    usable = _usable(session, target.name, as_of, features, definition_of(bank, target))
    if usable is None:
        return Standing(None, "no version is usable on this date")
    age = (as_of - date.fromisoformat(usable.as_of)).days
    limit = int(bank.policy.section("governance")["retrain_after_days"])
    if is_asked:
        return Standing(usable, "training was asked for")
    return Standing(usable, f"version {usable.version} is {age} days old, the limit is {limit}" if age > limit else "")


def beside(session: Session, target: str, as_of: date, features: Collection[str]) -> list[PropensityModel]:
    """The versions scored in shadow in a run of this date."""
    query = select(PropensityModel).where(PropensityModel.target == target, col(PropensityModel.status).in_(SCORED_BESIDE))
    found = session.exec(query.order_by(col(PropensityModel.version))).all()
    return [model for model in found if _fits(model, as_of, features)]


def enter(session: Session, bank: Bank, model: PropensityModel, *, run_models: Mapping[str, str]) -> PropensityModel:
    """Enter a trained version: the champion by policy where nothing else can serve, else the target's challenger. Known bytes keep their number.

    A retired version that was trained again stands as a challenger again; one that a person rejected stays rejected.
    """
    known = models.by_digest(session, model.target, model.digest)
    entered = known or model
    if known is None:
        entered.version, entered.created_at = models.last_version(session, model.target) + 1, database_time(session)
        entered.status = ModelStatus.RETIRED  # until its standing is decided below, in this transaction
        session.add(entered)
        session.flush()
        model_decision.record(session, entered.id or 0, "trained", person_id=model.trained_by, run=model.run_id)
        audit.record(session, "model_trained", name_of(entered), person_id=model.trained_by, run=model.run_id, digest=model.digest)
    if entered.status == ModelStatus.RETIRED:
        _decide_standing(session, bank, entered, run_models)
    return entered


def make_champion(session: Session, model: PropensityModel, former_status: ModelStatus = ModelStatus.SHADOW) -> PropensityModel | None:
    """Let a version serve from now on; the one before stays as a shadow, and the shadow before that retires. Returns the former champion."""
    for old in models.versions(session, model.target):
        if old.status == ModelStatus.SHADOW and old.id != model.id:
            old.status = ModelStatus.RETIRED
    former = models.champion(session, model.target)
    if former is not None and former.id != model.id:
        former.status = former_status
    session.flush()  # the former first: the store lets no target have two champions
    model.status, model.promoted_at = ModelStatus.CHAMPION, database_time(session)
    session.flush()
    return former if former is not None and former.id != model.id else None


def name_of(model: PropensityModel) -> str:
    """How a version is called in the audit trail."""
    return f"{model.target} v{model.version}"


def materiality(policy: Mapping[str, Any], exposure: int, purposes: Iterable[str], declared: str) -> str:
    """Tier of model risk, never below the declared one: exposure (0 to 2 by clients scored) plus the gravest purpose (0 to 2). `Any`: the policy's values.

    Examples
    --------
    >>> rules = {"exposure_clients": {"medium": 10000, "large": 250000}, "purpose_weight": {"marketing": 0, "retention": 1}}
    >>> materiality(rules, 15000, ["retention"], "low"), materiality(rules, 500, ["marketing"], "low"), materiality(rules, 500, ["marketing"], "high")
    ('medium', 'low', 'high')
    """
    clients, weights = policy["exposure_clients"], policy["purpose_weight"]
    points = int(exposure >= clients["medium"]) + int(exposure >= clients["large"]) + max((int(weights.get(name, 0)) for name in purposes), default=0)
    computed = 2 if points >= 3 else 1 if points >= 1 else 0
    return TIERS[max(computed, TIERS.index(declared) if declared in TIERS else 0)]


def review_date(policy: Mapping[str, Any], tier: str, from_day: date) -> date:
    """Day by which a person looks at the version again. `Any`: the policy's values.

    Examples
    --------
    >>> review_date({"review_months": {"high": 6}}, "high", date(2025, 12, 31))
    datetime.date(2026, 6, 30)
    """
    return add_months(from_day, int(policy["review_months"][tier]))


def _usable(session: Session, target: str, as_of: date, features: Collection[str], definition: str) -> PropensityModel | None:
    """The champion when it may serve on this date; for an earlier date the latest version that had served by then."""
    served = [model for model in models.versions(session, target) if model.status == ModelStatus.CHAMPION or _had_served(model)]
    served.sort(key=lambda model: (model.status == ModelStatus.CHAMPION, model.version), reverse=True)
    for model in served:
        if _fits(model, as_of, features) and model.definition_sha256 in {"", definition}:
            return model
        if model.status == ModelStatus.CHAMPION and date.fromisoformat(model.as_of) <= as_of:
            return None  # an older version would not read or mean anything else: it is the champion that has to be replaced
    return None


def _had_served(model: PropensityModel) -> bool:
    return model.promoted_at is not None and model.status in {ModelStatus.SHADOW, ModelStatus.RETIRED}


def _fits(model: PropensityModel, as_of: date, features: Collection[str]) -> bool:
    return date.fromisoformat(model.as_of) <= as_of and set(model.features) <= set(features)


def _decide_standing(session: Session, bank: Bank, model: PropensityModel, run_models: Mapping[str, str]) -> None:
    """Champion where the target has none that could serve, and the policy lets a version serve at once; challenger otherwise."""
    serving = models.champion(session, model.target)
    replaces = serving is None or (model.target not in run_models and serving.as_of <= model.as_of)
    if replaces and bank.policy.section("governance")["promote_first"]:
        former = make_champion(session, model, ModelStatus.RETIRED)
        reason = (
            "the first version of its target" if former is None else f"version {former.version} reads features or estimates an outcome that is no longer in use"
        )
        model_decision.record(session, model.id or 0, "promoted_by_policy", reason=reason, policy=bank.policy.sha256)
        audit.record(session, "model_promoted_by_policy", name_of(model), reason=reason, policy=bank.policy.sha256)
        return
    if serving is not None and serving.as_of > model.as_of:
        return  # trained for a date before the champion's, to fill in history: it scores that run and is no candidate
    for old in models.versions(session, model.target):
        if old.status == ModelStatus.CHALLENGER and old.id != model.id:
            _withdraw(session, old, f"version {model.version} was trained since")
    model.status = ModelStatus.CHALLENGER
    session.flush()


def _withdraw(session: Session, challenger: PropensityModel, reason: str) -> None:
    """Retire a challenger that a newer one takes the place of, with its open proposal."""
    challenger.status = ModelStatus.RETIRED
    proposal = model_proposal.open_proposal(session, challenger.target, "promotion", lock=True)
    if proposal is not None:
        proposal.state, proposal.decision_reason, proposal.decided_at = "rejected", reason, database_time(session)
        model_decision.record(session, challenger.id or 0, "withdrawn", reason=reason)
        audit.record(session, "model_proposal_withdrawn", name_of(challenger), reason=reason)
