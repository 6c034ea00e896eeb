"""Training: one target's model from the run's snapshots, saved, checked in a child process, and registered."""

from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sqlmodel import select

from bankseg.domain.errors import LeakageError, MissingDataError, TooFewPositivesError
from bankseg.domain.purposes import refuse_personal
from bankseg.features.catalogue import Feature, directed
from bankseg.lake.parquet import read_checked, row_count
from bankseg.propensity.artefacts import save, verify_in_child
from bankseg.propensity.crossval import Progress
from bankseg.propensity.dataset import Dataset
from bankseg.propensity.targets import Target
from bankseg.propensity.train import Setup, Trained, train
from bankseg.services.audit_groups import audit_groups, groups_of_rows
from bankseg.services.bank import Bank
from bankseg.services.jobs import Claim
from bankseg.services.model_inputs import model_inputs
from bankseg.services.registration import measured, register
from bankseg.services.runs import origins_from_json, planned_targets, seed_of
from bankseg.services.snapshot import labels_path, snapshot_path
from bankseg.services.training_parts import cluster_fits, outcomes_among
from bankseg.services.tree_settings import setup_for
from bankseg.storage import audit
from bankseg.storage.database import reading, transaction
from bankseg.storage.run import Run

# What a target may be refused for; the run goes on without it.
REFUSALS = (TooFewPositivesError, MissingDataError, LeakageError)


def train_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """Train one target; too few positives or a leak is an honest refusal that the run records and goes on from."""
    with reading(bank.engine) as session:
        run = session.get_one(Run, claim.run_id)
    name: str = claim.payload["target"]
    claim.progress(0, 100, f"gathering {name}")
    try:
        target, trained, dataset = learn(bank, run, name, progress=lambda what, share: claim.progress(int(share * 95), 100, f"{name}: {what}"))
    except REFUSALS as refusal:
        return _refuse(bank, claim, name, str(refusal))
    artefact = save(trained, bank.settings.artefacts, bank.settings.key())
    verify_in_child(bank.settings.artefacts, artefact.digest, bank.settings.key())
    return register(bank, claim, run, target, measured(bank, target, trained, artefact, dataset, seed=seed_of(name)))


def learn(bank: Bank, run: Run, name: str, *, setup: Setup | None = None, progress: Progress | None = None) -> tuple[Target, Trained, Dataset]:
    """Train one target of a run from its snapshots; the same run, code and setup give the same bytes.

    Parameters
    ----------
    setup
        How the trees grow; None: as the policy and the latest valid tuning say.
    """
    target = next(entry.target for entry in planned_targets(bank, date.fromisoformat(run.as_of), run.table_versions) if entry.target.name == name)
    features = directed(model_features(bank, run), target.kind, target.product)
    refuse_personal(target.purposes, features)
    dataset = gather(bank, run, name, [feature.name for feature in features])
    plan = origins_from_json(run.plan["targets"][name])
    with cluster_fits(bank, run, name, is_sampled=is_sampled(bank, run, name)) as fits:
        chosen = replace(setup or setup_for(bank, run, target), fits=fits)
        trained = train(target, dataset, plan, features, seed=seed_of(name), setup=chosen, progress=progress)
    return target, trained, dataset


def model_features(bank: Bank, run: Run) -> list[Feature]:
    """Features a propensity model may read, in catalogue order."""
    return model_inputs(bank, run.table_versions, run.plan["products"])


def gather(bank: Bank, run: Run, target: str, features: list[str]) -> Dataset:
    """Labelled rows of every origin of the target's plan, ordered by origin; the audit groups of the rows that judge stand beside them."""
    plan = run.plan["targets"][target]
    origins = _origins(run, target)
    buckets = _buckets_within(bank, run, origins)
    pairs = [(origin, bucket) for origin in origins for bucket in range(buckets)]
    slices, table = _features(tuple(snapshot_path(bank, run, origin, bucket) for origin, bucket in pairs), tuple(features))
    positions, labels, days = [], [], []
    for (origin, bucket), (start, clients) in zip(pairs, slices, strict=True):
        found, label = outcomes_among(read_checked(labels_path(bank, run, origin, bucket)), target, clients)
        positions.append(found + start)
        labels.append(label)
        days.append(np.full(len(labels[-1]), np.datetime64(origin, "D")))
    chosen = np.concatenate(positions)
    if not len(chosen):
        raise MissingDataError(f"no client has an outcome for {target}", "clients of its population with a matured window", "load a longer history")
    rows, known_at = table.take(chosen), np.concatenate(days)
    judged = plan["test"] if plan else run.as_of
    groups = audit_groups(bank, run, judged, range(buckets))
    told = groups_of_rows(groups, rows.column("client_id"), known_at == np.datetime64(judged, "D"))
    return Dataset(rows, np.concatenate(labels).astype(np.int8), known_at, told)


def is_sampled(bank: Bank, run: Run, target: str) -> bool:
    """Whether one machine's training leaves buckets of clients out."""
    return _buckets_within(bank, run, _origins(run, target)) < int(run.plan["buckets"])


def _origins(run: Run, target: str) -> list[str]:
    plan = run.plan["targets"][target]
    return sorted({*plan["train"], plan["calibration"], plan["test"]}) if plan else [run.as_of]


@lru_cache(maxsize=1)
def _features(paths: tuple[Path, ...], features: tuple[str, ...]) -> tuple[list[tuple[int, "pa.Array[Any]"]], pa.Table]:
    """Features of several snapshot files as one table, with each file's first row and clients; kept, for the next target reads the same."""
    tables = [read_checked(path) for path in paths]
    tables = [table.select([name for name in ("client_id", *features) if name in table.column_names]) for table in tables]
    starts = np.concatenate([[0], np.cumsum([table.num_rows for table in tables])])
    slices = [(int(start), table.column("client_id").combine_chunks()) for start, table in zip(starts, tables, strict=False)]
    return slices, pa.concat_tables(tables, promote_options="permissive").combine_chunks()


def _buckets_within(bank: Bank, run: Run, origins: list[str]) -> int:
    """How many buckets of clients fit the rows one training may hold: buckets are random by construction, so any of them are a fair sample."""
    buckets = int(run.plan["buckets"])
    rows = sum(row_count(snapshot_path(bank, run, origin, 0)) for origin in origins)
    return max(1, min(buckets, bank.settings.most_training_rows // max(rows, 1)))


def _refuse(bank: Bank, claim: Claim, target: str, why: str) -> dict[str, Any]:
    with transaction(bank.engine) as session:
        claim.hold(session)
        run = session.exec(select(Run).where(Run.id == claim.run_id).with_for_update()).one()
        run.refusals = {**run.refusals, target: why}
        audit.record(session, "training_refused", target, run=claim.run_id, why=why)
    return {"refused": why}
