"""The files that make a table readable at given versions: what a backup takes along, and what a restored lake is counted by."""

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq

from bankseg.lake.files import bucket_files, table_path

LOG = "_delta_log"
VERSION_DIGITS = 20  # of a log entry's name, as the Delta protocol has it


def log_files(lake: str, table: str, last_version: int) -> list[Path]:
    """Entries and checkpoints of a table's log up to a version; hints to later ones are left out, readers do without."""
    entries = sorted((Path(table_path(lake, table)) / LOG).iterdir())
    return [entry for entry in entries if entry.name[:VERSION_DIGITS].isdigit() and int(entry.name[:VERSION_DIGITS]) <= last_version]


def data_files(lake: str, table: str, versions: Iterable[int]) -> list[Path]:
    """Parquet files that any of these versions names, each once."""
    return sorted({Path(path) for version in versions for paths in bucket_files(lake, table, version).values() for path in paths})


def rows_at(lake: str, table: str, version: int) -> int:
    """Rows of a table at a version, by the footers of its files and not by its log."""
    return sum(pq.read_metadata(path).num_rows for path in data_files(lake, table, [version]))


def named_files(log: Path) -> frozenset[str] | None:
    """Data files that any entry of a table's log ever added, relative to the table; None when the log no longer goes back to its beginning."""
    entries = sorted(log.glob("*.json"))
    if [int(entry.stem) for entry in entries] != list(range(len(entries))):
        return None
    actions = (json.loads(line) for entry in entries for line in entry.read_text(encoding="utf-8").splitlines() if line)
    return frozenset(str(action["add"]["path"]) for action in actions if "add" in action)
