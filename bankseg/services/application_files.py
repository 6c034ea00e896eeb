"""Applications that clients began online and did not end, as a run knows them: read from the lake once a run and kept beside its roll."""

from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import pyarrow as pa

from bankseg.lake.extent import bucket_count
from bankseg.lake.local import LakeAt, LocalBucket
from bankseg.lake.parquet import write_whole
from bankseg.services.rolls import roll_path
from bankseg.settings import Settings
from bankseg.storage.run import Run

FIELDS: list[tuple[str, pa.DataType]] = [
    ("client_id", pa.string()), ("product", pa.string()), ("first_on", pa.date32()), ("last_on", pa.date32()), ("last_type", pa.string()), ("times", pa.int64()),
]  # fmt: skip
SCHEMA = pa.schema(FIELDS)
READ = ("digital_events", "accounts")
YEAR_DAYS = 365


def applications_of(settings: Settings, run: Run) -> Path | None:
    """File of the unfinished applications at a run's date, written on first use; None for a bank that loaded no digital events."""
    if not set(READ) <= run.table_versions.keys():
        return None
    path = roll_path(settings, run.id or 0).with_name("applications.parquet")
    if not path.exists():
        write_whole(_unfinished(settings, run), path)
    return path


def _unfinished(settings: Settings, run: Run) -> pa.Table:
    lake = LakeAt(settings.lake, {table: run.table_versions[table] for table in READ}, run.file_hashes, {}, settings.duckdb_memory)
    sql = files("bankseg.segments").joinpath("applications.sql").read_text(encoding="utf-8")
    as_of, found = date.fromisoformat(run.as_of), []
    for bucket in range(bucket_count(settings.lake)):
        with LocalBucket(lake, bucket, as_of) as connection:
            found.append(connection.arrow(sql, {"after_365d": as_of - timedelta(days=YEAR_DAYS)}).cast(SCHEMA))
    return pa.concat_tables(found)
