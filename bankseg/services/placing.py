"""Placing clients bucket by bucket on a cluster: tier, bands, warning signs and segment, by cuts that were found over everybody first."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from bankseg.durable import flush_file, make_folders, settle
from bankseg.lake.parquet import digest_of, read_checked, write_whole
from bankseg.segments.assign import Cuts, Inputs, Placed, cuts_of, place
from bankseg.services.bank import Bank
from bankseg.services.bucket_work import Desk, Written, each_bucket, scheduler_of
from bankseg.services.score import scores_path
from bankseg.storage.run import Run

PLAN, TIERS = "plan.json", "tiers_before.parquet"


def run_inputs(bank: Bank, run: Run, buckets: list[int], tiers_before: pa.Table) -> Inputs:
    """What placing the clients of some buckets of a run reads."""
    return Inputs(
        scores=[scores_path(bank, run.id or 0, bucket) for bucket in buckets],
        run_id=run.id or 0,
        as_of=date.fromisoformat(run.as_of),
        currency=bank.declarations.currency or str(bank.policy.section("value")["currency"]),
        natures=bank.natures,
        has_transactions="transactions" in run.table_versions,
        cuts=None,
        tiers_before=tiers_before,
        memory=bank.settings.duckdb_memory,
    )


def placed_on_cluster(bank: Bank, run: Run, inputs: Inputs, report: Callable[[int], None]) -> Placed | None:
    """Have the workers of the cluster place the clients of every bucket; None where this machine works alone, and places all of them at once.

    `report` hears how many buckets are done.
    """
    if scheduler_of(bank.settings) is None:
        return None
    cuts = cuts_of(bank.policy, inputs)
    plan = _planned(bank, run, cuts, inputs.tiers_before)
    buckets = range(int(run.plan["buckets"]))
    for _ in each_bucket(bank, run, place_bucket, [(bucket, plan) for bucket in buckets], report):
        pass
    return Placed(cuts, [_part(bank, run, plan, bucket) for bucket in buckets])


def place_bucket(desk: Desk, bucket: int, plan: str) -> Written:
    """Place the clients of one bucket by the cuts of a plan."""
    bank, run = desk.bank, desk.run
    folder = _folder(bank, run) / plan
    cuts = Cuts(**json.loads((folder / PLAN).read_text(encoding="utf-8")))
    inputs = run_inputs(bank, run, [bucket], read_checked(folder / TIERS))
    read_checked(inputs.scores[0])  # what follows reads with DuckDB, which checks no page checksums
    path = _part(bank, run, plan, bucket)
    return desk.written(path, place(bank.policy, inputs, cuts, path))


def forget_placed(bank: Bank, run: Run) -> None:
    """Remove the work in progress of a run whose clients are written."""
    shutil.rmtree(_folder(bank, run), ignore_errors=True)


def _planned(bank: Bank, run: Run, cuts: Cuts, tiers_before: pa.Table) -> str:
    """Write what workers must know beside the run, under a name made of it: a worker late from an earlier try spoils nothing of a later one."""
    waiting = _folder(bank, run) / TIERS
    write_whole(tiers_before, waiting)
    told = json.dumps(asdict(cuts))
    name = sha256(f"{told}{digest_of([waiting])}".encode()).hexdigest()[:12]
    folder = _folder(bank, run) / name
    make_folders(folder)
    settle(waiting, folder / TIERS)
    draft = folder / f".{PLAN}.part"
    draft.write_text(told, encoding="utf-8")
    flush_file(draft)
    settle(draft, folder / PLAN)
    return name


def _folder(bank: Bank, run: Run) -> Path:
    return bank.snapshots / "runs" / str(run.id) / "placed"


def _part(bank: Bank, run: Run, plan: str, bucket: int) -> Path:
    return _folder(bank, run) / plan / f"bucket={bucket:04d}.parquet"
