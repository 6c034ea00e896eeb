"""Which Parquet files make up a bucket of a table at a version, and proof that they are the files once written."""

import time
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from bankseg.domain.errors import ArtefactError, MissingDataError
from bankseg.domain.extracts import EXTRACTS
from bankseg.lake.copies import forget_erased
from bankseg.lake.places import damaged, digest_in_name, digest_now, digest_of_file, filesystem, is_remote, opened, reaching, store_settings

ERASURES = "_erasures.json"  # written anew when files of the lake took the place of others
ASKED_AGAIN_SECONDS = 2  # how long an object store may have told it and a process not know


def table_path(lake: str, table: str) -> str:
    """Root of one Delta table."""
    return f"{lake.rstrip('/')}/{table}"


def table_versions(lake: str) -> dict[str, int]:
    """Current version of every table that was ever loaded, by name."""
    versions = {}
    for extract in EXTRACTS:
        table = opened(table_path(lake, extract.name))
        if table is not None:
            versions[extract.name] = table.version()
    return versions


def bucket_files(lake: str, table: str, version: int) -> Mapping[int, tuple[str, ...]]:
    """Files of each bucket of a table at a version; a version changes only when a client is erased, so the answer is kept until then."""
    return _bucket_files(lake, table, version, erasures_seen(lake))


def erasures_seen(lake: str) -> int:
    """What changes when a client is erased: when files last took the place of others, in nanoseconds; 0 where they never did."""
    if not is_remote(lake):
        try:
            return Path(lake, ERASURES).stat().st_mtime_ns
        except FileNotFoundError:
            return 0
    return _erasures_in_store(lake, int(time.monotonic() // ASKED_AGAIN_SECONDS))


@lru_cache(maxsize=64)
def _erasures_in_store(lake: str, moment: int) -> int:
    del moment  # only part of what is remembered: a page asks for some twenty files at once
    with reaching(lake):
        system, folder = filesystem(lake)
        return int(system.get_file_info(f"{folder}/{ERASURES}").mtime_ns or 0)


def files_without(lake: str, table: str, version: int, column: str) -> frozenset[str]:
    """Files of a table at a version in which a column is null in every row, as its log says; one of which the log says nothing is not among them."""
    return _files_without(lake, table, version, erasures_seen(lake), column)


@lru_cache(maxsize=512)
def _bucket_files(lake: str, table: str, version: int, seen: int) -> Mapping[int, tuple[str, ...]]:
    if is_remote(lake):
        forget_erased(store_settings().lake_copies_folder, lake, seen)
    actions = _added(lake, table, version, seen)
    buckets = [int(bucket) for bucket in actions["partition.bucket"]]
    files: dict[int, list[str]] = {}
    for path, bucket in zip(actions["path"], buckets, strict=True):
        files.setdefault(bucket, []).append(path)
    return {bucket: tuple(sorted(paths)) for bucket, paths in files.items()}


@lru_cache(maxsize=32)
def _files_without(lake: str, table: str, version: int, seen: int, column: str) -> frozenset[str]:
    actions = _added(lake, table, version, seen)
    nulls = actions.get(f"null_count.{column}", [None] * len(actions["path"]))
    return frozenset(path for path, null, rows in zip(actions["path"], nulls, actions["num_records"], strict=True) if null is not None and null == rows)


@lru_cache(maxsize=4)
def _added(lake: str, table: str, version: int, seen: int) -> Mapping[str, list[Any]]:
    """What the log says of the files of a table, column by column; the whole paths of the files are `path`."""
    del seen  # only part of what is remembered
    root = table_path(lake, table)
    found = opened(root, version)
    if found is None:
        raise ArtefactError(f"the table {table} is gone from the lake", "the table a run has read", "restore it from backup, or correct BANKSEG_LAKE_URL")
    with reaching(root):
        actions = found.get_add_actions(flatten=True)
    wanted = [name for name in actions.schema.names if name in ("path", "num_records", "partition.bucket") or name.startswith("null_count.")]
    said: dict[str, list[Any]] = {name: list(actions.column(name).to_pylist()) for name in wanted}
    return {**said, "path": [f"{root}/{name}" for name in said["path"]]}


def hash_files(lake: str, versions: Mapping[str, int], known: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of every file of these versions; a file hashed before keeps its first hash, so later damage shows.

    Files written to an object store say theirs in their names; only others are read for it.
    """
    hashes = {}
    for table, version in versions.items():
        for paths in bucket_files(lake, table, version).values():
            for path in paths:
                hashes[path] = known.get(path) or digest_in_name(path) or digest_of_file(path)
    return hashes


def verify(paths: tuple[str, ...], hashes: Mapping[str, str]) -> None:
    """Refuse a file on a disk whose bytes are not those that were recorded; copies of others are checked as they are made.

    Raises
    ------
    ArtefactError
        Naming the file.
    """
    for path in paths:
        expected = hashes.get(path)
        if expected is not None and not is_remote(path) and digest_now(path) != expected:
            raise damaged(path)


def require(versions: Mapping[str, int], *tables: str) -> None:
    """Refuse when a table was never loaded."""
    missing = [table for table in tables if table not in versions]
    if missing:
        raise MissingDataError(f"no {' and no '.join(missing)} in the lake", "the extract to be loaded", "run bankseg ingest with a mapping that has it")


def versions_digest(versions: Mapping[str, int]) -> str:
    """Short name of a set of table versions, for folders and keys."""
    return sha256(repr(sorted(versions.items())).encode()).hexdigest()[:12]
