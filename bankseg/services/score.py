"""Scoring: each shard of buckets gets every target's calibrated propensity, its next best product and its reasons."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import MissingDataError
from bankseg.domain.reasons import reason_code
from bankseg.lake.local import LocalBucket
from bankseg.lake.parquet import read_checked, write_whole
from bankseg.propensity.artefacts import load
from bankseg.propensity.predict import Propensity
from bankseg.propensity.reasons import Reason
from bankseg.services import vulnerability
from bankseg.services.bank import Bank
from bankseg.services.bucket_work import Desk, Written, each_bucket, telling
from bankseg.services.declared_outcomes import as_sales, losses, sales
from bankseg.services.eligibility import eligibility
from bankseg.services.jobs import Claim
from bankseg.services.next_product import next_products
from bankseg.services.shadow import shadow_models
from bankseg.services.snapshot import lake_at, snapshot_path
from bankseg.storage.database import reading
from bankseg.storage.run import Run

IDENTITY = (
    "SELECT client_id, name, kind, coalesce(status, 'active') AS status, city, home_branch_id AS branch_id, rm_id, joined_on, birth_on, "
    "deceased_on, coalesce(is_vulnerable, false) AS is_on_register FROM clients"
)
GUARDED = ", guarded.* EXCLUDE (client_id)"  # what finds vulnerable clients, where transactions were loaded
LAST_INTERACTION = "SELECT client_id, max(occurred_on) AS last_interaction_on FROM interactions GROUP BY client_id"
SINCE = {
    "instalments": "SELECT client_id, min(due_on) AS arrears_since FROM instalments WHERE paid_on IS NULL GROUP BY client_id",
    "transactions": "SELECT client_id, min(booked_on) AS rejects_since FROM transactions WHERE type = 'rejected_debit' AND booked_on > $after_30d GROUP BY client_id",
}
# Reasons are computed for everyone up to this many clients of a bucket, and for the likeliest beyond it: exact reasons cost far more than a score.
REASONED_A_BUCKET = 20_000
TOP_REASONS = 3


def score_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """Score the shard's buckets: features -> propensities -> reasons -> one file a bucket."""
    with reading(bank.engine) as session:
        run = session.get_one(Run, claim.run_id)
    tasks = [(bucket,) for bucket in claim.payload["buckets"]]
    scored = sum(written.clients for written in each_bucket(bank, run, score_and_write, tasks, telling(claim, len(tasks), "scoring")))
    return {"clients": scored, "models": dict(run.models)}


def score_and_write(desk: Desk, bucket: int) -> Written:
    """Write one bucket's scores."""
    table = score_bucket(desk.bank, desk.run, desk.once(_models), bucket, desk.once(shadow_models))
    desk.holds()
    path = scores_path(desk.bank, desk.run.id or 0, bucket)
    write_whole(table, path)
    return desk.written(path, table.num_rows)


def _models(bank: Bank, run: Run) -> dict[str, Propensity]:
    return {target: load(bank.settings.artefacts, digest, bank.settings.key()) for target, digest in sorted(run.models.items())}


def scores_path(bank: Bank, run_id: int, bucket: int) -> Path:
    """File of one bucket's scores in a run."""
    return bank.snapshots / "runs" / str(run_id) / "scores" / f"bucket={bucket:04d}.parquet"


def score_bucket(bank: Bank, run: Run, models: Mapping[str, Propensity], bucket: int, shadows: Mapping[str, tuple[str, Propensity]] | None = None) -> pa.Table:
    """Identity, snapshot, propensities and reasons of one bucket's clients; propensities of versions not in use stand in columns of their own."""
    snapshot = read_checked(snapshot_path(bank, run, run.as_of, bucket))
    table = _with_identity(bank, run, bucket, snapshot)
    beside = shadows or {}
    eligible = eligibility(bank, run, bucket, table.column("client_id"), {*models, *(target for target, _ in beside.values())})
    propensities = {target: _propensity(model, table, eligible[target]) for target, model in models.items()}
    propensities |= as_sales(bank.declarations, table, propensities)
    models = {**models, **{product: models[label] for product, label in sales(bank.declarations, models).items()}}
    for target, values in propensities.items():
        table = table.append_column(f"p:{target}", pa.array(values, pa.float64(), from_pandas=True))
    for column, (target, model) in beside.items():
        table = table.append_column(column, pa.array(_propensity(model, table, eligible[target]), pa.float64(), from_pandas=True))
    return _with_reasons(bank, table, models, propensities)


def _with_identity(bank: Bank, run: Run, bucket: int, snapshot: pa.Table) -> pa.Table:
    as_of = date.fromisoformat(run.as_of)
    with LocalBucket(lake_at(bank, run), bucket, as_of) as connection:
        connection.register("snapshot", snapshot)
        pieces = ["SELECT s.*, i.* EXCLUDE (client_id)"]
        joins = [f"FROM snapshot AS s JOIN ({IDENTITY}) AS i ON i.client_id = s.client_id"]  # constants of this module
        for name, sql in _available(connection):
            pieces.append(f", {name}.* EXCLUDE (client_id)")
            joins.append(f"LEFT JOIN ({sql}) AS {name} ON {name}.client_id = s.client_id")
        pieces.append(
            ", i.is_on_register OR coalesce(guarded.is_flagged, false) AS is_vulnerable" if GUARDED in pieces else ", i.is_on_register AS is_vulnerable"
        )
        statement = "".join(pieces) + " " + " ".join(joins) + " ORDER BY s.client_id"
        table = connection.arrow(statement, {**bank.policy.horizon(as_of).window_starts(), **vulnerability.parameters(bank.policy, as_of)})
    if table.num_rows != snapshot.num_rows:
        raise MissingDataError(f"bucket {bucket} has {snapshot.num_rows} clients in the snapshot and {table.num_rows} in the lake", "the same clients")
    return table


def _available(connection: LocalBucket) -> list[tuple[str, str]]:
    parts = [(f"since_{table}", sql) for table, sql in SINCE.items() if table in connection.tables]
    if connection.tables >= vulnerability.NEEDS:
        parts.append(("guarded", vulnerability.vulnerable_sql()))
    return [*parts, ("talked", LAST_INTERACTION)] if "interactions" in connection.tables else parts


def _propensity(model: Propensity, table: pa.Table, eligible: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Calibrated propensities, NaN for clients of whom the target may not be asked."""
    values = np.full(table.num_rows, np.nan)
    if eligible.any():
        values[eligible] = model.predict(table.filter(pa.array(eligible, pa.bool_())))
    return values


def _with_reasons(bank: Bank, table: pa.Table, models: Mapping[str, Propensity], propensities: Mapping[str, NDArray[np.float64]]) -> pa.Table:
    headline = headline_target(bank, list(models))
    best = next_products(bank, table, models, propensities)
    churn = propensities[headline] if headline else np.full(table.num_rows, np.nan)
    table = table.append_column("churn", pa.array(churn, pa.float64(), from_pandas=True))
    table = table.append_column("churn_target", pa.array([headline] * table.num_rows, pa.string()))
    table = table.append_column("churn_reasons", pa.array(_reasons(models.get(headline or ""), table, churn), pa.string()))
    reasons = _best_reasons(models, table, best.column("best_product").to_pylist())
    for name in best.column_names:
        table = table.append_column(name, best.column(name))
    return table.append_column("best_reasons", pa.array(reasons, pa.string()))


def headline_target(bank: Bank, targets: list[str]) -> str | None:
    """The churn target shown on lists: the first of the policy's with a model, else the bank's own outcome that means a loss."""
    for target in bank.policy.section("churn")["headline"]:
        if target in targets:
            return str(target)
    return next((target for target in losses(bank.declarations) if target in targets), None)


def _reasons(model: Propensity | None, table: pa.Table, propensity: NDArray[np.float64]) -> list[str]:
    empty = ["[]"] * table.num_rows
    known = np.flatnonzero(~np.isnan(propensity))
    if model is None or not len(known):
        return empty
    chosen = known[np.argsort(-propensity[known], kind="stable")][:REASONED_A_BUCKET]
    for place, reasons in zip(chosen, model.reasons(table.take(chosen), top=TOP_REASONS), strict=True):
        empty[place] = reasons_as_json(reasons)
    return empty


def _best_reasons(models: Mapping[str, Propensity], table: pa.Table, best: list[str | None]) -> list[str]:
    texts = ["[]"] * table.num_rows
    for product in sorted({choice for choice in best if choice}):
        places = [place for place, choice in enumerate(best) if choice == product]
        for place, reasons in zip(places, models[f"cross_sell:{product}"].reasons(table.take(pa.array(places)), top=TOP_REASONS), strict=True):
            texts[place] = reasons_as_json(reasons)
    return texts


def reasons_as_json(reasons: list[Reason]) -> str:
    """Reasons as stored: code and family, direction, share of the push, leading feature, the client's own value and, where peers are known, what is usual."""
    return json.dumps([_as_stored(reason) for reason in reasons], separators=(",", ":"))


def _as_stored(reason: Reason) -> dict[str, Any]:  # JSON
    stored = {"code": reason_code(reason.family), "family": reason.family, "direction": reason.direction, "share": round(reason.share, 4)}
    return stored | {"feature": reason.feature, "value": reason.value} | ({"peer": reason.peer} if reason.is_compared else {})
