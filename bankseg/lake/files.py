"""Which Parquet files make up a bucket of a table at a version, and proof that they are the files once written."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import file_digest, sha256
from pathlib import Path

from deltalake import DeltaTable

from bankseg.domain.errors import ArtefactError, MissingDataError
from bankseg.domain.extracts import EXTRACTS


def table_path(lake: str, table: str) -> str:
    """Root of one Delta table."""
    return f"{lake.rstrip('/')}/{table}"


def table_versions(lake: str) -> dict[str, int]:
    """Current version of every table that was ever loaded, by name."""
    versions = {}
    for extract in EXTRACTS:
        path = table_path(lake, extract.name)
        if DeltaTable.is_deltatable(path):
            versions[extract.name] = DeltaTable(path).version()
    return versions


@lru_cache(maxsize=512)
def bucket_files(lake: str, table: str, version: int) -> Mapping[int, tuple[str, ...]]:
    """Files of each bucket of a table at a version; a version never changes, so the answer is kept."""
    root = table_path(lake, table)
    actions = DeltaTable(root, version=version).get_add_actions(flatten=True)
    names = [str(name) for name in actions.column("path").to_pylist()]
    buckets = [int(bucket) for bucket in actions.column("partition.bucket").to_pylist()]
    files: dict[int, list[str]] = {}
    for name, bucket in zip(names, buckets, strict=True):
        files.setdefault(bucket, []).append(f"{root}/{name}")
    return {bucket: tuple(sorted(paths)) for bucket, paths in files.items()}


def hash_files(lake: str, versions: Mapping[str, int], known: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of every file of these versions; a file hashed before keeps its first hash, so later damage shows.

    Files on object storage are left to the store's own checksums and not listed.
    """
    hashes = {}
    for table, version in versions.items():
        for paths in bucket_files(lake, table, version).values():
            for path in paths:
                if "://" not in path:
                    hashes[path] = known.get(path) or _digest(path)
    return hashes


def verify(paths: tuple[str, ...], hashes: Mapping[str, str]) -> None:
    """Refuse a file whose bytes are not those that were recorded.

    Raises
    ------
    ArtefactError
        Naming the file.
    """
    for path in paths:
        expected = hashes.get(path)
        if expected is not None and _found(path) != expected:
            raise ArtefactError(
                f"{Path(path).name} in the lake is damaged or gone: its SHA-256 is not the recorded one",
                "the bytes that were written",
                "restore the file from backup and run again",
            )


def require(versions: Mapping[str, int], *tables: str) -> None:
    """Refuse when a table was never loaded."""
    missing = [table for table in tables if table not in versions]
    if missing:
        raise MissingDataError(f"no {' and no '.join(missing)} in the lake", "the extract to be loaded", "run bankseg ingest with a mapping that has it")


def versions_digest(versions: Mapping[str, int]) -> str:
    """Short name of a set of table versions, for folders and keys."""
    return sha256(repr(sorted(versions.items())).encode()).hexdigest()[:12]


def _digest(path: str) -> str:
    with Path(path).open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _found(path: str) -> str:
    """SHA-256 of what is there now, read again only when the file's size or time changed; empty when it cannot be read."""
    try:
        status = Path(path).stat()
        return _digest_once(path, status.st_size, status.st_mtime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=65_536)
def _digest_once(path: str, size: int, changed_ns: int) -> str:
    del size, changed_ns  # only part of what is remembered
    return _digest(path)
