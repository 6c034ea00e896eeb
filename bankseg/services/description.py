"""What describes the clients of a run and no model may read, bucket by bucket from the lake as of the run."""

from datetime import date
from importlib.resources import files
from pathlib import Path

from bankseg.lake.local import LocalBucket
from bankseg.lake.parquet import write_whole
from bankseg.services.bank import Bank
from bankseg.services.snapshot import lake_at
from bankseg.storage.run import Run

# Each part needs these tables; without them its attributes are absent, not empty.
PARTS = {"description": ("clients",), "spending": ("transactions",), "devices": ("digital_events",)}


def describe(bank: Bank, run: Run) -> list[Path]:
    """Write one file a bucket with the descriptive attributes of its clients; returns the files."""
    return [_describe(bank, run, bucket) for bucket in range(int(run.plan["buckets"]))]


def _describe(bank: Bank, run: Run, bucket: int) -> Path:
    as_of = date.fromisoformat(run.as_of)
    with LocalBucket(lake_at(bank, run), bucket, as_of) as connection:
        parameters = {**bank.policy.horizon(as_of).window_starts(), "as_of": as_of}
        table = connection.arrow("SELECT client_id FROM clients ORDER BY client_id")
        for part, needed in PARTS.items():
            if connection.tables.issuperset(needed):
                rows = connection.arrow(files("bankseg.segments").joinpath(f"{part}.sql").read_text(encoding="utf-8"), parameters)
                table = table.join(rows, "client_id", join_type="left outer")
    path = bank.snapshots / "runs" / str(run.id) / "described" / f"bucket={bucket:04d}.parquet"
    write_whole(table.sort_by("client_id"), path)
    return path
