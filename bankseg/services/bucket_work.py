"""Bucket work: the one place where a job's buckets are sent to this machine or to a cluster, and what a cluster's worker does with one."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from bankseg import __version__
from bankseg.domain.errors import ConfigurationError
from bankseg.domain.seams import Engine
from bankseg.features.build import features_digest
from bankseg.lake.cluster import ClusterEngine, Scheduler
from bankseg.lake.local import LocalEngine
from bankseg.services.bank import Bank, open_bank
from bankseg.services.jobs import Claim
from bankseg.services.policy_in_force import recorded_policy
from bankseg.settings import Settings
from bankseg.storage.database import reading
from bankseg.storage.run import Run

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one bucket: its file, below home, and the clients it holds that were worked on."""

    path: str
    clients: int


@dataclass(frozen=True, slots=True)
class Desk:
    """Where buckets of one run are worked on: the bank, the run, and what is read once for all buckets.

    `holds` raises when the work is somebody else's by now; on a cluster the job that waits for the results asks, and a bucket is written whole or not.
    """

    bank: Bank
    run: Run
    holds: Callable[[], None] = lambda: None
    _kept: dict[str, Any] = field(default_factory=dict)

    def once(self, read: Callable[[Bank, Run], T]) -> T:
        """What `read` finds for this run, read for the first bucket and kept for the others."""
        name = f"{read.__module__}.{read.__qualname__}"
        if name not in self._kept:
            self._kept[name] = read(self.bank, self.run)
        found: T = self._kept[name]
        return found

    def written(self, path: Path, clients: int) -> Written:
        """What a bucket's work returns."""
        return Written(str(path.relative_to(self.bank.settings.home)), clients)


Work = Callable[..., Written]
Address = tuple[str, int, str, str]


def each_bucket(bank: Bank, run: Run, work: Work, tasks: Sequence[tuple[Any, ...]], report: Callable[[int], None]) -> Iterator[Written]:
    """Do `work(desk, *task)` for each task, here or on the cluster, and yield what each wrote.

    Parameters
    ----------
    tasks
        Ids only (dates, bucket numbers): a cluster's worker reads all else from the store, the lake and home.
    report
        Called with the number done after each bucket, before each one done here, and about every second on a cluster; what it raises ends the work.
    """
    done = 0

    def tick() -> None:
        report(done)

    function, addressed = _addressed(bank, run, work, tasks, tick)
    for written in engine_for(bank.settings, tick).map_buckets(function, addressed):
        _refuse_elsewhere(bank, written)
        yield written
        done += 1
        report(done)


def telling(claim: Claim, total: int, doing: str) -> Callable[[int], None]:
    """A report of a job on so many buckets; it raises when the job was taken over."""
    return lambda done: claim.progress(done, total, f"{doing}: {done} of {total} buckets")


def engine_for(settings: Settings, tick: Callable[[], None]) -> Engine:
    """Who works on buckets: the cluster whose scheduler the settings name, else this process."""
    scheduler = scheduler_of(settings)
    return ClusterEngine(scheduler, tick) if scheduler else LocalEngine()


def scheduler_of(settings: Settings) -> Scheduler | None:
    """The cluster's scheduler; None where this machine works alone."""
    if not settings.scheduler:
        return None
    return Scheduler(settings.scheduler, settings.scheduler_tls_ca, settings.scheduler_tls_cert, settings.scheduler_tls_key)


def release() -> str:
    """What two machines must share for one's files to be the other's: the version and the definitions of the features."""
    return f"{__version__}:{features_digest()[:12]}"


def inputs_of(run: Run) -> str:
    """Digest of what a run reads: tables and models, which come stage by stage."""
    return sha256(json.dumps([run.table_versions, run.models, run.shadows, run.plan], sort_keys=True).encode()).hexdigest()


def address(bank: Bank, run: Run) -> Address:
    """Where a worker finds the desk of a run: the release both must run, the run, and digests of its inputs and policy."""
    return release(), run.id or 0, inputs_of(run), bank.policy.sha256


def in_worker(work: Work, where: Address, *ids: Any) -> Written:  # ids: JSON values
    """Work on one bucket in a worker process of a cluster, which is set up like any other machine of the bank.

    Raises
    ------
    ConfigurationError
        As `desk_at` says.
    """
    desk = desk_at(where)
    try:
        return work(desk, *ids)
    finally:
        desk.bank.engine.dispose()  # connections are given back between buckets: workers may be many, and wait long


def desk_at(where: Address) -> Desk:
    """The desk of a worker process for a run, opened from its own environment and kept until a run with other inputs comes.

    Raises
    ------
    ConfigurationError
        When the worker is set up otherwise: another release, or another policy in force.
    """
    if where[0] != release():
        raise ConfigurationError(f"a worker runs release {release()}", f"{where[0]}, as whoever sent the work", "install the same release on every worker")
    return desk_of(*where[1:])


@lru_cache(maxsize=1)
def desk_of(run_id: int, inputs: str, policy_sha256: str) -> Desk:
    """That desk; the release is known to be the same."""
    del inputs  # only part of what is remembered
    bank = open_bank(Settings())
    with reading(bank.engine) as session:
        run = session.get_one(Run, run_id)
        policy = recorded_policy(session, policy_sha256) or bank.policy
    if policy.sha256 != policy_sha256:
        raise ConfigurationError(
            f"a worker reads policy {policy.sha256[:12]}",
            f"{policy_sha256[:12]}, as whoever sent the work",
            "give workers the same BANKSEG_STORE_URL and BANKSEG_POLICY_FILE",
        )
    return Desk(replace(bank, policy=policy), run)


def _addressed(
    bank: Bank, run: Run, work: Work, tasks: Sequence[tuple[Any, ...]], tick: Callable[[], None]
) -> tuple[Callable[..., Written], list[tuple[Any, ...]]]:
    if not bank.settings.scheduler:
        return partial(_here, Desk(bank, run, tick), work), list(tasks)
    where = address(bank, run)
    return in_worker, [(work, where, *task) for task in tasks]


def _here(desk: Desk, work: Work, *ids: Any) -> Written:  # ids: JSON values
    desk.holds()
    return work(desk, *ids)


def _refuse_elsewhere(bank: Bank, written: Written) -> None:
    if not (bank.settings.home / written.path).exists():
        raise ConfigurationError(
            f"a worker wrote {written.path}, which is not under home here",
            "one BANKSEG_HOME that every machine sees under its own path",
            "mount the same folder on the workers, and have them name it in BANKSEG_HOME",
        )
