"""A file system of our own in memory, small enough to be filled to the last byte: where this process may mount one."""

import errno
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = "700m"
BALLAST = ".ballast"
BLOCK = bytes(1 << 20)
MOST_LEFT_BYTES = 120_000


@contextmanager
def own_disk(folder: Path) -> Iterator[Path | None]:
    """Mount it over a new folder for as long as the block runs; None where that is not allowed, and the folder is an ordinary one."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "bankseg-laboratory", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield folder if is_mounted else None
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, rng: random.Random) -> None:
    """Leave some bytes, or none."""
    left = rng.choice((0, 4_096, rng.randrange(MOST_LEFT_BYTES)))
    with (disk / BALLAST).open("wb", buffering=0) as ballast:
        block = BLOCK
        while block:
            try:
                if ballast.write(block) < len(block):
                    block = block[: len(block) // 2]
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                block = block[: len(block) // 2]
        ballast.truncate(max(0, ballast.tell() - left))


def empty(disk: Path) -> None:
    """Give the space back."""
    (disk / BALLAST).unlink()
