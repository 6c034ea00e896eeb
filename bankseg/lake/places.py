"""Where a lake lies: a folder or a place in an object store, and how its tables and small files are reached there.

An object store is reached with the settings BANKSEG_LAKE_*, else with what its own libraries find (AWS_*, GOOGLE_*, AZURE_*, a machine's role).
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable
from deltalake import Field as DeltaField
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.schema import PrimitiveType
from pyarrow import fs

from bankseg.domain.errors import ArtefactError, ConfigurationError, ServiceUnavailableError
from bankseg.durable import flush_folder, make_folders, settle
from bankseg.faults import crash_point

if TYPE_CHECKING:
    from bankseg.settings import Settings

# A store that is away is found out within a minute or so; the job is then tried again.
CONNECT_SECONDS, REQUEST_SECONDS, ATTEMPTS = 10, 60, 5
CLAIMS, CLAIM = "_claims", DeltaSchema([DeltaField("name", PrimitiveType("string"))])
SHA256_DIGITS = 64
# What stores answer, by their own codes; the whole answer is never shown, for it repeats key ids. No bare number: libraries also print durations.
REFUSALS = (
    "invalidaccesskeyid",
    "signaturedoesnotmatch",
    "accessdenied",
    "access_denied",
    "expiredtoken",
    "invalidtoken",
    "forbidden",
    "unauthorized",
    "status 401",
    "status 403",
    "status code: 401",
    "status code: 403",
    "credential",
)
# Names of buckets and files, which may read like an answer.
ADDRESS = re.compile(r"[a-z0-9]+://\S+|\bbucket '[^']*'|\bkey '[^']*'")
NO_BUCKET = ("nosuchbucket", "bucket does not exist", "no_such_bucket")


def is_remote(place: str) -> bool:
    """Whether a lake or file lies in an object store.

    Examples
    --------
    >>> is_remote("s3://bank/lake"), is_remote("/srv/lake")
    (True, False)
    """
    return "://" in place


def store_settings() -> "Settings":
    """The settings of an object store. Read here alone and when one is met: a process that computes from a disk need not load what reads settings."""
    from bankseg.settings import Settings

    return Settings()


def filesystem(root: str) -> tuple[fs.FileSystem, str]:
    """File system and folder of a place.

    Raises
    ------
    ConfigurationError
        When the URL is none that can be opened.
    """
    if not is_remote(root):
        return fs.LocalFileSystem(), str(Path(root).absolute())
    if root.startswith("s3://"):
        settings = store_settings()
        keys = settings.lake_access_key.get_secret_value(), settings.lake_secret_key.get_secret_value()
        return _s3(os.getpid(), settings.lake_endpoint, settings.lake_region, *keys), root.removeprefix("s3://").rstrip("/")
    try:
        system, folder = fs.FileSystem.from_uri(root)
    except (OSError, ValueError) as error:
        expected = "a folder, or s3://bucket/folder, gs://bucket/folder, abfss://container@account.dfs.core.windows.net/folder"
        raise ConfigurationError(f"the lake at {root} cannot be opened: {type(error).__name__}", expected, "check BANKSEG_LAKE_URL") from None
    return system, folder.rstrip("/")


@lru_cache(maxsize=4)
def _s3(process: int, endpoint: str, region: str, access_key: str, secret_key: str) -> fs.FileSystem:
    """The connections of a process to a store; a forked child makes its own."""
    del process  # only part of what is remembered
    return fs.S3FileSystem(
        access_key=access_key or None,
        secret_key=secret_key or None,
        region=region or None,
        endpoint_override=endpoint or None,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=REQUEST_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
    )


def storage_options(place: str) -> dict[str, str] | None:
    """The same for Delta tables; None on a disk."""
    if not is_remote(place):
        return None
    settings = store_settings()
    given = {
        "AWS_ENDPOINT_URL": settings.lake_endpoint,
        "AWS_ALLOW_HTTP": "true" if settings.lake_endpoint.startswith("http://") else "",
        "AWS_REGION": settings.lake_region,
        "AWS_ACCESS_KEY_ID": settings.lake_access_key.get_secret_value(),
        "AWS_SECRET_ACCESS_KEY": settings.lake_secret_key.get_secret_value(),
    }
    patience = {
        "max_retries": str(ATTEMPTS),
        "retry_timeout": f"{REQUEST_SECONDS}s",
        "connect_timeout": f"{CONNECT_SECONDS}s",
        "timeout": f"{REQUEST_SECONDS}s",
    }
    return {name: value for name, value in given.items() if value} | patience


@contextmanager
def reaching(place: str) -> Iterator[None]:
    """Tell what an object store refuses in words with a remedy, and what is damaged on a disk; other errors of a disk pass as they are.

    Raises
    ------
    ConfigurationError
        When it refuses our credentials, or has no such bucket.
    ServiceUnavailableError
        When it does not answer, or another writer was faster.
    ArtefactError
        When a file that should be there is not.
    """
    try:
        yield
    except (OSError, DeltaError, pa.ArrowException) as error:
        if is_remote(place):
            raise _in_words(place, error) from None
        if isinstance(error, (DeltaError, pa.ArrowInvalid, FileNotFoundError)):
            said = str(error).partition("\n")[0]  # what follows are places in a library
            raise ArtefactError(f"{place} in the lake is damaged or gone: {said}", "the files that were written", "restore them from backup") from error
        raise


def _in_words(place: str, error: Exception) -> ConfigurationError | ServiceUnavailableError | ArtefactError:
    said = ADDRESS.sub("", str(error).lower())
    if isinstance(error, FileNotFoundError):
        return ArtefactError(
            f"{place} is gone from the object storage", "the file that was written", "restore it, or its version before, in the object storage"
        )
    if isinstance(error, CommitFailedError):
        return ServiceUnavailableError(f"{place} was changed by another import at the same time", "one import at a time", "load the files again")
    if any(words in said for words in NO_BUCKET):
        return ConfigurationError(f"there is no bucket for {place}", "a bucket that was made beforehand", "make it, or correct BANKSEG_LAKE_URL")
    if any(words in said for words in REFUSALS):
        return ConfigurationError(
            f"the object storage refuses our credentials for {place}",
            "keys that may list, read, write and delete there",
            "check BANKSEG_LAKE_ACCESS_KEY and BANKSEG_LAKE_SECRET_KEY (or their _FILE), or what AWS_* or the machine's role gives",
        )
    return ServiceUnavailableError(
        f"the object storage does not answer for {place}",
        "to list, read and write there",
        "look at BANKSEG_LAKE_ENDPOINT, the network and the store; jobs are tried again",
    )


def opened(path: str, version: int | None = None) -> DeltaTable | None:
    """A table, at its latest version when none is given; None when there is none."""
    with reaching(path):
        try:
            return DeltaTable(path, version=version, storage_options=storage_options(path))
        except TableNotFoundError:
            return None


def read_small(root: str, name: str) -> bytes | None:
    """A small file of a lake; None when there is none."""
    if not is_remote(root):
        path = Path(root, name)
        return path.read_bytes() if path.exists() else None
    with reaching(f"{root}/{name}"):
        system, folder = filesystem(root)
        if system.get_file_info(f"{folder}/{name}").type == fs.FileType.NotFound:
            return None
        with system.open_input_stream(f"{folder}/{name}") as stream:
            return stream.read()


def read_document(root: str, name: str) -> dict[str, Any] | None:
    """A small JSON file of a lake; None when there is none. `Any`: JSON values.

    Raises
    ------
    ArtefactError
        When it is not what was written.
    """
    content = read_small(root, name)
    if content is None:
        return None
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ArtefactError(f"{name} of the lake is damaged: {error}", "the JSON that was written", "restore it from the backup") from error
    if not isinstance(document, dict):
        raise ArtefactError(f"{name} of the lake is damaged: a {type(document).__name__}", "a JSON object", "restore it from the backup")
    return document


def write_small(root: str, name: str, content: bytes) -> None:
    """Write a small file of a lake so that readers see the old one or the new one."""
    with reaching(f"{root}/{name}"):
        system, folder = filesystem(root)
        write_whole(system, f"{folder}/{name}", content)


def write_whole(system: fs.FileSystem, target: str, content: bytes) -> None:
    """The same for a path inside a file system."""
    if isinstance(system, fs.LocalFileSystem):
        draft = _draft(Path(target), content)
        crash_point("declarations.before_rename")
        settle(draft, Path(target))
        return
    with system.open_output_stream(target) as stream:
        stream.write(content)


def put_if_absent(root: str, name: str, content: bytes) -> bytes:
    """Put a small file where there is none; of several who try at once all find the same one.

    Returns
    -------
    bytes
        What is there now: this content, or what another put before.
    """
    if is_remote(root):
        return _put_remotely(root, name, content)
    target = Path(root, name)
    draft = _draft(target, content)
    try:
        os.link(draft, target)
    except FileExistsError:
        return target.read_bytes()
    finally:
        draft.unlink()
        flush_folder(target.parent)
    return content


def _put_remotely(root: str, name: str, content: bytes) -> bytes:
    """The first commit of a table without rows claims the name: stores put it only where there is none, and then everyone writes what it says."""
    there = read_small(root, name)
    if there is not None:
        return there
    claim = f"{root.rstrip('/')}/{CLAIMS}/{name}"
    with reaching(claim):
        with suppress(DeltaError):  # somebody else was faster, now or long ago
            DeltaTable.create(claim, CLAIM, mode="error", description=content.decode(), storage_options=storage_options(claim))
        claimed = opened(claim, version=0)
    put = claimed.metadata().description.encode() if claimed is not None else content
    write_small(root, name, put)
    return put


def _draft(target: Path, content: bytes) -> Path:
    draft = target.with_name(f"{target.name}.{os.getpid()}.part")
    make_folders(draft.parent)
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def digest_of_file(path: str) -> str:
    """SHA-256 of a file, wherever it lies."""
    if not is_remote(path):
        with Path(path).open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    with reaching(path):
        system, target = filesystem(path)
        with system.open_input_file(target) as stream:
            return file_digest(stream, "sha256").hexdigest()


def digest_in_name(path: str) -> str | None:
    """SHA-256 a data file is named by, as those written to object stores are; None where the name is another.

    Examples
    --------
    >>> digest_in_name("s3://bank/lake/accounts/bucket=0/part-0.parquet") is None
    True
    """
    name = path.rpartition("/")[2].removesuffix(".parquet")
    return name if len(name) == SHA256_DIGITS and set(name) <= set("0123456789abcdef") else None


def digest_now(path: str) -> str:
    """SHA-256 of what is on the disk now, read again only when the file's size or time changed; empty when it cannot be read."""
    try:
        status = Path(path).stat()
        return _digest_once(path, status.st_size, status.st_mtime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=65_536)
def _digest_once(path: str, size: int, changed_ns: int) -> str:
    del size, changed_ns  # only part of what is remembered
    return digest_of_file(path)


def damaged(path: str) -> ArtefactError:
    """The error for a file whose bytes are not those that were recorded."""
    return ArtefactError(
        f"{path.rpartition('/')[2]} in the lake is damaged or gone: its SHA-256 is not the recorded one",
        "the bytes that were written",
        "restore the file from backup and run again",
    )
