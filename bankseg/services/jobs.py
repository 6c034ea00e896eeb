"""Jobs: claiming a row, keeping its lease, doing its work, and moving its run on when a stage is complete."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, update
from sqlmodel import Session, col, select

from bankseg.domain.errors import BanksegError, LostLeaseError, ServiceUnavailableError
from bankseg.domain.jobs import FINAL_JOB_STATES, STAGES, JobState, RunState, Stage
from bankseg.faults import crash_point
from bankseg.logs import bound
from bankseg.queue import ring
from bankseg.services.bank import Bank, open_bank
from bankseg.services.policy_in_force import recorded_policy
from bankseg.settings import Settings
from bankseg.storage import audit, schema
from bankseg.storage.database import database_time, db_now, reading, transaction
from bankseg.storage.job import Job, claims_in_turn, keeps_apart
from bankseg.storage.revisions import known_revisions, suits
from bankseg.storage.run import Run

RING_AGAIN_SECONDS = 30  # a queued job nobody took for this long is rung again: its message may be lost
HEARTBEATS_PER_LEASE = 3
LONGEST_LEASES, AHEAD_SECONDS = 10, 60  # a lease that ends so much later than now was not given by this clock

_log = logging.getLogger(__name__)

Work = Callable[[Bank, "Claim"], dict[str, Any]]


@dataclass
class Claim:
    """A job this process owns for as long as its fence is the row's."""

    bank: Bank
    job_id: int
    run_id: int
    key: str
    stage: Stage
    payload: dict[str, Any]
    fence: int
    _done: int = 0
    _total: int = 0
    _message: str = ""
    _lost: threading.Event = field(default_factory=threading.Event)

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Say how far the work is; written with the next heartbeat.

        Raises
        ------
        LostLeaseError
            When another worker took the job over: this one must stop and write nothing.
        """
        self._done, self._total, self._message = done, total, message
        if self._lost.is_set():
            raise LostLeaseError(f"job {self.key} was taken over", "the lease to be held", "nothing: the new owner goes on")

    def beat(self) -> None:
        """Extend the lease and record progress."""
        with transaction(self.bank.engine) as session:
            values = {"lease_until": db_now() + self.bank.settings.lease_seconds, "done": self._done, "total": self._total, "message": self._message}
            result = session.connection().execute(update(Job).where(self.is_mine()).values(**values))
        if result.rowcount == 0:
            self._lost.set()

    def is_mine(self) -> ColumnElement[bool]:
        """Predicate on the job row that holds only while this claim does; part of every write the job makes."""
        return and_(col(Job.id) == self.job_id, col(Job.fence) == self.fence, col(Job.state) == JobState.RUNNING)

    def hold(self, session: Session) -> None:
        """Lock the job row inside a transaction that publishes something.

        Raises
        ------
        LostLeaseError
            When the claim is gone.
        """
        if session.exec(select(Job.id).where(self.is_mine()).with_for_update()).one_or_none() is None:
            raise LostLeaseError(f"job {self.key} was taken over", "the lease to be held", "nothing: the new owner goes on")


def execute_job(settings: Settings, job_id: int, worker: str) -> None:
    """Claim one job and do it; a message that comes twice, late, or for a finished job changes nothing."""
    with _opened(settings) as bank:
        claim = claim_job(bank, job_id, worker)
        if claim is not None:
            with bound(run_id=claim.run_id or None, job_id=claim.job_id):
                _do(bank, claim, worker)


def _do(bank: Bank, claim: Claim, worker: str) -> None:
    _log.info("job started", extra={"job": claim.key, "worker": worker})
    crash_point("job.claimed")
    try:
        with _heartbeat(claim):
            result = _work(claim.stage)(_under_its_policy(bank, claim), claim)
            crash_point("job.worked")
    except LostLeaseError:
        _log.warning("job lost its lease", extra={"job": claim.key})
    except BanksegError as error:
        _fail(claim, str(error), may_retry=isinstance(error, ServiceUnavailableError))
    except Exception as error:  # noqa: BLE001  # the last line of defence: the attempt budget, not the broker, decides about trying again
        _log.exception("job failed", extra={"job": claim.key})
        _fail(claim, f"{type(error).__name__}: {error}", may_retry=True)
    else:
        _finish(claim, result)


def _under_its_policy(bank: Bank, claim: Claim) -> Bank:
    """The bank with the policy the run began with: a version approved meanwhile is the next run's."""
    if claim.stage not in STAGES:
        return bank
    with reading(bank.engine) as session:
        run = session.get(Run, claim.run_id)
        policy = recorded_policy(session, run.policy_sha256) if run else None
    return replace(bank, policy=policy) if policy is not None else bank


def claim_job(bank: Bank, job_id: int, worker: str) -> Claim | None:
    """Take a job that is queued or whose lease ran out, and that this release knows; the attempt is counted before the work starts."""
    free = or_(col(Job.state) == JobState.QUEUED, and_(col(Job.state) == JobState.RUNNING, has_run_out(bank.settings)))
    values = {
        "state": JobState.RUNNING.value,
        "fence": Job.fence + 1,
        "attempt": Job.attempt + 1,
        "lease_until": db_now() + bank.settings.lease_seconds,
        "worker": worker,
        "started_at": db_now(),
        "error": None,
    }
    if not suits(schema.revision(bank.engine)):
        return None  # an older store lacks what this release writes: the job stays queued until it is upgraded
    known = and_(
        col(Job.stage).in_([stage.value for stage in Stage]),
        or_(col(Job.planned_at_revision).is_(None), col(Job.planned_at_revision).in_(known_revisions())),
    )
    with transaction(bank.engine) as session:
        claims_in_turn(session)
        statement = update(Job).where(col(Job.id) == job_id, free, known, col(Job.attempt) < col(Job.max_attempts), keeps_apart()).values(**values)
        if session.connection().execute(statement).rowcount == 0:
            return None
        job = session.exec(select(Job).where(Job.id == job_id)).one()
        return Claim(bank, job_id, job.run_id or 0, job.key, Stage(job.stage), dict(job.payload), job.fence)


def has_run_out(settings: Settings) -> ColumnElement[bool]:
    """Predicate on a job whose lease is over, or ends later than any lease can: the clock it was written by was wrong, and has been put right since."""
    longest = AHEAD_SECONDS + LONGEST_LEASES * settings.lease_seconds
    return or_(col(Job.lease_until) < db_now(), col(Job.lease_until) > db_now() + longest)


def reconcile(settings: Settings) -> list[int]:
    """Ring again for jobs nobody took or whose worker died; quarantine those that used up their attempts."""
    with _opened(settings) as bank, transaction(bank.engine) as session:
        now = database_time(session)
        # Locked, or a worker that finishes late at this very moment would be overwritten; rows somebody else is working on are left for the next sweep.
        lost = select(Job).where(Job.state == JobState.RUNNING, has_run_out(settings)).order_by(col(Job.id)).with_for_update(skip_locked=True)
        expired = session.exec(lost).all()
        for job in expired:
            if job.attempt >= job.max_attempts:
                _close(session, job, JobState.QUARANTINED, f"gave up after {job.attempt} attempts: the worker died each time")
        waiting = session.exec(select(Job).where(Job.state == JobState.QUEUED)).all()
        unheard = [job for job in waiting if not _is_heard(job, now)]
        # Once when the lease has run out, then as seldom as any other: nobody may be there to hear for days.
        lost_owner = [job for job in expired if job.state == JobState.RUNNING and (not _is_heard(job, now) or job.rung_at < job.lease_until <= now)]
        again = [*lost_owner, *unheard]
        for job in again:
            job.rung_at = now
        rung = [job.id for job in again if job.id is not None]
    ring(settings, rung)
    return rung


def _is_heard(job: Job, now: float) -> bool:
    """Whether a job was rung a short while ago; not when it was rung in the future, by a clock that was wrong."""
    return now - RING_AGAIN_SECONDS <= job.rung_at <= now


def advance(session: Session, run: Run) -> list[int]:
    """Queue the jobs of the next stage when every job of the stages before it is done; returns the ids to ring after commit.

    The caller holds the run's row, so the last job to end sees all others done. Jobs are not locked: a job that holds its own row may be
    waiting for the run's.
    """
    jobs = session.exec(select(Job).where(Job.run_id == run.id)).all()
    now = database_time(session)
    for stage in STAGES:
        of_stage = [job for job in jobs if job.stage == stage]
        waiting = [job for job in of_stage if job.state == JobState.WAITING]
        for job in waiting:
            job.state, job.rung_at = JobState.QUEUED, now
        if waiting:
            session.flush()
            return [job.id for job in waiting if job.id is not None]
        if any(job.state != JobState.DONE for job in of_stage):
            return []
    return []


def _finish(claim: Claim, result: dict[str, Any]) -> None:
    with transaction(claim.bank.engine) as session:
        values = {"state": JobState.DONE.value, "result": result, "finished_at": db_now(), "message": "", "done": claim._total, "total": claim._total}  # noqa: SLF001  # own progress
        if session.connection().execute(update(Job).where(claim.is_mine()).values(**values)).rowcount == 0:
            _log.warning("job lost its lease at the end", extra={"job": claim.key})
            return
        # The job before the run, as everywhere: two orders would deadlock on PostgreSQL.
        run = session.exec(select(Run).where(Run.id == claim.run_id).with_for_update()).one_or_none()
        rung = advance(session, run) if run is not None else []  # an import belongs to no run
    ring(claim.bank.settings, rung)


def _fail(claim: Claim, error: str, *, may_retry: bool) -> None:
    with transaction(claim.bank.engine) as session:
        job = session.exec(select(Job).where(claim.is_mine()).with_for_update()).one_or_none()
        if job is None:
            return
        if may_retry and job.attempt < job.max_attempts:
            job.state, job.error, job.rung_at = JobState.QUEUED, error, database_time(session)
            rung = [claim.job_id]
        else:
            _close(session, job, JobState.QUARANTINED if may_retry else JobState.FAILED, error)
            rung = []
    ring(claim.bank.settings, rung)


def _close(session: Session, job: Job, state: JobState, error: str) -> None:
    """End a job for good, and its run with it: a run with a hole is never published. Work beside the run leaves no hole in it."""
    job.state, job.error, job.finished_at = state, error, database_time(session)
    run = session.get(Run, job.run_id, with_for_update=True) if job.run_id and job.stage in STAGES else None
    if run is not None and run.state == RunState.RUNNING:
        run.state = RunState.QUARANTINED if state == JobState.QUARANTINED else RunState.FAILED
        run.error = f"{job.key}: {error}"
        audit.record(session, "run_stopped", f"run {run.id}", state=run.state, job=job.key)


@contextmanager
def _opened(settings: Settings) -> Iterator[Bank]:
    """The bank for one task: its connections are closed at the end, or a worker would collect them."""
    bank = open_bank(settings)
    try:
        yield bank
    finally:
        bank.engine.dispose()


@contextmanager
def _heartbeat(claim: Claim) -> Iterator[None]:
    over = threading.Event()
    pause = claim.bank.settings.lease_seconds / HEARTBEATS_PER_LEASE

    def beat() -> None:
        while not over.wait(min(pause, 1.0 if claim._total else pause)):  # noqa: SLF001  # own progress; progress is shown about every second
            try:
                claim.beat()
            except Exception:  # noqa: BLE001  # a busy store must not end the heart; the lease survives two missed beats
                _log.warning("heartbeat missed", extra={"job": claim.key}, exc_info=True)

    thread = threading.Thread(target=beat, name=f"heartbeat-{claim.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _work(stage: Stage) -> Work:
    """The function that does a stage's jobs; imported here so that LightGBM is loaded only inside the process that works."""
    from bankseg.services import erasure_work, import_job, lifetime_months, publish, score, segment, segment_studies, train, tune

    return {
        Stage.SNAPSHOT: lifetime_months.snapshot_or_months_job,
        Stage.TRAIN: train.train_job,
        Stage.SCORE: score.score_job,
        Stage.SEGMENT: segment.segment_job,
        Stage.PUBLISH: publish.publish_job,
        Stage.TUNE: tune.tune_job,
        Stage.STUDY: segment_studies.study_job,
        Stage.IMPORT: import_job.import_job,
        Stage.ERASE: erasure_work.erase_job,
    }[stage]


def unfinished(session: Session, run_id: int) -> int:
    """Number of a run's jobs that have not ended."""
    return len(session.exec(select(Job.id).where(Job.run_id == run_id, col(Job.state).not_in([state.value for state in FINAL_JOB_STATES]))).all())
