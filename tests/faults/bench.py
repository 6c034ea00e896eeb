"""One bank on the bench: actions in child processes, each with a fault or without, until every one of them is done."""

import faulthandler
import multiprocessing
import os
import random
import resource
import signal
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sqlalchemy import not_
from sqlmodel import col, select

from bankseg.domain.errors import BanksegError
from bankseg.domain.jobs import STAGES, JobState, Stage
from bankseg.faults import KILLED
from bankseg.services.jobs import has_run_out
from bankseg.storage.database import reading
from bankseg.storage.job import Job
from tests.faults import crash_actions, shim
from tests.faults.crash_actions import Handicap
from tests.faults.desk_reader import Reader
from tests.faults.history import History
from tests.faults.tiny_bank import TinyBank
from tests.postgres import Server

WAIT_SECONDS = 300.0
HANGS_SECONDS = 60.0
REFUSED = 3
SOUND = Handicap()
MOST_PASSES = 8  # of one point in one action
PRELOADED = [
    "__main__", "tests.faults.crash_actions", "bankseg.services.train", "bankseg.services.segment", "bankseg.services.publish", "bankseg.services.score", "bankseg.services.tune",
    "bankseg.services.lifetime_months", "bankseg.services.segment_studies", "bankseg.services.import_job", "celery", "kombu.transport.memory",
]  # fmt: skip
STORE = ("store.before_commit", "store.after_commit")
JOB = ("job.claimed", "job.worked", *STORE)
FILES = ("file.before_rename", "file.after_rename")
POINTS = {
    "import": (
        "declarations.before_rename", "intake.staged", "intake.before_files", "intake.file_half_written", "quarantine.before_rename", "intake.before_commit",
        *STORE, "intake.after_commit", "intake.before_store",
    ),
    "start": STORE,
    "snapshot": (*JOB, *FILES), "train": (*JOB, "model.before_rename", "model.after_rename"), "score": (*JOB, *FILES), "segment": (*JOB, *FILES),
    "erase": (
        *JOB, *FILES, "erasure.written_down", "erasure.successor_written", "erasure.log_removals", "erasure.log_entry", "erasure.lake_told", "erasure.file_dropped",
        "erasure.file_taken_out", "erasure.before_store",
    ),
    "publish": (*JOB, "publish.part_loaded", "publish.flipped", *FILES),
    "draft": STORE, "freeze": (*FILES, *STORE), "release": STORE, "export": ("export.before_rename", "export.after_rename", *STORE),
    "backup": ("backup.file_copied", "backup.before_rename", "backup.after_rename", *STORE), "sweep": STORE,
}  # fmt: skip


@dataclass
class Plan:
    """Which point comes next: every point of an action at its first pass in turn; deeper passes, until one is not reached, where a miss costs nothing."""

    sure: dict[str, deque[tuple[str, int]]] = field(
        default_factory=lambda: {action: deque((point, 1) for point in points) for action, points in POINTS.items()}
    )
    deeper: dict[str, deque[tuple[str, int]]] = field(default_factory=lambda: {action: deque() for action in POINTS})

    had: dict[str, Counter[str]] = field(default_factory=dict)  # how often each action had which other trouble

    def next_of(self, action: str, *, is_last: bool = False) -> tuple[str, int]:
        """The point and pass to try now; when this attempt may as well succeed, one that was never tried."""
        if is_last and self.deeper[action]:
            return self.deeper[action].popleft()
        self.sure[action].rotate(-1)
        return self.sure[action][-1]

    def told(self, action: str, point: str, nth: int, *, was_reached: bool) -> None:
        """Keep what is reached and go deeper there; forget what is not."""
        place = (point, nth)
        if was_reached and place not in self.sure[action]:
            self.sure[action].append(place)
        if was_reached and nth < MOST_PASSES and (point, nth + 1) not in (*self.sure[action], *self.deeper[action]):
            self.deeper[action].append((point, nth + 1))
        if not was_reached and nth > 1 and place in self.sure[action]:
            self.sure[action].remove(place)


class Bench:
    """Does things to one bank and writes down what it did; `number` counts the faults of the whole laboratory."""

    server: Server | None = None  # whose PostgreSQL may be killed
    disk: Path | None = None  # a file system of our own that may be filled

    def __init__(self, tiny: TinyBank, history: History, name: str, rng: random.Random, plan: Plan) -> None:
        self.tiny, self.history, self.name, self.rng, self.plan = tiny, history, name, rng, plan
        self.reader = Reader(tiny, history.path, name)
        self.faults = 0
        self._pending: list[tuple[str, float]] = []
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a forked child must not miss a thread that its parent had
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(PRELOADED)
        with _preloaded():
            forkserver.ensure_running()

    def note(self, kind: str, **said: Any) -> None:  # Any: JSON values
        """One line about this bank."""
        self.history.note(kind, bank=self.name, **said)

    def fault(self, kind: str, **said: Any) -> str:  # Any: JSON values
        """One injected fault, not yet recovered from; its number."""
        self.faults += 1
        number = f"{self.name}-{self.faults}"
        self._pending.append((number, time.monotonic()))
        self.note("fault", fault=kind, number=number, **said)
        return number

    def recovered(self) -> None:
        """What was asked is done: the bank has recovered from what was injected since."""
        for number, since in self._pending:
            self.note("recovered", number=number, seconds=round(time.monotonic() - since, 2))
        self._pending.clear()

    def begin(self, action: str, given: dict[str, Any], point: str = "", handicap: Handicap = SOUND) -> BaseProcess:
        """Start an action in a child, to be ended or stopped at a point; a stage is the action of its job."""
        arguments = (self.tiny, self.history.path, self.name, "job" if action in {*STAGES, Stage.ERASE} else action, given, replace(handicap, point=point))
        process = self._processes.Process(target=in_child, args=arguments, daemon=False)
        process.start()
        return process

    def ended(self, process: BaseProcess) -> int:
        """Exit code of a child."""
        process.join(WAIT_SECONDS)
        assert process.exitcode is not None, "a child of the laboratory hangs"
        return process.exitcode

    def ended_or_killed(self, process: BaseProcess) -> int:
        """Exit code of a child that may hang, as a thread that has no memory to begin makes Python do: then it is killed, as by its supervisor."""
        process.join(HANGS_SECONDS)
        if process.exitcode is None:
            process.kill()
        return self.ended(process)

    def deck(self, action: str, kinds: Sequence[str]) -> str:
        """Of these kinds, the one whose turn it is for an action."""
        seen = self.plan.had.setdefault(action, Counter())
        least = min(seen[kind] for kind in kinds)
        kind = self.rng.choice([kind for kind in kinds if seen[kind] == least])
        seen[kind] += 1
        return kind

    def done(self, action: str, given: dict[str, Any], *, most: int) -> int:
        """Do an action, killed at points until it was killed `most` times and one that was never tried let it pass; its exit code, 0 or REFUSED."""
        for attempt in range(2 * most):
            point, nth = self.plan.next_of(action, is_last=attempt >= most)
            code = self.ended(self.begin(action, given, f"{point}:{nth}"))
            self.plan.told(action, point, nth, was_reached=code == KILLED)
            if code != KILLED:
                break
            self.fault("crash point", action=action, point=point, nth=nth)
        else:
            code = self.ended(self.begin(action, given))
        assert code in {0, REFUSED}, f"{action} ended with {code}"
        self.recovered()
        return code

    def rows(self, *states: JobState) -> list[Job]:
        """Jobs in these states."""
        bank = self.tiny.opened()
        try:
            with reading(bank.engine) as session:
                return list(session.exec(select(Job).where(col(Job.state).in_([state.value for state in states])).order_by(col(Job.id))))
        finally:
            bank.engine.dispose()

    def wait_for_leases(self) -> None:
        """Until every running job's lease has run out by the store's clock, then the sweep that rings again or gives up."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            bank = self.tiny.opened()
            with reading(bank.engine) as session:
                held = session.exec(select(Job.id).where(Job.state == JobState.RUNNING, not_(has_run_out(self.tiny.settings)))).all()
            bank.engine.dispose()
            if not held:
                break
            time.sleep(0.1)
        assert self.ended(self.begin("sweep", {})) == 0

    def kill_at_random(self, process: BaseProcess, most_seconds: float) -> bool:
        """SIGKILL at an instant nobody chose; False when the child was faster."""
        process.join(self.rng.uniform(0, most_seconds))
        if process.exitcode is not None:
            return False
        os.kill(process.pid or 0, signal.SIGKILL)
        return self.ended(process) == -signal.SIGKILL


def in_child(tiny: TinyBank, history: Path, name: str, action: str, given: dict[str, Any], handicap: Handicap) -> None:
    """The child's side: notes carry the bank's name; a refusal in words is an exit code of its own."""
    told = os.open(f"{history}.children.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(told, 1)
    os.dup2(told, 2)
    faulthandler.dump_traceback_later(HANGS_SECONDS)
    try:
        crash_actions.act(tiny, _Named(history, name), action, given, handicap)
    except BanksegError as error:
        with suppress(OSError):
            _Named(history, name).note("refused", action=action, message=str(error)[:200])
        os._exit(REFUSED)


class _Named(History):
    """A history of one bank."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path)
        self._name = name

    def note(self, kind: str, **said: Any) -> None:  # Any: JSON values
        super().note(kind, bank=self._name, **said)


def jobs_to_do(bench: Bench) -> Iterable[Job]:
    """Queued jobs, and those whose worker died."""
    return bench.rows(JobState.QUEUED, JobState.RUNNING)


@contextmanager
def _preloaded() -> Iterator[None]:
    """What is started meanwhile carries the shim, where it could be built."""
    library = shim.built()
    if library is not None:
        os.environ[shim.PRELOAD] = str(library)
    try:
        yield
    finally:
        os.environ.pop(shim.PRELOAD, None)


def memory_limit(megabytes: int) -> Handicap:
    """As little address space as this."""
    return Handicap(limits={resource.RLIMIT_AS: megabytes << 20})


def file_limit(size: int) -> Handicap:
    """No file may grow past this: what a full disk is to a writer."""
    return Handicap(limits={resource.RLIMIT_FSIZE: size})
