"""Delta tables: opening the lake, what it holds, and one atomic commit of files written beforehand."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake import Schema as DeltaSchema
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions
from pyarrow import fs

from bankseg.domain.errors import ArtefactError, ConfigurationError
from bankseg.domain.extracts import BUCKET, Extract
from bankseg.lake.schemas import table_schema

FORMAT = 1
LAYOUT_FILE = "_lake.json"
IMPORTS_KEY = "bankseg.imports"


@dataclass(frozen=True, slots=True)
class Lake:
    """A lake and the number of buckets it was made with."""

    root: str
    buckets: int

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
    system, folder = filesystem(root)
    target = f"{folder}/{LAYOUT_FILE}"
    if system.get_file_info(target).type == fs.FileType.NotFound:
        system.create_dir(folder, recursive=True)
        write_whole(system, target, json.dumps({"buckets": buckets, "format": FORMAT}).encode())
        return Lake(root, buckets)
    with system.open_input_stream(target) as stream:
        content = stream.read()
    try:
        layout = json.loads(content)
        found_format, found_buckets = int(layout["format"]), int(layout["buckets"])
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{LAYOUT_FILE} of the lake is damaged", '{"buckets": n, "format": 1}', "restore it from backup") from error
    if found_format != FORMAT:
        raise ArtefactError(f"the lake has format {found_format}", f"format {FORMAT}", "use the release of bankseg that wrote it")
    return Lake(root, found_buckets)


def filesystem(root: str) -> tuple[fs.FileSystem, str]:
    """File system and folder of a lake, local or object storage."""
    if "://" not in root:
        return fs.LocalFileSystem(), str(Path(root).absolute())
    try:
        system, folder = fs.FileSystem.from_uri(root)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the lake at {root} cannot be opened: {error}", "a folder or an object-storage URL", "check BANKSEG_LAKE_URL") from error
    return system, folder


def write_whole(system: fs.FileSystem, target: str, content: bytes) -> None:
    """Write a small file so that readers see the old one or the new one."""
    if not isinstance(system, fs.LocalFileSystem):
        with system.open_output_stream(target) as stream:
            stream.write(content)
        return
    draft = Path(f"{target}.part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)


def delta(lake: Lake, table: str) -> DeltaTable | None:
    """The table at its latest version, nothing when it was never loaded."""
    path = lake.path(table)
    return DeltaTable(path) if DeltaTable.is_deltatable(path) else None


def current_files(lake: Lake, table: str) -> dict[int, list[str]]:
    """Files of the latest version by bucket."""
    opened = delta(lake, table)
    files: dict[int, list[str]] = {}
    if opened is not None:
        actions = opened.get_add_actions(flatten=True)
        for path, bucket in zip(actions.column("path").to_pylist(), actions.column(f"partition.{BUCKET}").to_pylist(), strict=True):
            files.setdefault(int(bucket), []).append(f"{lake.path(table)}/{path}")
    return files


def import_id(table: str, sha256: str) -> str:
    """Name of the transaction that carries one file into one table."""
    return f"import:{sha256}:{table}"


def imported(lake: Lake, table: str, digests: Iterable[str]) -> set[str]:
    """Those of these files whose rows the lake already holds."""
    opened = delta(lake, table)
    return {digest for digest in digests if opened.transaction_version(import_id(table, digest)) is not None} if opened is not None else set()


def imported_counts(lake: Lake, table: str, sha256: str) -> tuple[int, dict[str, Any]] | None:
    """Version and counts kept by the commit that imported a file; nothing when its log entry was cleaned up."""
    opened = delta(lake, table)
    for entry in opened.history() if opened is not None else ():
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
    opened = delta(lake, extract.name)
    if opened is None:
        schema = _delta_schema(extract)
        create_table_with_add_actions(lake.path(extract.name), schema, list(added), mode="error", partition_by=[BUCKET], commit_properties=properties)
        return DeltaTable(lake.path(extract.name)).version()
    removed = _removals(opened, set(replaced))
    opened.create_write_transaction([*added, *removed], "append", _delta_schema(extract), partition_by=[BUCKET], commit_properties=properties)
    return DeltaTable(lake.path(extract.name)).version()


def _delta_schema(extract: Extract) -> DeltaSchema:
    return DeltaSchema.from_arrow(table_schema(extract))


def _removals(opened: DeltaTable, buckets: set[int]) -> list[RemoveAction]:
    """Remove actions for every file of these buckets; their deletion time is the version's, so no clock is read."""
    if not buckets:
        return []
    actions = opened.get_add_actions(flatten=True)
    columns = [actions.column(name).to_pylist() for name in ("path", "size_bytes", f"partition.{BUCKET}", "modification_time")]
    return [
        RemoveAction(path, data_change=True, deletion_timestamp=_milliseconds(modified), size=size, partition_values={BUCKET: str(bucket)})
        for path, size, bucket, modified in zip(*columns, strict=True)
        if int(bucket) in buckets
    ]


def _milliseconds(instant: datetime | int) -> int:
    return int(instant.timestamp() * 1000) if isinstance(instant, datetime) else int(instant)
