"""Builds and speaks to `shim.c`: a process whose wall clock is wrong, and a record of what it made durable."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
PRELOAD = "LD_PRELOAD"
SKEW = "LABORATORY_SKEW"  # seconds, for a program that is started with the shim and knows nothing of it


@cache
def built() -> Path | None:
    """The library, built once a source text; None where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = Path(tempfile.gettempdir()) / f"bankseg-laboratory-{os.geteuid()}-{sha256(SOURCE.read_bytes()).hexdigest()[:12]}.so"
    if not library.exists():
        draft = library.with_suffix(f".{os.getpid()}")
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(draft), str(SOURCE), "-ldl"], check=True, capture_output=True)
        draft.replace(library)
    return library


def skew(seconds: int) -> None:
    """The wall clock of this process is this much ahead, or behind when negative; it was started with the shim."""
    ctypes.CDLL(None).shim_skew(ctypes.c_long(seconds))


def watch(folder: Path) -> None:
    """Keep a copy of everything this process makes durable in a folder; it was started with the shim."""
    ctypes.CDLL(None).shim_watch(os.fsencode(folder))
