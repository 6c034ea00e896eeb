"""LightGBM's OpenMP runtime on machines that have no libgomp: scikit-learn's bundled copy, linked under the environment."""

import ctypes
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

LIBRARY = "libgomp.so.1"
VARIABLE = "LD_LIBRARY_PATH"


def directory() -> Path:
    """Folder of the link, inside the virtual environment."""
    return Path(sys.prefix) / "lib" / "gomp"


def is_loadable() -> bool:
    """Whether the loader finds OpenMP in this process."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


def link() -> Path | None:
    """Link scikit-learn's copy where the system has none; the link, or None when it is not needed or not to be had."""
    if not sys.platform.startswith("linux") or is_loadable():
        return None
    sklearn = find_spec("sklearn")
    if sklearn is None or sklearn.origin is None:
        return None
    bundled = sorted((Path(sklearn.origin).parent.parent / "scikit_learn.libs").glob("libgomp*.so*"))
    if not bundled:
        return None
    made = directory() / LIBRARY
    made.parent.mkdir(parents=True, exist_ok=True)
    made.unlink(missing_ok=True)
    made.symlink_to(bundled[0])
    return made


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """The given environment plus the link's folder, for processes about to start: the loader reads the variable at start only."""
    given = dict(base)
    if not (directory() / LIBRARY).exists():
        return given
    folders = [part for part in given.get(VARIABLE, "").split(os.pathsep) if part]
    if str(directory()) not in folders:
        given[VARIABLE] = os.pathsep.join([str(directory()), *folders])
    return given


def ensure() -> None:
    """Start this process again with the link's folder on the loader's path, once, where a link was made; else do nothing."""
    wanted = environment(os.environ)
    if wanted.get(VARIABLE) != os.environ.get(VARIABLE):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], wanted)


if __name__ == "__main__":
    sys.stdout.write(f"{link() or ''}\n")
