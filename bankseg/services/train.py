"""Training: one target's model from the run's snapshots, saved, checked in a child process, and registered."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlmodel import Session, col, select

from bankseg.domain.errors import LeakageError, MissingDataError, TooFewPositivesError
from bankseg.features.catalogue import Feature, catalogue
from bankseg.lake.parquet import read_checked
from bankseg.propensity.artefacts import Artefact, save, verify_in_child
from bankseg.propensity.dataset import Dataset
from bankseg.propensity.train import Trained, train
from bankseg.services.bank import Bank
from bankseg.services.jobs import Claim
from bankseg.services.runs import origins_from_json, planned_targets, seed_of
from bankseg.services.snapshot import labels_path, snapshot_path
from bankseg.storage import audit
from bankseg.storage.database import db_now, reading, transaction
from bankseg.storage.propensity_model import PropensityModel, champion
from bankseg.storage.run import Run

# Rows one training may hold in memory; beyond it whole buckets of clients are left out, and buckets are random by construction.
MOST_ROWS = 1_500_000


def train_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """Train one target; too few positives or a leak is an honest refusal that the run records and goes on from."""
    with reading(bank.engine) as session:
        run = session.get_one(Run, claim.run_id)
    name: str = claim.payload["target"]
    claim.progress(0, 100, f"gathering {name}")
    target = next(entry.target for entry in planned_targets(bank, date.fromisoformat(run.as_of), run.table_versions) if entry.target.name == name)
    features = model_features(bank, run)
    try:
        dataset = gather(bank, run, name, [feature.name for feature in features])
        plan = origins_from_json(run.plan["targets"][name])
        trained = train(target, dataset, plan, features, seed=seed_of(name), progress=lambda what, share: claim.progress(int(share * 95), 100, f"{name}: {what}"))
    except (TooFewPositivesError, MissingDataError, LeakageError) as refusal:
        return _refuse(bank, claim, name, str(refusal))
    artefact = save(trained, bank.settings.artefacts, bank.settings.key())
    verify_in_child(bank.settings.artefacts, artefact.digest, bank.settings.key())
    return _register(bank, claim, run, trained, artefact, dataset)


def model_features(bank: Bank, run: Run) -> list[Feature]:
    """Features a propensity model may read, in catalogue order."""
    tables = frozenset(run.table_versions) | ({"balances"} if "transactions" in run.table_versions else frozenset())
    known = catalogue(tables, run.plan["products"], bank.declarations.attributes)
    return [feature for feature in known if "propensity" in feature.purposes and not feature.is_protected]


def gather(bank: Bank, run: Run, target: str, features: list[str]) -> Dataset:
    """Labelled rows of every origin of the target's plan."""
    plan = run.plan["targets"][target]
    origins = sorted({*plan["train"], plan["calibration"], plan["test"]}) if plan else [run.as_of]
    tables: list[pa.Table] = []
    labels: list[np.ndarray] = []
    days: list[np.ndarray] = []
    rows = 0
    for bucket in range(int(run.plan["buckets"])):
        for origin in origins:
            part, outcome = _bucket_rows(bank, run, target, origin, bucket, features)
            tables.append(part)
            labels.append(outcome)
            days.append(np.full(len(outcome), np.datetime64(origin, "D")))
            rows += len(outcome)
        if rows > MOST_ROWS:
            break
    if not rows:
        raise MissingDataError(f"no client has an outcome for {target}", "clients of its population with a matured window", "load a longer history")
    order = np.argsort(np.concatenate(days), kind="stable")
    table = pa.concat_tables(tables, promote_options="permissive").take(pa.array(order))
    return Dataset(table, np.concatenate(labels)[order].astype(np.int8), np.concatenate(days)[order])


def _bucket_rows(bank: Bank, run: Run, target: str, origin: str, bucket: int, features: list[str]) -> tuple[pa.Table, np.ndarray]:
    outcomes = read_checked(labels_path(bank, run, origin, bucket))
    outcomes = outcomes.filter(pc.equal(outcomes.column("target"), target))
    snapshot = read_checked(snapshot_path(bank, run, origin, bucket))
    positions = pc.index_in(outcomes.column("client_id"), value_set=snapshot.column("client_id").combine_chunks())
    known = pc.is_valid(positions)
    kept = [name for name in ("client_id", *features) if name in snapshot.column_names]
    return snapshot.select(kept).take(positions.filter(known)), outcomes.column("outcome").filter(known).to_numpy()


def _refuse(bank: Bank, claim: Claim, target: str, why: str) -> dict[str, Any]:
    with transaction(bank.engine) as session:
        claim.hold(session)
        run = session.exec(select(Run).where(Run.id == claim.run_id).with_for_update()).one()
        run.refusals = {**run.refusals, target: why}
        audit.record(session, "training_refused", target, run=claim.run_id, why=why)
    return {"refused": why}


def _register(bank: Bank, claim: Claim, run: Run, trained: Trained, artefact: Artefact, dataset: Dataset) -> dict[str, Any]:
    """Write the version and, until promotion by a second person arrives, let it take over from the one before."""
    name: str = claim.payload["target"]
    with transaction(bank.engine) as session:
        claim.hold(session)
        known = session.exec(select(PropensityModel).where(PropensityModel.target == name, PropensityModel.digest == artefact.digest)).one_or_none()
        model = known or _new_version(session, name, artefact.digest, run, trained, dataset)
        session.add(model)
        locked = session.exec(select(Run).where(Run.id == run.id).with_for_update()).one()
        locked.models = {**locked.models, name: artefact.digest}
        locked.refusals = {key: why for key, why in locked.refusals.items() if key != name}
        if known is None:
            audit.record(session, "model_trained", f"{name} v{model.version}", run=run.id, digest=artefact.digest)
    return {"digest": artefact.digest, "metrics": trained.metrics}


def _new_version(session: Session, name: str, digest: str, run: Run, trained: Trained, dataset: Dataset) -> PropensityModel:
    before = champion(session, name)
    if before is not None:
        before.status = "retired"
    last = session.exec(select(PropensityModel.version).where(PropensityModel.target == name).order_by(col(PropensityModel.version).desc()).limit(1)).one_or_none()
    return PropensityModel(
        target=name,
        version=(last or 0) + 1,
        digest=digest,
        as_of=run.as_of,
        run_id=run.id,
        positives=dataset.positives,
        metrics=trained.metrics,
        created_at=session.scalar(select(db_now())) or 0.0,
    )
