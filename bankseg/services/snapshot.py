"""Snapshots: every client's features at an origin, bucket by bucket, with the outcomes that had matured by the run's date."""

from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from bankseg.domain.horizon import Horizon
from bankseg.features.build import build_snapshot, features_digest
from bankseg.features.labels import build_labels, can_label
from bankseg.lake.files import versions_digest
from bankseg.lake.local import LakeAt, LocalBucket
from bankseg.lake.parquet import write_whole
from bankseg.services.bank import Bank
from bankseg.services.jobs import Claim
from bankseg.storage.database import reading
from bankseg.storage.run import Run

LABELS_SCHEMA = pa.schema([("client_id", pa.string()), ("target", pa.string()), ("outcome", pa.int8())])


def snapshot_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """Compute the features of some buckets at one origin, and its outcomes when it is an origin of the plan; files that exist are kept."""
    with reading(bank.engine) as session:
        run = session.get_one(Run, claim.run_id)
    origin = date.fromisoformat(claim.payload["origin"])
    buckets: list[int] = claim.payload["buckets"]
    lake = lake_at(bank, run)
    clients = 0
    for done, bucket in enumerate(buckets):
        claim.progress(done, len(buckets), f"features as of {origin}, bucket {bucket}")
        clients += _one_bucket(bank, run, lake, origin, bucket)
    claim.progress(len(buckets), len(buckets))
    return {"clients": clients}


def lake_at(bank: Bank, run: Run) -> LakeAt:
    """The lake at the table versions the run recorded."""
    return LakeAt(bank.lake, run.table_versions, run.file_hashes, bank.relations(), bank.settings.duckdb_memory)


def snapshot_path(bank: Bank, run: Run, origin: str, bucket: int) -> Path:
    """File of one bucket's features at an origin; the same inputs share it between runs."""
    return _folder(bank, run, origin) / f"bucket={bucket:04d}.parquet"


def labels_path(bank: Bank, run: Run, origin: str, bucket: int) -> Path:
    """File of one bucket's outcomes at an origin, as known on the run's date."""
    thresholds = sha256(repr(sorted(_thresholds(bank).items())).encode()).hexdigest()[:8]
    return _folder(bank, run, origin) / f"labels-{run.as_of}-{thresholds}" / f"bucket={bucket:04d}.parquet"


def _folder(bank: Bank, run: Run, origin: str) -> Path:
    economics = sha256(repr([(name, table.to_pylist()) for name, table in sorted(bank.relations().items())]).encode()).hexdigest()[:8]
    declared = sha256(repr([(entry["name"], entry["type"]) for entry in bank.declarations.attributes]).encode()).hexdigest()[:8]
    return bank.snapshots / origin / f"{versions_digest(run.table_versions)}-{features_digest()[:12]}-{economics}-{declared}"


def _one_bucket(bank: Bank, run: Run, lake: LakeAt, origin: date, bucket: int) -> int:
    features_file = snapshot_path(bank, run, origin.isoformat(), bucket)
    labels_file = labels_path(bank, run, origin.isoformat(), bucket)
    targets = _targets_at(run, origin)
    if features_file.exists() and (labels_file.exists() or not targets):
        return 0
    horizon = bank.policy.horizon(origin)
    known_on = date.fromisoformat(run.as_of)
    outcome = (horizon.outcome_last_on, known_on) if targets and horizon.has_matured(known_on) else None
    with LocalBucket(lake, bucket, origin, outcome) as connection:
        snapshot = build_snapshot(connection, horizon, run.plan["products"], bank.declarations.attributes)
        write_whole(snapshot, features_file)
        if targets:
            write_whole(_labels(bank, connection, targets, horizon, known_on), labels_file)
    return int(snapshot.num_rows)


def _targets_at(run: Run, origin: date) -> list[str]:
    """Targets whose plan has this origin; targets without a time are labelled at the run's own date."""
    day = origin.isoformat()
    return [name for name, plan in run.plan["targets"].items() if (day in (*plan["train"], plan["calibration"], plan["test"]) if plan else day == run.as_of)]


def _labels(bank: Bank, connection: LocalBucket, targets: list[str], horizon: Horizon, known_on: date) -> pa.Table:
    parts = []
    for target in targets:
        sense, _, detail = target.partition(":")
        label = "client_label" if sense == "label" else sense
        if not can_label(label, connection.tables):
            continue
        thresholds = {**_thresholds(bank), "product": detail, "label": detail}
        rows = build_labels(connection, label, horizon, known_on, thresholds)
        names = pa.array([target] * rows.num_rows, pa.string())
        parts.append(pa.table([rows.column("client_id"), names, rows.column("outcome").cast(pa.int8())], schema=LABELS_SCHEMA))
    return pa.concat_tables(parts) if parts else LABELS_SCHEMA.empty_table()


def _thresholds(bank: Bank) -> Mapping[str, Any]:
    churn = bank.policy.section("churn")
    names = ("attrition_share", "explained_share", "attrition_floor_minor", "dormant_days", "regular_months", "one_cycle_days", "two_cycles_days")
    return {"least_tenure_days": bank.policy.section("population")["least_tenure_days"], **{name: churn[name] for name in names}}


