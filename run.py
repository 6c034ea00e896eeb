#!/usr/bin/env python3
"""Everything a fresh machine needs, behind one command; standard library only.

python3 run.py demo [options]    make the environment, then the demo bank from extract files to web pages (see `bankseg demo --help`)
python3 run.py test [arguments]  make the environment, then run the test suite (arguments go to pytest)
python3 run.py check             make the environment, then format, lint, types, import rules and documentation
python3 run.py screenshots       make the environment, then pictures of every screen into docs/screenshots (needs Chromium)
python3 run.py setup             make the environment only
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
STAMP = VENV / "bankseg-setup.json"
LEAST_PYTHON = (3, 11)
NEWER_PYTHONS = ("python3.13", "python3.12", "python3.11", "python3.14")
LOCKS = {
    "demo": ("main",),
    "setup": ("main",),
    "test": ("main", "extras", "test"),
    "screenshots": ("main", "extras", "test"),
    "check": ("main", "extras", "test", "check"),
}
MOST_WORKERS = 4  # each worker of the suite starts a database server and brokers of its own
NOT_COMPILED = r"[/\\](tests?|pip|moto|botocore|playwright|mypy|material|schemathesis)[/\\]"  # what no process of ours loads, or one of the tests only
CHECKS = (
    ("format", ("ruff", "format", "--check", ".")),
    ("lint", ("ruff", "check", ".")),
    ("types", ("mypy", "--strict", "bankseg", "workers")),
    ("import rules", ("lint-imports",)),
    ("documentation", ("mkdocs", "build", "--strict", "--quiet")),
)


class SetupError(Exception):
    """Something this machine lacks, with what to do about it."""


def main(arguments: list[str]) -> int:
    """Make the environment that the command needs, then run the command; its exit code is ours."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command not in LOCKS:
        print(__doc__.strip(), file=sys.stderr)
        return 0 if command in ("-h", "--help", "help") else 2
    try:
        ensure_python(arguments)
        with Lock():
            ensure_environment(LOCKS[command])
    except SetupError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 3
    if command == "check":
        return check()
    if command == "setup":
        return 0
    program = {
        "demo": [str(BIN / "bankseg"), "demo"],
        "test": [str(PYTHON), "-m", "pytest", "-q", *workers(rest)],
        "screenshots": [str(PYTHON), str(ROOT / "docs" / "screenshots.py")],
    }[command]
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execve(program[0], program + rest, child_environment())
    return 1


def workers(arguments: list[str]) -> list[str]:
    """Options that spread the whole suite over the cores, file by file; tests that were named, and a debugger, run in this process."""
    if any(not argument.startswith("-") or argument in ("--pdb", "-s") for argument in arguments):
        return []
    return ["-n", str(min(MOST_WORKERS, os.cpu_count() or 1)), "--dist", "loadfile"]


def ensure_python(arguments: list[str]) -> None:
    """Go on with a newer interpreter where this one is too old."""
    if sys.version_info >= LEAST_PYTHON:
        return
    for name in NEWER_PYTHONS:
        found = shutil.which(name)
        if found and works(found):
            sys.stdout.flush()
            os.execv(found, [found, str(Path(__file__).resolve()), *arguments])
    raise SetupError(
        f"this is Python {sys.version_info[0]}.{sys.version_info[1]}, and bankseg needs Python 3.11 or newer. "
        "Install one (for example the package python3.11) and run it as: python3.11 run.py ..."
    )


def ensure_environment(locks: tuple[str, ...]) -> None:
    """Create .venv if it is missing or broken, and install what has changed since the last time."""
    if not is_usable():
        make_environment()
    done = read_stamp()
    for name in locks:
        path = ROOT / "requirements" / f"{name}.lock"
        digest = digest_of(path)
        if done.get(name) != digest:
            say(f"installing {name}.lock (hash-pinned)")
            install(["--require-hashes", "-r", str(path)], f"the {name} lock")
            done[name] = digest
            write_stamp(done)
    link_openmp()
    fetch_front_end()
    project = digest_of(ROOT / "pyproject.toml", ROOT / "hatch_build.py")
    if done.get("project") != project or not (BIN / "bankseg").exists():
        install(["--no-build-isolation", "--no-deps", "-e", str(ROOT)], "the project", BANKSEG_NO_FRONT_END="1")
        done["project"] = project
        write_stamp(done)
    compile_bytecode(done)


def is_usable() -> bool:
    """Whether .venv was made here, by this script or by hand, and its interpreter still runs."""
    return PYTHON.exists() and read_stamp().get("root", str(ROOT)) == str(ROOT) and works(str(PYTHON))


def make_environment() -> None:
    """Make a new .venv in place of what is there."""
    if VENV.exists() and not (VENV / "pyvenv.cfg").exists() and any(VENV.iterdir()):
        raise SetupError(f"{VENV} exists and is not a virtual environment; move it away and run again")
    if not os.access(ROOT, os.W_OK):
        raise SetupError(f"{ROOT} cannot be written; copy the checkout to a folder of yours and run there")
    say("making .venv")
    try:
        import ensurepip  # noqa: F401  # Debian and Ubuntu split it off
        import venv  # noqa: F401
    except ImportError:
        make_with_uv()
    else:
        run([sys.executable, "-m", "venv", "--clear", str(VENV)], "the virtual environment")
    write_stamp({})


def make_with_uv() -> None:
    """Make .venv where Python's own venv or ensurepip is missing."""
    uv = shutil.which("uv")
    if not uv:
        raise SetupError(
            "this Python has no venv with pip (module ensurepip or venv is missing). On Debian or Ubuntu install the package "
            f"python{sys.version_info[0]}.{sys.version_info[1]}-venv; elsewhere install uv. Then run again"
        )
    run([uv, "venv", "--clear", "--python", sys.executable, str(VENV)], "the virtual environment")


def install(arguments: list[str], what: str, **extra: str) -> None:
    """Install with uv when it is there and works, else with pip."""
    uv = shutil.which("uv")
    environment = child_environment(**extra)
    if uv and subprocess.run([uv, "pip", "install", "--quiet", "--python", str(PYTHON), *arguments], env=environment, cwd=ROOT, check=False).returncode == 0:
        return
    if not works(str(PYTHON), "import pip"):
        raise SetupError(f"{what} could not be installed with uv, and .venv has no pip to try instead")
    # compile_bytecode does it, on every core and without what no process of ours loads.
    quiet = ["--no-compile"] if sys.stdout.isatty() else ["--no-compile", "--quiet"]
    run([str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *quiet, *arguments], what, environment)


def compile_bytecode(done: dict[str, str]) -> None:
    """Compile what the processes load, once for all of them: where PYTHONDONTWRITEBYTECODE is set each would compile it anew, 8 s instead of 4 to start a worker."""
    installed = " ".join(digest for name, digest in sorted(done.items()) if name not in ("root", "bytecode"))
    folders = [str(ROOT / "bankseg"), str(ROOT / "workers")] + ([str(VENV)] if done.get("bytecode") != installed else [])
    command = [str(PYTHON), "-m", "compileall", "-qq", "-j", "0", "-x", NOT_COMPILED, *folders]
    if subprocess.run(command, env=child_environment(), cwd=ROOT, check=False).returncode in (0, 1):  # 1: a file of a library is no Python, a template say
        write_stamp(dict(done, bytecode=installed))


def link_openmp() -> None:
    """Where the system has no libgomp, link scikit-learn's copy; every child started by us or by bankseg finds it through LD_LIBRARY_PATH."""
    done = subprocess.run([str(PYTHON), "-m", "bankseg.embedded.openmp"], env=child_environment(), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.stdout.strip():
        say(f"this machine has no libgomp: linked scikit-learn's copy as {done.stdout.strip()}")


def fetch_front_end() -> None:
    """Fetch the front-end files unless they are there; where the registry is away this says so and goes on."""
    subprocess.run([str(PYTHON), str(ROOT / "hatch_build.py")], env=child_environment(), cwd=ROOT, check=False)


def check() -> int:
    """Run every step even after a failure, and sum up."""
    results = []
    for name, command in CHECKS:
        say(f"== {name}: {' '.join(command)}")
        started = time.monotonic()
        code = subprocess.run([str(BIN / command[0]), *command[1:]], env=child_environment(), cwd=ROOT, check=False).returncode
        results.append((name, code, time.monotonic() - started))
    say("== summary")
    for name, code, seconds in results:
        say(f"{name:<14} {'ok    ' if code == 0 else 'FAILED'}  {seconds:5.1f} s")
    return 1 if any(code for _, code, _ in results) else 0


def child_environment(**extra: str) -> dict[str, str]:
    """Our environment without what would mislead another interpreter, and with what its loader must know before it starts."""
    given = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")}
    given["PATH"] = os.pathsep.join([str(BIN), given.get("PATH", os.defpath)])
    given["OMP_WAIT_POLICY"] = "passive"
    gomp = VENV / "lib" / "gomp"
    if gomp.is_dir():
        given["LD_LIBRARY_PATH"] = os.pathsep.join(part for part in (str(gomp), given.get("LD_LIBRARY_PATH", "")) if part)
    given.update(extra)
    return given


def run(command: list[str], what: str, environment: dict[str, str] | None = None) -> None:
    """Run a step that must succeed."""
    code = subprocess.run(command, env=environment or child_environment(), cwd=ROOT, check=False).returncode
    if code:
        raise SetupError(
            f"{what} could not be made or installed (exit code {code}, see above). With no network, run again when there is one: it goes on where it stopped"
        )


def works(python: str, statement: str = "import encodings") -> bool:
    """Whether an interpreter exists, runs, and is new enough."""
    try:
        code = f"{statement}; import sys; sys.exit(sys.version_info < {LEAST_PYTHON})"
        return subprocess.run([python, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def digest_of(*paths: Path) -> str:
    """SHA-256 of files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def read_stamp() -> dict[str, str]:
    """What was installed the last time; empty when nothing is known."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_stamp(done: dict[str, str]) -> None:
    """Remember what is installed, in one step."""
    new = STAMP.with_suffix(".new")
    new.write_text(json.dumps(dict(done, root=str(ROOT)), indent=1), encoding="utf-8")
    new.replace(STAMP)


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


class Lock:
    """Two runs of this script in one checkout wait for one another."""

    def __enter__(self) -> None:
        self.stream = Path(__file__).open("rb")  # closed on exit; locking this file needs no other one
        try:
            import fcntl

            fcntl.flock(self.stream, fcntl.LOCK_EX)
        except (ImportError, OSError):
            return

    def __exit__(self, *unused: object) -> None:
        self.stream.close()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
