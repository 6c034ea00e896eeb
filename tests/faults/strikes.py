"""An action is stopped at an instant between two effects, something happens to the world, and it goes on: PostgreSQL dies, a lease runs out, a clock is wrong."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError

from bankseg.faults import STOP
from tests.faults import store_faults
from tests.faults.bench import POINTS, STORE, WAIT_SECONDS, Bench
from tests.faults.crash_actions import Handicap

HOUR, DAY = 3600, 86_400
SKEWS = (-400 * DAY, -DAY, -HOUR, -90, 90, HOUR, DAY, 400 * DAY)
IN_TRANSACTION = {STORE[0], "publish.part_loaded", "publish.flipped"}  # where SQLite's one writer holds its lock
Given = dict[str, Any]  # Any: arguments of an action


def struck(bench: Bench, action: str, given: Given, kind: str) -> bool:
    """Do an action that is stopped at one of its points for something of this kind; whether it ended whole all the same."""
    points = [point for point in POINTS[action] if bench.tiny.store_url or kind not in {HEIR, HASTY_HEIR} or point not in IN_TRANSACTION]
    point = bench.rng.choice(points)
    process = bench.begin(action, given, f"{point}:1:{STOP}")
    try:
        if is_stopped(process) and STRIKES[kind](bench, given, process):
            bench.fault(kind, action=action, place=point)
    finally:
        if process.exitcode is None:
            os.kill(process.pid or 0, signal.SIGCONT)
    code = bench.ended(process)
    for other in multiprocessing.active_children():
        if other is not bench.reader.process:
            bench.ended(other)
    bench.note("struck", fault=kind, action=action, code=code)
    return code == 0


def is_stopped(process: BaseProcess) -> bool:
    """Wait until a child stops itself; False when it ended without."""
    end = time.monotonic() + WAIT_SECONDS
    state = Path(f"/proc/{process.pid}/stat")
    while process.exitcode is None:
        try:
            if state.read_text(encoding="ascii", errors="replace").rpartition(") ")[2][:1] == "T":
                return True
        except OSError:
            pass
        assert time.monotonic() < end, "a child neither stops nor ends"
        process.join(0.005)
    return False


def _kill_postmaster(bench: Bench, given: Given, process: BaseProcess) -> bool:
    del given, process
    assert bench.server is not None
    store_faults.kill_postmaster(bench.server)
    return True


def _kill_backend(bench: Bench, given: Given, process: BaseProcess) -> bool:
    del given
    assert bench.server is not None
    return store_faults.kill_backend(bench.server, bench.tiny.store_url, process.pid or 0, bench.rng)


def _end_backends(bench: Bench, given: Given, process: BaseProcess) -> bool:
    del given
    assert bench.server is not None
    return store_faults.end_backends(bench.server, bench.tiny.store_url, process.pid or 0)


def _heir(bench: Bench, given: Given, process: BaseProcess) -> bool:
    """The lease runs out and another worker does the job; the first wakes up and must change nothing."""
    del process
    try:
        bench.wait_for_leases()
    except OperationalError:  # SQLite's one writer was stopped between two statements of its heart
        return False
    bench.begin("job", {**given, "worker": "heir"}).join(bench.tiny.settings.lease_seconds)  # it may have to wait for a row that the first one holds
    return True


def _hasty_heir(bench: Bench, given: Given, process: BaseProcess) -> bool:
    """A worker whose clock is wrong hears of a job that another one does: on PostgreSQL it must leave it alone, on SQLite the fence decides."""
    del process
    hasty = bench.begin("job", {**given, "worker": "hasty heir"}, handicap=Handicap(skew_seconds=bench.rng.choice(SKEWS)))
    hasty.join(bench.tiny.settings.lease_seconds)
    return True


def skewed(bench: Bench, action: str, given: Given) -> bool:
    """Do an action by a clock that is wrong; killed at a point in half of the cases, so that what a wrong clock wrote is all there is."""
    skew = bench.rng.choice(SKEWS)
    point = f"{bench.rng.choice(POINTS[action])}:1" if bench.rng.random() < 0.5 else ""
    process = bench.begin(action, given, point, Handicap(skew_seconds=skew))
    bench.fault("wrong clock", action=action, seconds=skew, killed_at=point)
    return bench.ended(process) == 0


HEIR, HASTY_HEIR = "stopped past its lease at a point, another worker takes over", "a worker with a wrong clock hears of a running job"
POSTMASTER, BACKEND, CONNECTIONS = "SIGKILL of the postmaster", "SIGKILL of a PostgreSQL backend", "PostgreSQL ends the connections"
STRIKES: dict[str, Callable[[Bench, Given, BaseProcess], bool]] = {
    POSTMASTER: _kill_postmaster, BACKEND: _kill_backend, CONNECTIONS: _end_backends, HEIR: _heir, HASTY_HEIR: _hasty_heir,
}  # fmt: skip
