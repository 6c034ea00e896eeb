"""Snapshots: every client's features at an origin, bucket by bucket, with the outcomes that had matured by the run's date."""

from collections.abc import Callable, Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bankseg.domain.horizon import Horizon
from bankseg.features.build import build_snapshot, features_digest
from bankseg.features.labels import answers_by_product, build_labels, can_label
from bankseg.lake.files import versions_digest
from bankseg.lake.local import LakeAt, LocalBucket
from bankseg.lake.parquet import is_sound, write_whole
from bankseg.services.bank import Bank
from bankseg.services.bucket_work import Desk, Written, each_bucket, telling
from bankseg.services.jobs import Claim
from bankseg.storage.database import reading
from bankseg.storage.run import Run

LABELS: dict[str, pa.DataType] = {"client_id": pa.string(), "target": pa.string(), "outcome": pa.int8()}
LABELS_SCHEMA = pa.schema(LABELS)


def snapshot_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """Compute the features of some buckets at one origin, and its outcomes when it is an origin of the plan.

    Files that exist are kept; after a stage could not read them they are read through first, and a damaged one is written again.
    """
    with reading(bank.engine) as session:
        run = session.get_one(Run, claim.run_id)
    origin: str = claim.payload["origin"]
    tasks = [(origin, bucket, bool(claim.payload.get("is_suspect"))) for bucket in claim.payload["buckets"]]
    report = telling(claim, len(tasks), f"features as of {origin}")
    return {"clients": sum(written.clients for written in each_bucket(bank, run, snapshot_bucket, tasks, report))}


def snapshot_bucket(desk: Desk, origin: str, bucket: int, is_suspect: bool) -> Written:  # noqa: FBT001  # tasks of an engine are positional
    """Write one bucket at one origin; whole files are kept, of suspects only those that can be read through."""
    clients = write_bucket(desk.bank, desk.run, desk.once(lake_at), date.fromisoformat(origin), bucket, is_sound if is_suspect else Path.exists)
    return desk.written(snapshot_path(desk.bank, desk.run, origin, bucket), clients)


def lake_at(bank: Bank, run: Run) -> LakeAt:
    """The lake at the table versions the run recorded."""
    return LakeAt(bank.lake, run.table_versions, run.file_hashes, bank.relations(), bank.settings.duckdb_memory)


def snapshot_path(bank: Bank, run: Run, origin: str, bucket: int) -> Path:
    """File of one bucket's features at an origin; the same inputs share it between runs."""
    return _folder(bank, run, origin) / f"bucket={bucket:04d}.parquet"


def labels_path(bank: Bank, run: Run, origin: str, bucket: int) -> Path:
    """File of one bucket's outcomes at an origin, as known on the run's date; runs that label other targets there have files of their own."""
    asked = sorted((horizon.gap_days, horizon.outcome_days, sorted(targets)) for horizon, targets in _targets_at(run, date.fromisoformat(origin)).items())
    digest = sha256(repr((sorted(thresholds(bank).items()), asked)).encode()).hexdigest()[:8]
    return _folder(bank, run, origin) / f"labels-{run.as_of}-{digest}" / f"bucket={bucket:04d}.parquet"


def _folder(bank: Bank, run: Run, origin: str) -> Path:
    economics = sha256(repr([(name, table.to_pylist()) for name, table in sorted(bank.relations().items())]).encode()).hexdigest()[:8]
    declared = sha256(repr([(entry["name"], entry["type"]) for entry in bank.declarations.attributes]).encode()).hexdigest()[:8]
    return bank.snapshots / origin / f"{versions_digest(run.table_versions)}-{features_digest()[:12]}-{economics}-{declared}"


def write_bucket(bank: Bank, run: Run, lake: LakeAt, origin: date, bucket: int, keeps: Callable[[Path], bool] = Path.exists) -> int:
    """Write one bucket's features, and its outcomes when it is an origin of the plan, unless the files are there to be kept; clients written."""
    features_file = snapshot_path(bank, run, origin.isoformat(), bucket)
    labels_file = labels_path(bank, run, origin.isoformat(), bucket)
    clients = 0
    if not keeps(features_file):
        with LocalBucket(lake, bucket, origin) as connection:
            snapshot = build_snapshot(connection, bank.policy.horizon(origin), run.plan["products"], bank.declarations.attributes)
        write_whole(snapshot, features_file)
        clients = int(snapshot.num_rows)
    by_horizon = _targets_at(run, origin)
    if by_horizon and not keeps(labels_file):
        parts = [outcomes_of(bank, lake, bucket, horizon, targets, date.fromisoformat(run.as_of)) for horizon, targets in by_horizon.items()]
        write_whole(pa.concat_tables(parts), labels_file)
    return clients


def _targets_at(run: Run, origin: date) -> dict[Horizon, list[str]]:
    """Targets whose plan has this origin, by horizon; targets without a time are labelled at the run's own date."""
    day = origin.isoformat()
    found: dict[Horizon, list[str]] = {}
    for name, plan in run.plan["targets"].items():
        if plan is None and day == run.as_of:
            found.setdefault(Horizon(origin, 0, 0), []).append(name)
        elif plan is not None and day in (*plan["train"], plan["calibration"], plan["test"]):
            found.setdefault(Horizon(origin, plan["gap_days"], plan["outcome_days"]), []).append(name)
    return found


def outcomes_of(bank: Bank, lake: LakeAt, bucket: int, horizon: Horizon, targets: list[str], known_on: date) -> pa.Table:
    """Outcomes of the targets of one horizon, one row per target and client; all products are labelled by one statement."""
    senses: dict[str, list[str]] = {}
    for target in targets:
        sense, _, detail = target.partition(":")
        senses.setdefault("client_label" if sense == "label" else sense, []).append(detail)
    with LocalBucket(lake, bucket, horizon.as_of, (horizon.outcome_last_on, known_on)) as connection:
        parts = [
            _outcomes(connection, sense, details, horizon, known_on, thresholds(bank))
            for sense, details in senses.items()
            if can_label(sense, connection.tables)
        ]
    return pa.concat_tables(parts) if parts else LABELS_SCHEMA.empty_table()


def _outcomes(connection: LocalBucket, sense: str, details: list[str], horizon: Horizon, known_on: date, thresholds: Mapping[str, Any]) -> pa.Table:
    if sense == "client_label":
        return pa.concat_tables(
            [_rows(build_labels(connection, sense, horizon, known_on, {**thresholds, "label": label}), f"label:{label}") for label in details]
        )
    rows = build_labels(connection, sense, horizon, known_on, {**thresholds, "products": details})
    if not answers_by_product(sense):
        return _rows(rows, sense)
    names = pc.binary_join_element_wise(sense, rows.column("product"), ":")  # type: ignore[call-overload]  # the stubs know no mix of text and column
    return pa.table([rows.column("client_id"), names, rows.column("outcome").cast(pa.int8())], schema=LABELS_SCHEMA)


def _rows(rows: pa.Table, target: str) -> pa.Table:
    names = pa.array([target] * rows.num_rows, pa.string())
    return pa.table([rows.column("client_id"), names, rows.column("outcome").cast(pa.int8())], schema=LABELS_SCHEMA)


def thresholds(bank: Bank) -> Mapping[str, Any]:
    """Policy values that the SQL of labels names."""
    churn = bank.policy.section("churn")
    names = ("attrition_share", "explained_share", "attrition_floor_minor", "dormant_days", "regular_months", "one_cycle_days", "two_cycles_days")
    return {**bank.policy.section("population"), **{name: churn[name] for name in names}}
