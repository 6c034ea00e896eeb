"""Child processes that end with their parent, and locks that end with their holder."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from pydantic import SecretStr

from bankseg.embedded import openmp
from bankseg.settings import Settings

LONGEST_LOG_BYTES = 10_000_000
LAST_WORDS_BYTES = 600


@dataclass(slots=True)
class Child:
    """A process this one started, in a session of its own so that Ctrl-C reaches only its parent."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self.popen.poll() is None

    def stop(self, within_seconds: float) -> None:
        """Ask it to end, wait, then end it and its own children."""
        if self.is_alive():
            self.popen.terminate()
            try:
                self.popen.wait(within_seconds)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        _kill_group(self.popen.pid)
        self.popen.wait()

    def last_words(self) -> str:
        """The end of its log, for an error message."""
        try:
            return self.log.read_bytes()[-LAST_WORDS_BYTES:].decode(errors="replace").strip() or "it wrote nothing"
        except OSError:
            return "it left no log"


def start(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    log: Path,
    keep_open: Sequence[int] = (),
    cwd: Path | None = None,
    orphan_signal: signal.Signals = signal.SIGKILL,
) -> Child:
    """Start a command on a leash, its output appended to a log that only we may read; `orphan_signal` is what it gets when we are killed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LONGEST_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        popen = subprocess.Popen(
            [sys.executable, "-m", "bankseg.embedded.leash", str(os.getpid()), str(int(orphan_signal)), *command],
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            env=dict(environment),
            pass_fds=tuple(keep_open),
            start_new_session=True,
            cwd=cwd,
        )
    finally:
        os.close(handle)
    return Child(name, popen, log)


def environment(settings: Settings, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: ours, the settings as given, and what OpenMP and Celery must know before they start."""
    given = openmp.environment(os.environ if base is None else base)
    given.update(_as_variables(settings))
    given["OMP_WAIT_POLICY"] = "passive"  # idle OpenMP threads must not spin beside other work
    # Celery's soft shutdown sleeps its whole time whenever a task is running; a warm one ends with the task, and `stop` sets the limit.
    given.pop("REMAP_SIGTERM", None)
    return given


def hold(path: Path) -> FileIO | None:
    """Take a lock that its holder's end releases, whatever ends it; None when somebody holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = FileIO(path, "a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    return handle


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock."""
    if not path.exists():
        return False
    handle = hold(path)
    if handle is None:
        return True
    handle.close()
    return False


def _as_variables(settings: Settings) -> dict[str, str]:
    variables = {}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        if value is not None:
            variables[f"BANKSEG_{name.upper()}"] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return variables


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
