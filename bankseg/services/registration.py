"""Registration: a trained version is compared with the champion, entered, measured at its gates, and given its part in the run."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session, select

from bankseg.propensity.artefacts import Artefact, load
from bankseg.propensity.dataset import Dataset
from bankseg.propensity.targets import Target
from bankseg.propensity.train import Trained
from bankseg.services.bank import Bank
from bankseg.services.challenge import compare, reference_of
from bankseg.services.jobs import Claim
from bankseg.services.promotion import evaluate_gates
from bankseg.services.registry import definition_of, enter, materiality, review_date
from bankseg.storage import fold_opening
from bankseg.storage.database import reading, transaction
from bankseg.storage.propensity_model import SCORED_BESIDE, ModelStatus, PropensityModel, champion
from bankseg.storage.run import Run


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained model that is stored and checked, with what was measured on the rows it came from. `Any`: JSON."""

    trained: Trained
    artefact: Artefact
    positives: int
    reference: dict[str, Any]
    comparison: dict[str, Any]


def measured(bank: Bank, target: Target, trained: Trained, artefact: Artefact, dataset: Dataset, *, seed: int) -> Learned:
    """Measure a stored version while its rows are at hand: its reference for drift, and its gain over the champion on unseen rows."""
    version = load(bank.settings.artefacts, artefact.digest, bank.settings.key())
    with reading(bank.engine) as session:
        serving = champion(session, target.name)
    comparison: dict[str, Any] = {}
    if serving is not None and serving.digest != artefact.digest:
        theirs = load(bank.settings.artefacts, serving.digest, bank.settings.key())
        found = compare(version, theirs, dataset, seed=seed) if set(serving.features) <= set(dataset.table.column_names) else {}
        comparison = {**found, "champion": serving.digest} if found else {}
    return Learned(trained, artefact, dataset.positives, reference_of(version, dataset), comparison)


def register(bank: Bank, claim: Claim, run: Run, target: Target, learned: Learned) -> dict[str, Any]:
    """Enter the version, count the opening of its locked fold, store its gates, and say what it is to the run: the one that scores, or one beside it."""
    with transaction(bank.engine) as session:
        claim.hold(session)
        locked = session.exec(select(Run).where(Run.id == run.id).with_for_update()).one()
        entered = enter(session, bank, _row(bank, run, target, learned), run_models=locked.models)
        entered.reference, entered.comparison = learned.reference, learned.comparison
        _count_opening(session, run, entered, learned)
        evaluate_gates(bank, session, entered, "registration", learned.trained.card)
        _give_part(locked, entered)
    return {"digest": learned.artefact.digest, "version": entered.version, "status": entered.status, "metrics": learned.trained.metrics}


def _give_part(run: Run, entered: PropensityModel) -> None:
    target = entered.target
    fills_history = entered.status == ModelStatus.RETIRED and target not in run.models
    if entered.status == ModelStatus.CHAMPION or fills_history:
        run.models = {**run.models, target: entered.digest}
    elif entered.status in SCORED_BESIDE:
        beside = run.shadows.get(target, [])
        run.shadows = {**run.shadows, target: [*(known for known in beside if known != entered.digest), entered.digest]}
    run.refusals = {key: why for key, why in run.refusals.items() if key != target}


def _row(bank: Bank, run: Run, target: Target, learned: Learned) -> PropensityModel:
    governance, card = bank.policy.section("governance"), learned.trained.card
    exposure = int(card["rows"].get("test", card["rows"].get("all", 0)))
    tier = materiality(governance, exposure, target.purposes, target.materiality)
    return PropensityModel(
        target=target.name,
        version=0,
        digest=learned.artefact.digest,
        as_of=run.as_of,
        run_id=run.id,
        positives=learned.positives,
        metrics=learned.trained.metrics,
        trained_by=run.started_by,
        features=[feature["name"] for feature in card["features"]],
        definition_sha256=definition_of(bank, target),
        exposure=exposure,
        materiality=tier,
        next_review_on=review_date(governance, tier, date.fromisoformat(run.as_of)).isoformat(),
    )


def _count_opening(session: Session, run: Run, entered: PropensityModel, learned: Learned) -> None:
    card = learned.trained.card
    fold = card.get("locked_fold") or {"origin": "", "rows_sha256": card["data_sha256"]}
    fold_opening.record(
        session,
        target=entered.target,
        origin=fold["origin"] or "",
        rows_sha256=fold["rows_sha256"],
        run_id=run.id,
        model_id=entered.id,
        person_id=run.started_by,
        why=run.plan.get("trained_because", {}).get(entered.target, ""),
    )
