"""Loss of power: everything that was not flushed is forgotten, by the strictest reading of what a file system promises.

A child runs with the shim's record of what it flushed. Then its bank's home is put together anew: a file has the bytes of its last fsync, a folder the names
of its last fsync; what was never flushed is as it was before, or not there. In a milder loss each unflushed thing is forgotten or kept by a coin.
"""

import os
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.bench import POINTS, Bench
from tests.faults.crash_actions import Handicap
from tests.faults.strikes import Given


@dataclass
class Before:
    """A home before the child began, all of it on the disk: a copy, and the inodes by path."""

    home: Path
    copy: Path
    names: dict[int, dict[str, int]] = field(default_factory=dict)  # of a folder's inode: name to inode
    files: dict[int, Path] = field(default_factory=dict)  # of a file's inode: where its bytes are kept


def taken(home: Path, copy: Path) -> Before:
    """Copy a home and note which inode is where."""
    shutil.rmtree(copy, ignore_errors=True)
    before = Before(home, copy)
    for folder, folders, files in os.walk(home):
        place = Path(folder)
        (copy / place.relative_to(home)).mkdir(parents=True, exist_ok=True)
        before.names[place.stat().st_ino] = {name: (place / name).lstat().st_ino for name in (*folders, *files)}
        for name in files:
            kept = copy / place.relative_to(home) / name
            shutil.copy2(place / name, kept)
            before.files[(place / name).stat().st_ino] = kept
    return before


@dataclass
class Loss:
    """One loss of power over a home; `forgets` decides of each thing that was not flushed."""

    before: Before
    shadow: Path
    forgets: Any  # Any: a coin, () -> bool
    lost: list[str] = field(default_factory=list)

    def fall(self, after: Path) -> None:
        """Build in `after` what a machine would find when it comes back."""
        now: dict[int, Path] = {}
        for folder, _, files in os.walk(self.before.home):
            now[Path(folder).stat().st_ino] = Path(folder)
            now.update({(Path(folder) / name).lstat().st_ino: Path(folder) / name for name in files})
        self._folder(self.before.home.stat().st_ino, after, now)

    def _folder(self, inode: int, into: Path, now: dict[int, Path]) -> None:
        into.mkdir()
        if inode in now:
            shutil.copystat(now[inode], into)
        for name, child in self._names(inode, now).items():
            target = into / name
            if self._is_folder(child, now):
                self._folder(child, target, now)
            else:
                target.write_bytes(self._bytes(child, now))
                _copy_manners(self.before.files.get(child), now.get(child), target)

    def _names(self, inode: int, now: dict[int, Path]) -> dict[str, int]:
        kept = self.shadow / f"d{inode}"
        durable = _listed(kept) if kept.exists() else self.before.names.get(inode, {})
        present = {entry.name: entry.inode() for entry in os.scandir(now[inode])} if inode in now else {}
        names = {}
        for name in sorted({*durable, *present}):
            chosen = durable.get(name)
            if chosen != present.get(name):
                if self.forgets():
                    self.lost.append(f"name {name}")
                else:
                    chosen = present.get(name)
            if chosen is not None:
                names[name] = chosen
        return names

    def _bytes(self, inode: int, now: dict[int, Path]) -> bytes:
        kept, old = self.shadow / f"f{inode}", self.before.files.get(inode)
        durable = kept.read_bytes() if kept.exists() else old.read_bytes() if old is not None else b""
        present = now[inode].read_bytes() if inode in now else durable
        if present != durable and not self.forgets():
            return present
        if present != durable:
            self.lost.append(f"bytes {now[inode].name}")
        return durable

    def _is_folder(self, inode: int, now: dict[int, Path]) -> bool:
        return inode in self.before.names or (inode in now and now[inode].is_dir())


def _listed(kept: Path) -> dict[str, int]:
    pairs = (line.split(" ", 1) for line in kept.read_text(encoding="utf-8").splitlines())
    return {name: int(inode) for inode, name in pairs}


def _copy_manners(old: Path | None, now: Path | None, target: Path) -> None:
    source = now if now is not None else old
    if source is not None:
        shutil.copystat(source, target)


def power_lost(bench: Bench, action: str, given: Given, kept: Path) -> bool:
    """Do an action, lose power at one of its points or right after its end, and come back; whether it had ended whole."""
    home, shadow, after = bench.tiny.home, kept / "shadow", home_after(bench)
    for folder in (shadow, after):
        shutil.rmtree(folder, ignore_errors=True)
    shadow.mkdir(parents=True)
    bench.reader.stop()
    before = taken(home, kept / "before")
    is_at_point, is_strict = bench.rng.random() < 0.6, bench.rng.random() < 0.5
    point = f"{bench.rng.choice(POINTS[action])}:1" if is_at_point else ""
    code = bench.ended(bench.begin(action, given, point, Handicap(watched=shadow)))
    loss = Loss(before, shadow, (lambda: True) if is_strict else coin(bench.rng))
    loss.fall(after)
    shutil.rmtree(home)
    after.rename(home)
    bench.reader.start()
    bench.fault("power lost", action=action, place=point or "its end", strict=is_strict, ended=code, lost=sorted(loss.lost)[:20])
    return code == 0


def home_after(bench: Bench) -> Path:
    """Where the home is put together, on the same file system."""
    return bench.tiny.home.with_name(f"{bench.tiny.home.name}-after")


def coin(rng: random.Random) -> Any:  # Any: () -> bool
    """Forgets every second time."""
    return lambda: rng.random() < 0.5
