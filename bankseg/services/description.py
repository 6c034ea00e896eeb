"""What describes the clients of a run and no model may read, bucket by bucket from the lake as of the run."""

from collections.abc import Callable
from datetime import date
from importlib.resources import files
from pathlib import Path

import pyarrow as pa

from bankseg.lake.local import LocalBucket
from bankseg.lake.parquet import read_checked, write_whole
from bankseg.services.bank import Bank
from bankseg.services.bucket_work import Desk, Written, each_bucket
from bankseg.services.snapshot import lake_at
from bankseg.storage.run import Run

# Each part needs these tables; without them its attributes are absent, not empty.
PARTS = {"description": ("clients",), "spending": ("transactions",), "devices": ("digital_events",)}


def describe(bank: Bank, run: Run, report: Callable[[int], None]) -> list[Path]:
    """Write one file a bucket with the descriptive attributes of its clients; returns the files. `report` hears how many are written."""
    buckets = range(int(run.plan["buckets"]))
    for _ in each_bucket(bank, run, describe_bucket, [(bucket,) for bucket in buckets], report):
        pass
    return [_path(bank, run, bucket) for bucket in buckets]


def describe_bucket(desk: Desk, bucket: int) -> Written:
    """Write the descriptive attributes of one bucket's clients."""
    bank, as_of = desk.bank, date.fromisoformat(desk.run.as_of)
    with LocalBucket(desk.once(lake_at), bucket, as_of) as connection:
        parameters = {**bank.policy.horizon(as_of).window_starts(), "as_of": as_of}
        table = connection.arrow("SELECT client_id FROM clients ORDER BY client_id")
        for part, needed in PARTS.items():
            if connection.tables.issuperset(needed):
                rows = connection.arrow(files("bankseg.segments").joinpath(f"{part}.sql").read_text(encoding="utf-8"), parameters)
                table = table.join(rows, "client_id", join_type="left outer")
    path = _path(bank, desk.run, bucket)
    write_whole(table.sort_by("client_id"), path)
    return desk.written(path, table.num_rows)


def described_with(paths: list[Path], table: pa.Table | None) -> list[Path]:
    """Files of descriptive attributes with the columns of a table by `client_id` beside them, in place of those of that name, for the roll."""
    if table is None:
        return paths
    for path in paths:
        rows = read_checked(path)
        kept = rows.select([name for name in rows.column_names if name == "client_id" or name not in table.column_names])
        write_whole(kept.join(table, "client_id", join_type="left outer").sort_by("client_id"), path)
    return paths


def _path(bank: Bank, run: Run, bucket: int) -> Path:
    return bank.snapshots / "runs" / str(run.id) / "described" / f"bucket={bucket:04d}.parquet"
