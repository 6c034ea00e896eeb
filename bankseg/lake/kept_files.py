"""The files that make a table readable at given versions: what a backup takes along, and what a restored lake is counted by."""

import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq
from pyarrow import fs

from bankseg.lake.files import bucket_files, table_path
from bankseg.lake.places import filesystem, reaching

LOG = "_delta_log"
DRAFT = ".part"
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


def drop_unnamed(lake: str, before: float) -> list[str]:
    """Remove data files and drafts that were last written before an instant, in epoch seconds, and that no version of any table names.

    Tables whose log no longer goes back to its beginning are left alone. Returns the names of what was removed, relative to the lake.
    """
    gone = []
    with reaching(lake):
        system, folder = filesystem(lake)
        found = system.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        drafts = [info for info in found if info.type == fs.FileType.File and info.base_name.endswith(DRAFT)]
        left = [file for info in found if info.type == fs.FileType.Directory for file in _unnamed_in(system, info.path)]
        for info in [*drafts, *left]:
            if info.mtime is not None and info.mtime.timestamp() < before:
                system.delete_file(info.path)
                gone.append(info.path.removeprefix(f"{folder}/"))
    return gone


def _unnamed_in(system: fs.FileSystem, table: str) -> list[fs.FileInfo]:
    named = _named_files(system, table)
    held = system.get_file_info(fs.FileSelector(table, recursive=True)) if named is not None else []
    return [info for info in held if info.extension == "parquet" and f"/{LOG}/" not in info.path and info.path.removeprefix(f"{table}/") not in (named or ())]


def _named_files(system: fs.FileSystem, table: str) -> frozenset[str] | None:
    """Data files that any entry of a table's log ever added, relative to the table; None when the log no longer goes back to its beginning."""
    entries = sorted(info.path for info in system.get_file_info(fs.FileSelector(f"{table}/{LOG}", allow_not_found=True)) if info.extension == "json")
    numbered = [path for path in entries if path.rpartition("/")[2].split(".")[0].isdigit()]
    if not numbered or [int(path.rpartition("/")[2].split(".")[0]) for path in numbered] != list(range(len(numbered))):
        return None
    actions = (json.loads(line) for path in numbered for line in _text(system, path).splitlines() if line)
    return frozenset(unquote(str(action["add"]["path"])) for action in actions if "add" in action)


def _text(system: fs.FileSystem, path: str) -> str:
    with system.open_input_stream(path) as stream:
        return stream.read().decode()
