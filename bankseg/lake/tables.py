"""Delta tables: opening the lake, what it holds, and one atomic commit of files written beforehand."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake import Schema as DeltaSchema
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from bankseg.domain.errors import ArtefactError
from bankseg.domain.extracts import BUCKET, Extract
from bankseg.durable import flush_file, flush_folder
from bankseg.lake.copies import Held
from bankseg.lake.places import is_remote, opened, put_if_absent, reaching, storage_options
from bankseg.lake.schemas import table_schema

FORMAT = 1
LAYOUT_FILE = "_lake.json"
LOG = "_delta_log"
IMPORTS_KEY = "bankseg.imports"


@dataclass(frozen=True, slots=True)
class Lake:
    """A lake and the number of buckets it was made with; what is read of one in an object store is held until this is forgotten."""

    root: str
    buckets: int
    held: Held = field(default_factory=Held, compare=False, repr=False)

    def path(self, table: str) -> str:
        """Root of one table."""
        return f"{self.root.rstrip('/')}/{table}"


def open_lake(root: str, buckets: int) -> Lake:
    """Open a lake, making it with this many buckets when it is new.

    Raises
    ------
    ArtefactError
        When its layout file is damaged or of a later format.
    """
    content = put_if_absent(root, LAYOUT_FILE, json.dumps({"buckets": buckets, "format": FORMAT}).encode())
    try:
        layout = json.loads(content)
        found_format, found_buckets = int(layout["format"]), int(layout["buckets"])
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{LAYOUT_FILE} of the lake is damaged", '{"buckets": n, "format": 1}', "restore it from backup") from error
    if found_format != FORMAT:
        raise ArtefactError(f"the lake has format {found_format}", f"format {FORMAT}", "use the release of bankseg that wrote it")
    return Lake(root, found_buckets)


def delta(lake: Lake, table: str) -> DeltaTable | None:
    """The table at its latest version, nothing when it was never loaded."""
    return opened(lake.path(table))


def current_files(lake: Lake, table: str) -> dict[int, list[str]]:
    """Files of the latest version by bucket, as this machine can read them."""
    found = delta(lake, table)
    files: dict[int, list[str]] = {}
    if found is not None:
        actions = found.get_add_actions(flatten=True)
        for path, bucket in zip(actions.column("path").to_pylist(), actions.column(f"partition.{BUCKET}").to_pylist(), strict=True):
            files.setdefault(int(bucket), []).append(f"{lake.path(table)}/{path}")
    return {bucket: list(lake.held.local(paths)) for bucket, paths in files.items()}


def import_id(table: str, sha256: str) -> str:
    """Name of the transaction that carries one file into one table."""
    return f"import:{sha256}:{table}"


def imported(lake: Lake, table: str, digests: Iterable[str]) -> set[str]:
    """Those of these files whose rows the lake already holds."""
    found = delta(lake, table)
    return {digest for digest in digests if found.transaction_version(import_id(table, digest)) is not None} if found is not None else set()


def imported_counts(lake: Lake, table: str, sha256: str) -> tuple[int, dict[str, Any]] | None:
    """Version and counts kept by the commit that imported a file; nothing when its log entry was cleaned up."""
    found = delta(lake, table)
    for entry in found.history() if found is not None else ():
        counts = json.loads(entry.get(IMPORTS_KEY, "{}"))
        if sha256 in counts:
            return int(entry["version"]), counts[sha256]
    return None


def commit(lake: Lake, extract: Extract, added: Iterable[AddAction], replaced: Iterable[int], imports: Mapping[str, Mapping[str, Any]]) -> int:
    """Make written files visible, and those of replaced buckets gone, in one version carrying every imported file's transaction."""
    properties = CommitProperties(
        custom_metadata={IMPORTS_KEY: json.dumps(imports, sort_keys=True)},
        app_transactions=[Transaction(import_id(extract.name, sha256), 1) for sha256 in imports],
    )
    root, found = lake.path(extract.name), delta(lake, extract.name)
    with reaching(root):
        if found is None:
            create_table_with_add_actions(
                root,
                _delta_schema(extract),
                list(added),
                mode="error",
                partition_by=[BUCKET],
                storage_options=storage_options(root),
                commit_properties=properties,
            )
        else:
            removed = _removals(found, set(replaced))
            found.create_write_transaction([*added, *removed], "append", _delta_schema(extract), partition_by=[BUCKET], commit_properties=properties)
    if not is_remote(root):
        flush_log(Path(root))
    with reaching(root):
        return DeltaTable(root, storage_options=storage_options(root)).version()


def flush_log(table: Path) -> None:
    """Have the newest entry of a table's log on the disk, and the names that lead to it: the library that writes it leaves that to the system."""
    log = table / LOG
    flush_file(max(log.glob("*.json")))
    for folder in (log, table, table.parent):
        flush_folder(folder)


def _delta_schema(extract: Extract) -> DeltaSchema:
    return DeltaSchema.from_arrow(table_schema(extract))


def _removals(found: DeltaTable, buckets: set[int]) -> list[RemoveAction]:
    """Remove actions for every file of these buckets; their deletion time is the version's, so no clock is read."""
    if not buckets:
        return []
    actions = found.get_add_actions(flatten=True)
    columns = [actions.column(name).to_pylist() for name in ("path", "size_bytes", f"partition.{BUCKET}", "modification_time")]
    return [
        RemoveAction(path, data_change=True, deletion_timestamp=_milliseconds(modified), size=size, partition_values={BUCKET: str(bucket)})
        for path, size, bucket, modified in zip(*columns, strict=True)
        if int(bucket) in buckets
    ]


def _milliseconds(instant: datetime | int) -> int:
    return int(instant.timestamp() * 1000) if isinstance(instant, datetime) else int(instant)
