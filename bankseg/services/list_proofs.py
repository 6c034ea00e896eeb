"""The proofs of consent as a run knows them: read from the lake once a run and kept beside the lists."""

from datetime import date
from importlib.resources import files
from pathlib import Path

import pyarrow as pa

from bankseg.lake.extent import bucket_count
from bankseg.lake.local import LakeAt, LocalBucket
from bankseg.lake.parquet import write_whole
from bankseg.settings import Settings
from bankseg.storage.run import Run

FIELDS: list[tuple[str, pa.DataType]] = [("client_id", pa.string()), ("purpose", pa.string()), ("proof", pa.string()), ("decided_on", pa.date32())]
SCHEMA = pa.schema(FIELDS)


def lists_folder(settings: Settings) -> Path:
    """Where the files of lists lie."""
    return settings.home / "lists"


def proofs_of(settings: Settings, run: Run) -> Path:
    """File of the consents in force at a run's date, written on first use; a bank that loaded no consents has an empty one."""
    path = lists_folder(settings) / f"consents-of-run-{run.id}.parquet"
    if not path.exists():
        write_whole(_consents(settings, run), path)
    return path


def _consents(settings: Settings, run: Run) -> pa.Table:
    if "consents" not in run.table_versions:
        return SCHEMA.empty_table()
    lake = LakeAt(settings.lake, {"consents": run.table_versions["consents"]}, run.file_hashes, {}, settings.duckdb_memory)
    sql = files("bankseg.segments").joinpath("list_proofs.sql").read_text(encoding="utf-8")
    found = []
    for bucket in range(bucket_count(settings.lake)):
        with LocalBucket(lake, bucket, date.fromisoformat(run.as_of)) as connection:
            found.append(connection.arrow(sql).cast(SCHEMA))
    return pa.concat_tables(found)
