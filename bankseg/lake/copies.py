"""Copies on this machine of files of a lake on object storage: checked by SHA-256, bounded in size, never removed while in use.

Files of a lake never change under their name, so a copy whose digest is right is the file.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from types import TracebackType
from typing import Self
from uuid import uuid4
from weakref import finalize

from pyarrow import NativeFile

from bankseg.faults import crash_point
from bankseg.lake.places import damaged, digest_in_name, digest_now, filesystem, is_remote, reaching, store_settings

GIGABYTE = 10**9
PIECE_BYTES = 4 << 20
ABANDONED_SECONDS = 24 * 3600.0  # since a draft was last written to: whoever wrote it is dead


class Held:
    """Files one reader may open: those on a disk as they are, those in an object store as copies that stay until it lets go or dies."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._pin = -1

    def local(self, paths: Iterable[str], hashes: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Paths to read in place of these, in their order.

        Parameters
        ----------
        hashes
            SHA-256 by path: a copy of a file that is listed, or that has its digest as its name, is checked before it is read.

        Raises
        ------
        ArtefactError
            When a file is gone, or its bytes are not those that were recorded.
        """
        known = hashes or {}
        return tuple(self._copy(path, known.get(path) or digest_in_name(path)) if is_remote(path) else path for path in paths)

    def _copy(self, path: str, expected: str | None) -> str:
        if self._folder is None:
            settings = store_settings()
            self._folder, self._most_bytes = settings.lake_copies_folder, settings.lake_copies_gb * GIGABYTE
            self._pin = _new_pin(self._folder)
            self._let_go = finalize(self, os.close, self._pin)  # the lock goes with the handle, and with the process
        copy = copy_path(self._folder, path)
        with _locked(self._folder, fcntl.LOCK_SH):
            os.write(self._pin, f"{copy.name}\n".encode())
        if not _is_sound(copy, expected):
            _fetch(path, copy, expected)
            make_room(self._folder, self._most_bytes)
        os.utime(copy, ns=(time.time_ns(), copy.stat().st_mtime_ns))  # last used, by which room is made
        return str(copy)

    def close(self) -> None:
        """Let go: copies may be removed from now on."""
        if self._folder is not None:
            self._let_go()
            self._folder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def copy_path(folder: Path, path: str) -> Path:
    """Where the copy of a file of an object store is kept."""
    return folder / f"{sha256(path.encode()).hexdigest()}.parquet"


def places_to_read(paths: Iterable[str]) -> tuple[str, ...]:
    """Where these files are read, which `Held.local` has to see to each time."""
    return tuple(str(copy_path(store_settings().lake_copies_folder, path)) if is_remote(path) else path for path in paths)


def make_room(folder: Path, most_bytes: int) -> None:
    """Remove the copies that were used longest ago until no more than so many bytes are left, or only copies in use; and drafts nobody writes any more."""
    copies = [(path, path.stat()) for path in folder.glob("*.parquet")]
    size = sum(status.st_size for _, status in copies)
    if size > most_bytes:
        _remove_unused(folder, copies, size - most_bytes)
    for draft in folder.glob(".*.part"):
        if draft.stat().st_mtime < time.time() - ABANDONED_SECONDS:
            draft.unlink(missing_ok=True)


def _remove_unused(folder: Path, copies: list[tuple[Path, os.stat_result]], too_many_bytes: int) -> None:
    with _locked(folder, fcntl.LOCK_EX):
        used = _used(folder)
        for path, status in sorted(copies, key=lambda copy: copy[1].st_atime_ns):
            if too_many_bytes <= 0:
                break
            if path.name not in used:
                path.unlink(missing_ok=True)
                too_many_bytes -= status.st_size


def forget_erased(folder: Path, lake: str, seen: int) -> None:
    """Remove copies made before files of a lake last took the place of others: they may hold an erased client.

    Parameters
    ----------
    seen
        What `erasures_seen` says of the lake; 0 where nobody was ever erased.
    """
    mark = folder / f"erased-{sha256(lake.encode()).hexdigest()[:16]}"
    known = int(mark.read_text(encoding="ascii")) if mark.exists() else 0
    if seen == known or not folder.exists():
        return
    make_room(folder, 0)
    if not any(folder.glob("*.parquet")):  # those in use go when this is asked again
        mark.write_text(str(seen), encoding="ascii")


def draft_in(folder: Path) -> Path:
    """A name nobody else writes to; what is left there by a killed process is removed in time."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f".{os.getpid()}-{get_ident()}-{uuid4().hex}.part"


def _new_pin(folder: Path) -> int:
    """A locked file that lists what its reader uses: whoever can lock it knows that the reader is gone."""
    pins = folder / "pins"
    pins.mkdir(parents=True, exist_ok=True)
    with _locked(folder, fcntl.LOCK_SH):
        pin = os.open(pins / uuid4().hex, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(pin, fcntl.LOCK_EX)
    return pin


def _used(folder: Path) -> set[str]:
    used: set[str] = set()
    for pin in (folder / "pins").iterdir():
        with pin.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                used.update(file.read().decode().split())
            else:
                pin.unlink()
    return used


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Pins are written while nobody makes room, so that what is pinned and there stays there."""
    with (folder / "room.lock").open("ab") as lock:
        fcntl.flock(lock, how)
        yield


def _fetch(path: str, copy: Path, expected: str | None) -> None:
    draft, digest = draft_in(copy.parent), sha256()
    try:
        with reaching(path):
            system, target = filesystem(path)
            source = system.open_input_stream(target)
        with source, draft.open("wb") as file:
            while piece := _piece(path, source):
                digest.update(piece)
                file.write(piece)
        if expected is not None and digest.hexdigest() != expected:
            raise damaged(path)
        crash_point("copies.before_rename")
        draft.replace(copy)
    finally:
        draft.unlink(missing_ok=True)


def _piece(path: str, source: NativeFile) -> bytes:
    with reaching(path):
        return bytes(source.read(PIECE_BYTES))


def _is_sound(copy: Path, expected: str | None) -> bool:
    return digest_now(str(copy)) == expected if expected is not None else copy.exists()
