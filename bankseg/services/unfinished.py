"""What a killed process left half done on the disk: found by its name or because nothing refers to it, and removed once nobody can be at it any more."""

import fcntl
import shutil
from collections.abc import Iterable
from pathlib import Path

from bankseg.lake.kept_files import drop_unnamed
from bankseg.services.list_proofs import lists_folder
from bankseg.settings import Settings
from bankseg.storage.database import database_time, make_engine, reading

UNFINISHED_SECONDS = 24 * 3600.0  # far longer than the longest job, backup or import: its writer is dead
DRAFT_FILES = "*.part"
DRAFT_MODELS = ".draft-*"


def forget_unfinished(settings: Settings) -> list[str]:
    """Remove drafts under home, and lake files that no version of their table names; returns what was removed, relative to its root."""
    engine = make_engine(settings.store)
    try:
        with reading(engine) as session:
            now = database_time(session)
    finally:
        engine.dispose()
    folders = (settings.home / "snapshots", settings.artefacts, settings.quarantine, lists_folder(settings), settings.home / "uploads")
    drafts = [path for folder in folders for pattern in (DRAFT_FILES, DRAFT_MODELS) for path in folder.rglob(pattern)]
    gone = forget_old(drafts, settings.home, now)
    return [*gone, *_forget_in_lake(settings, now)]


def forget_old(paths: Iterable[Path], root: Path, now: float) -> list[str]:
    """Remove the files and folders among these that were last written long before `now`, in epoch seconds; their names relative to `root`."""
    gone = []
    for path in paths:
        try:
            is_old = path.lstat().st_mtime < now - UNFINISHED_SECONDS
        except FileNotFoundError:  # its writer was alive after all, or somebody else removed it
            continue
        if is_old:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
            gone.append(str(path.relative_to(root)))
    return gone


def _forget_in_lake(settings: Settings, now: float) -> list[str]:
    """The same in the lake, unless an import is under way."""
    with (settings.home / "intake.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return []
        return drop_unnamed(settings.lake, now - UNFINISHED_SECONDS)
