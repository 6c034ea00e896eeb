"""Backing up: the store at one instant, then every file it names, into a folder that appears whole or not at all.

The store goes first. Files are written before the rows that name them and are never changed, so whatever the copy of the store names is there to be copied
after it.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from sqlmodel import Session, col, select

from bankseg import __version__
from bankseg.domain.errors import InputError
from bankseg.domain.jobs import RunState
from bankseg.durable import flush_tree, settle
from bankseg.faults import crash_point
from bankseg.lake.declarations import DECLARATIONS
from bankseg.lake.files import table_versions
from bankseg.lake.kept_files import data_files, log_files, rows_at
from bankseg.lake.tables import LAYOUT_FILE
from bankseg.services import backup_manifest
from bankseg.services.backup_manifest import BackupError, Manifest
from bankseg.services.bank import Bank
from bankseg.services.list_proofs import lists_folder
from bankseg.services.metrics import BACKED_UP
from bankseg.services.unfinished import forget_old
from bankseg.storage import audit, propensity_model, schema, store_copy
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.run import Run, current

BLOCK_BYTES = 1 << 20
KEY_FILE, POLICY_FILE = "secret.key", "policy.toml"
LEFT_OUT = [
    "the secret key",
    "exported lists",
    "features by date, which a run computes again from the lake",
    "the broker's messages, which the reconciler rings again",
    "logs",
]
UNFINISHED = (".part", ".tmp")
DRAFT_FOLDERS = ".*.[0-9]*.part"  # of a process that was killed, beside where its backup would have been

Report = Callable[[str, int, int], None]


def make_backup(bank: Bank, folder: Path, *, with_key: bool = False, report: Report = lambda _stage, _done, _total: None) -> Manifest:
    """Back the bank up into a new folder.

    Parameters
    ----------
    folder
        Made here, mode 0700; must not exist, or be empty.
    with_key
        Whether the secret key goes along. Without it models and manifest stay sealed to whoever holds the key elsewhere.

    Raises
    ------
    InputError
        When the folder holds something.
    BackupError
        When a file that the store names is gone, or is not the one a run recorded.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty", "a new folder for each backup", "name another one")
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    forget_old((left for left in folder.parent.glob(DRAFT_FOLDERS) if left.is_dir()), folder.parent, time.time())
    draft.mkdir(parents=True, mode=0o700)
    try:
        manifest = _fill(bank, draft, with_key=with_key, report=report)
        backup_manifest.write(manifest, draft, bank.settings.key())
        if folder.exists():
            folder.rmdir()
        flush_tree(draft)
        crash_point("backup.before_rename")
        settle(draft, folder)
        crash_point("backup.after_rename")
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    with transaction(bank.engine) as session:
        audit.record(session, BACKED_UP, "store", files=len(manifest.files), bytes=manifest.bytes, at=manifest.made_at)
    return manifest


def _fill(bank: Bank, draft: Path, *, with_key: bool, report: Report) -> Manifest:
    (draft / "store").mkdir()
    with reading(bank.engine) as live:
        made_at = database_time(live)  # before the copy: what is committed while it runs counts as not in it
    with store_copy.copied(bank.engine, draft / "store") as copy:
        session = copy.session
        runs = list(session.exec(select(Run).where(Run.state == RunState.PUBLISHED)))
        published = current(session)
        manifest_of_store = {
            "store": copy.kind, "columns": copy.columns, "rows": copy.rows, "made_at": made_at,
            "published": {"run_id": published.id, "as_of": published.as_of, "n_rows": published.n_rows} if published else None,
            "champions": {model.target: model.digest for model in propensity_model.champions(session)},
            "audit": {"entries": audit.count(session), "head": _head(session)},
        }  # fmt: skip
    lake = {} if "://" in bank.lake else table_versions(bank.lake)
    wanted = [*_of_lake(bank, lake, runs, published), *_of_home(bank, runs)]
    recorded = {path: digest for run in runs for path, digest in run.file_hashes.items()}
    files = {str(path.relative_to(draft)): _described(path) for path in sorted((draft / "store").iterdir())}
    for done, (source, target) in enumerate(wanted):
        report("backup", done, len(wanted))
        files[target] = _copied(source, draft / target, recorded.get(str(source)))
        crash_point("backup.file_copied")
    report("backup", len(wanted), len(wanted))
    if with_key:
        files[f"home/{KEY_FILE}"] = _described(_written_key(draft / "home" / KEY_FILE, bank.settings.key()))
    return Manifest(
        release=__version__,
        revision=schema.revision(bank.engine) or "",
        files=files,
        lake={table: {"version": version, "rows": rows_at(bank.lake, table, version)} for table, version in lake.items()},
        left_out=[*LEFT_OUT[with_key:], *(["the lake, which object storage keeps"] if "://" in bank.lake else [])],
        **manifest_of_store,  # type: ignore[arg-type]  # built beside the class
    )


def _head(session: Session) -> str:
    return session.exec(select(AuditEntry.chain).order_by(col(AuditEntry.id).desc()).limit(1)).one_or_none() or ""


def _of_lake(bank: Bank, lake: dict[str, int], runs: list[Run], published: Run | None) -> Iterator[tuple[Path, str]]:
    """What every recorded version needs; of runs that readers no longer see only what erasure and clearing have left."""
    root = Path(bank.lake)
    for name in (LAYOUT_FILE, DECLARATIONS):
        if lake and (root / name).exists():
            yield root / name, f"lake/{name}"
    for table, version in lake.items():
        needed = {version} | ({published.table_versions[table]} if published and table in published.table_versions else set())
        older = {run.table_versions[table] for run in runs if table in run.table_versions} - needed
        sure = data_files(bank.lake, table, needed)
        kept = [path for path in data_files(bank.lake, table, older) if path.exists()]
        for path in sorted({*log_files(bank.lake, table, version), *sure, *kept}):
            yield path, f"lake/{path.relative_to(root)}"


def _of_home(bank: Bank, runs: Iterable[Run]) -> Iterator[tuple[Path, str]]:
    home = bank.settings.home
    folders = [bank.settings.artefacts, bank.settings.quarantine, lists_folder(bank.settings), *(bank.snapshots / "runs" / str(run.id) for run in runs)]
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            finished = not path.name.endswith(UNFINISHED) and not any(part.startswith(".") for part in path.relative_to(home).parts)
            if path.is_file() and finished:
                yield path, f"home/{path.relative_to(home)}"
    if bank.settings.policy_file is not None:
        yield bank.settings.policy_file, f"home/{POLICY_FILE}"


def _copied(source: Path, target: Path, recorded: str | None) -> dict[str, int | str]:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        digest, size = copy_hashed(source, target)
    except FileNotFoundError as error:
        raise BackupError(
            f"{source.name} is named by the store or the lake and is not there", "every file that is named", "run bankseg doctor, then try again"
        ) from error
    if recorded is not None and digest != recorded:
        raise BackupError(
            f"{source.name} in the lake is not the file a run recorded", "the bytes that were read", "restore it from an earlier backup before taking another"
        )
    return {"bytes": size, "sha256": digest}


def _written_key(path: Path, key: bytes) -> Path:
    """The key as a home keeps it, wherever this bank was given it from."""
    path.parent.mkdir(exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(key)
    return path


def _described(path: Path) -> dict[str, int | str]:
    digest, size = sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return {"bytes": size, "sha256": digest.hexdigest()}


def copy_hashed(source: Path, target: Path) -> tuple[str, int]:
    """Copy a file to a new one on disk for good, readable by us only; its SHA-256 and size as they were read."""
    digest, size = sha256(), 0
    with source.open("rb") as stream, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as into:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            into.write(block)
            size += len(block)
        into.flush()
        os.fsync(into.fileno())
    return digest.hexdigest(), size
