"""Month ends behind lifetime value: where clients stood at earlier dates, from the lake, with only the columns that takes."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bankseg.features.build import build_columns
from bankseg.lake.local import LakeAt, LocalBucket
from bankseg.lake.parquet import is_sound, write_whole
from bankseg.segments.assign import Inputs, valued
from bankseg.services.bank import Bank
from bankseg.services.bucket_work import Desk, Written, each_bucket, telling
from bankseg.services.jobs import Claim
from bankseg.services.lifetime_plan import learned_buckets
from bankseg.services.snapshot import lake_at, snapshot_job, snapshot_path
from bankseg.storage.database import reading
from bankseg.storage.run import Run

# What value, activity and default are told from (segments/value.sql), and what groups a client in the chain.
COLUMNS = (
    "tenure_days", "age_years", "open_accounts", "recency_days", "counted_pace_90d", "interest_margin_12m_minor", "contract_margin_12m_minor", "fees_12m_minor",
    "account_cost_12m_minor", "service_cost_12m_minor", "exposure_minor", "arrears_minor", "days_past_due", "is_forborne", "credit_source", "credit_score",
    "credit_score_change_90d",
)  # fmt: skip
IDENTITY = "SELECT client_id, kind, coalesce(status, 'active') AS status, deceased_on FROM clients ORDER BY client_id"
EXIT = "p:hard_exit"
DAY = "month_end"


def snapshot_or_months_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """A job of the snapshot stage: features at an origin, or month ends."""
    return months_job(bank, claim) if "months" in claim.payload else snapshot_job(bank, claim)


def months_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """Write some month ends of the clients the chain is learned from; files that exist are kept."""
    with reading(bank.engine) as session:
        run = session.get_one(Run, claim.run_id)
    buckets = learned_buckets(bank.policy.section("clv"), int(run.plan["buckets"]))
    is_suspect = bool(claim.payload.get("is_suspect"))
    tasks = [(day, bucket, is_suspect) for day in claim.payload["months"] for bucket in buckets]
    for _ in each_bucket(bank, run, month_bucket, tasks, telling(claim, len(tasks), "value and activity of earlier months")):
        pass
    return {"months": len(claim.payload["months"])}


def month_bucket(desk: Desk, day: str, bucket: int, is_suspect: bool) -> Written:  # noqa: FBT001  # tasks of an engine are positional
    """Write one bucket of a month end."""
    keeps = is_sound if is_suspect else Path.exists
    return desk.written(write_month(desk.bank, desk.run, desk.once(lake_at), date.fromisoformat(day), bucket, keeps), 0)


def month_files(bank: Bank, run: Run, days: Sequence[date], buckets: Sequence[int]) -> list[Path]:
    """The files of month ends, one a date and bucket, written where they are missing or damaged."""
    lake = lake_at(bank, run)
    return [write_month(bank, run, lake, day, bucket, is_sound) for day in days for bucket in buckets]


def write_month(bank: Bank, run: Run, lake: LakeAt, day: date, bucket: int, keeps: Callable[[Path], bool] = Path.exists) -> Path:
    """Write one bucket of a month end unless the file is there to be kept."""
    path = snapshot_path(bank, run, day.isoformat(), bucket).parent / "lifetime" / f"bucket={bucket:04d}.parquet"
    if not keeps(path):
        with LocalBucket(lake, bucket, day) as connection:
            rows = build_columns(connection, bank.policy.horizon(day), run.plan["products"], COLUMNS)
            identity = connection.arrow(IDENTITY)
        told = rows.append_column(DAY, pa.array([day.isoformat()] * rows.num_rows, pa.string()))
        write_whole(told.join(identity, "client_id").sort_by("client_id"), path)
    return path


def standings_of(bank: Bank, run: Run, files: Sequence[Path], more: Sequence[str] = ()) -> pa.Table:
    """Kind, status, activity, value, tenure, age and stage of every client, by number; of several dates where the files hold several."""
    inputs = Inputs(
        scores=files, run_id=run.id or 0, as_of=date.fromisoformat(run.as_of), currency="", natures=bank.natures,
        has_transactions="transactions" in run.table_versions, cuts=None,
        tiers_before=pa.table({"client_id": pa.array([], pa.string()), "tier": pa.array([], pa.string())}), memory=bank.settings.duckdb_memory,
    )  # fmt: skip
    return valued(bank.policy, inputs, more)


def months_standing(bank: Bank, run: Run, days: Sequence[date], buckets: Sequence[int]) -> list[pa.Table]:
    """Where clients of some buckets stood at each of these dates, in their order: one reading for all, for no row asks of another."""
    rows = standings_of(bank, run, month_files(bank, run, days, buckets), (DAY,))
    return [rows.filter(pc.is_in(rows.column(DAY), value_set=pa.array([day.isoformat()]))) for day in days]
