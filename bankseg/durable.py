"""Names that outlast a loss of power: a file that was flushed can be lost all the same while the folder that names it was not."""

import os
from pathlib import Path


def flush_folder(folder: Path) -> None:
    """Have a folder's names on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_file(path: Path) -> None:
    """Have the bytes of a file that somebody else wrote on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def settle(draft: Path, target: Path) -> None:
    """Rename a flushed draft, a file or a folder, to its name, for good."""
    draft.replace(target)
    flush_folder(target.parent)


def make_folders(folder: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it where they are missing, each named on the disk."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    folder.mkdir(mode=mode, exist_ok=True)
    flush_folder(folder.parent)


def flush_tree(folder: Path) -> None:
    """Have everything in a folder on the disk: bytes and names."""
    for above, _, names in os.walk(folder):
        for name in names:
            flush_file(Path(above, name))
        flush_folder(Path(above))
