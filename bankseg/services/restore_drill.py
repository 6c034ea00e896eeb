"""The restore drill: a backup restored elsewhere, and everything in it compared with its manifest. The bank itself is only asked how far it has gone on."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Engine, func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from bankseg.domain.errors import BanksegError, InputError
from bankseg.lake.kept_files import rows_at
from bankseg.propensity.artefacts import verify_in_child
from bankseg.services import backup_manifest
from bankseg.services.backup import POLICY_FILE, copy_hashed
from bankseg.services.backup_manifest import BackupError, Manifest
from bankseg.services.metrics import BACKED_UP
from bankseg.services.rolls import roll_path
from bankseg.settings import Settings
from bankseg.storage import audit, propensity_model, published_rows, store_copy
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import database_time, make_engine, reading
from bankseg.storage.import_batch import ImportBatch
from bankseg.storage.job import Job
from bankseg.storage.run import Run, current

MOST_NAMED = 5
STORE_PREFIX, LAKE_PREFIX, HOME_PREFIX = "store/", "lake/", "home/"

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing compared: whether it is as the manifest says, and what was found."""

    name: str
    is_equal: bool
    found: str


@dataclass(frozen=True, slots=True)
class Drill:
    """What a drill came to.

    `lost_seconds` is the recovery point: committed work between the backup and the bank's latest commit, None when the bank cannot be asked. `restored_seconds`
    is the recovery time: from the first file read to the last comparison.
    """

    findings: list[Finding]
    made_at: float
    age_seconds: float | None
    lost_seconds: float | None
    restored_seconds: float

    @property
    def is_whole(self) -> bool:
        """Whether everything came back."""
        return all(finding.is_equal for finding in self.findings)


def restore_drill(
    settings: Settings, folder: Path, *, store_url: str = "", keep: Path | None = None, report: Report = lambda _stage, _done, _total: None
) -> Drill:
    """Restore a backup elsewhere and compare it with its manifest.

    Parameters
    ----------
    store_url
        An empty PostgreSQL database to restore into; needed for a backup of PostgreSQL, and never the bank's own.
    keep
        Folder to restore into and keep: a new home. None: a temporary one, removed at the end.

    Raises
    ------
    BackupError
        When the manifest cannot be read: nothing can be compared.
    InputError
        When there is nowhere to restore to.
    """
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="bankseg-drill-") as scratch:
            return restore_drill(settings, folder, store_url=store_url, keep=Path(scratch), report=report)
    if keep.exists() and any(keep.iterdir()):
        raise InputError(f"{keep} is not empty", "a new folder to restore into", "name another one")
    keep.mkdir(parents=True, exist_ok=True, mode=0o700)
    began = time.perf_counter()
    manifest = backup_manifest.read(folder, settings.key())
    there = _elsewhere(settings, manifest, keep, store_url)
    findings = [_files(folder, keep, manifest, report)]
    looks = (("store", _store), ("published run", _published), ("lake", _lake), ("models", _models), ("audit trail", _audit))
    for name, look in looks:
        report(name, 0, 1)
        findings.append(_looked(name, lambda look=look: look(there, keep, manifest)))  # type: ignore[misc]  # bound here on purpose
        report(name, 1, 1)
    took = time.perf_counter() - began
    age, lost = _behind(settings, manifest)
    return Drill(findings, manifest.made_at, age, lost, took)


def _elsewhere(settings: Settings, manifest: Manifest, keep: Path, store_url: str) -> Settings:
    """Settings of the restored bank: nothing of it lies where the bank's own does."""
    if manifest.store == "postgresql" and not store_url:
        raise InputError("the backup is of PostgreSQL", "an empty database to restore into", "create one and name it with --store-url")
    if store_url and store_url == settings.store_url:
        raise InputError("that is the bank's own store", "an empty database", "create one for the drill")
    changes = {
        "home": keep.absolute(),
        "store_url": store_url if manifest.store == "postgresql" else "",
        "lake_url": settings.lake_url if not manifest.lake else "",
        "secret_key": SecretStr(settings.key().decode()),
        "policy_file": keep / POLICY_FILE if HOME_PREFIX + POLICY_FILE in manifest.files else None,
    }
    return settings.model_copy(update=changes)


def _files(folder: Path, keep: Path, manifest: Manifest, report: Report) -> Finding:
    """Copy every file to where it belongs, comparing its bytes on the way."""
    wrong = []
    for done, (name, entry) in enumerate(sorted(manifest.files.items())):
        report("files", done, len(manifest.files))
        target = keep / name.removeprefix(HOME_PREFIX)
        _make_private(target.parent)
        try:
            digest, size = copy_hashed(folder / name, target)
        except OSError as error:
            wrong.append(f"{name} ({error.strerror})")
            continue
        if (digest, size) != (entry["sha256"], entry["bytes"]):
            wrong.append(name)
    report("files", len(manifest.files), len(manifest.files))
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {backup_manifest.MANIFEST, backup_manifest.SEAL}
    wrong += sorted(f"{name} (not in the manifest)" for name in present - set(manifest.files))
    told = (
        f"{len(manifest.files)} files, {manifest.bytes / 1e6:.1f} MB" if not wrong else f"not as written: {', '.join(wrong[:MOST_NAMED])} ({len(wrong)} in all)"
    )
    return Finding("files", not wrong, told)


def _make_private(folder: Path) -> None:
    """Make a folder and those above it, each open to us only: a model folder others can write is refused."""
    if not folder.exists():
        _make_private(folder.parent)
        folder.mkdir(mode=0o700)


def _looked(name: str, look: Callable[[], Finding]) -> Finding:
    """A comparison that cannot be carried out is a finding, and the others go on."""
    try:
        return look()
    except BanksegError as error:
        return Finding(name, is_equal=False, found=str(error))
    except (OSError, SQLAlchemyError, ValueError) as error:
        return Finding(name, is_equal=False, found=f"{type(error).__name__}: it cannot be read")


def _store(there: Settings, keep: Path, manifest: Manifest) -> Finding:
    store_copy.restore(manifest.store, keep / STORE_PREFIX, there.store, manifest.revision, manifest.columns)
    shutil.rmtree(keep / STORE_PREFIX)
    with _opened(there) as engine, engine.connect() as connection:
        rows, sound = store_copy.rows_of(connection, list(manifest.rows)), store_copy.is_sound(connection)
    different = [f"{table}: {rows[table]} instead of {wanted}" for table, wanted in manifest.rows.items() if rows[table] != wanted]
    if different or not sound:
        return Finding("store", is_equal=False, found="; ".join(different[:MOST_NAMED]) or "SQLite finds its pages damaged")
    return Finding("store", is_equal=True, found=f"{len(rows)} tables, {sum(rows.values())} rows, schema at {manifest.revision}")


def _published(there: Settings, _keep: Path, manifest: Manifest) -> Finding:
    with _opened(there) as engine, reading(engine) as session:
        run = current(session)
        clients = published_rows.count(session, run.id or 0) if run else 0
    found = {"run_id": run.id, "as_of": run.as_of, "n_rows": run.n_rows} if run else None
    if found != manifest.published or (run is not None and run.n_rows != clients):
        return Finding("published run", is_equal=False, found=f"{found} with {clients} clients instead of {manifest.published}")
    if run is None:
        return Finding("published run", is_equal=True, found="none was published")
    roll = "with" if roll_path(there, run.id or 0).exists() else "without"
    return Finding("published run", is_equal=True, found=f"run {run.id} as of {run.as_of}, {clients} clients, {roll} its roll")


def _lake(there: Settings, _keep: Path, manifest: Manifest) -> Finding:
    rows = {table: rows_at(there.lake, table, int(entry["version"])) for table, entry in manifest.lake.items()}
    different = [f"{table}: {rows[table]} rows instead of {entry['rows']}" for table, entry in manifest.lake.items() if rows[table] != entry["rows"]]
    return Finding("lake", not different, "; ".join(different) or f"{len(rows)} tables, {sum(rows.values())} rows")


def _models(there: Settings, _keep: Path, manifest: Manifest) -> Finding:
    with _opened(there) as engine, reading(engine) as session:
        champions = {model.target: model.digest for model in propensity_model.champions(session)}
    for digest in champions.values():
        verify_in_child(there.artefacts, digest, there.key())
    return Finding("models", champions == manifest.champions, f"{len(champions)} champions score their golden rows as on the day they were trained")


def _audit(there: Settings, _keep: Path, manifest: Manifest) -> Finding:
    with _opened(there) as engine, reading(engine) as session:
        broken = audit.first_broken(session)
        head = session.exec(select(AuditEntry.chain).order_by(col(AuditEntry.id).desc()).limit(1)).one_or_none() or ""
        entries = audit.count(session)
    if broken is not None:
        return Finding("audit trail", is_equal=False, found=f"the chain breaks at entry {broken}")
    return Finding("audit trail", {"entries": entries, "head": head} == manifest.audit, f"{entries} entries, the chain holds")


def _behind(settings: Settings, manifest: Manifest) -> tuple[float | None, float | None]:
    """Age of the backup, and seconds of committed work it lacks; None where the bank cannot be asked."""
    if not settings.store_url and not (settings.home / store_copy.SQLITE_FILE).exists():
        return None, None
    try:
        with _opened(settings) as engine, reading(engine) as session:
            now = database_time(session)
            return now - manifest.made_at, max(0.0, _last_commit(session) - manifest.made_at)
    except (SQLAlchemyError, OSError):
        return None, None


def _last_commit(session: Session) -> float:
    """The latest instant of work that would be lost; that a backup was taken is no such work."""
    instants = (
        select(func.max(AuditEntry.at)).where(AuditEntry.action != BACKED_UP),
        select(func.max(Job.finished_at)),
        select(func.max(Run.published_at)),
        select(func.max(ImportBatch.created_at)),
    )
    return max(float(session.scalar(query) or 0.0) for query in instants)


@contextmanager
def _opened(settings: Settings) -> Iterator[Engine]:
    engine = make_engine(settings.store)
    try:
        yield engine
    finally:
        engine.dispose()


def require_whole(drill: Drill) -> None:
    """Refuse a drill in which something did not come back.

    Raises
    ------
    BackupError
        Naming what.
    """
    wrong = [finding.name for finding in drill.findings if not finding.is_equal]
    if wrong:
        raise BackupError(
            f"the backup does not restore: {', '.join(wrong)}", "what was backed up", "take another backup now, and look at the disk this one lies on"
        )
