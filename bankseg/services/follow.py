"""Following a run: how far each stage is, until it is done, failed or quarantined."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from bankseg.domain.errors import BanksegError, ServiceUnavailableError
from bankseg.domain.jobs import STAGES, JobState, RunState, Stage
from bankseg.services.bank import Bank
from bankseg.storage.database import database_time, reading
from bankseg.storage.job import Job
from bankseg.storage.run import Run

POLL_SECONDS = 0.4
# A queued job nobody takes for this long means that no worker is at work at all.
DEAF_SECONDS = 180


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage: its jobs, how many ended, its share of work done in [0, 1], and the latest message."""

    stage: Stage
    jobs: int
    done: int
    share: float
    message: str


class RunFailedError(BanksegError):
    """A run stopped before it was published."""

    exit_code = 12
    status = 409


def follow_run(bank: Bank, run_id: int, until: Stage, *, show: Callable[[list[StageProgress]], None], pause: Callable[[float], None] = time.sleep) -> Run:
    """Watch a run until the jobs of every stage up to `until` are done.

    Raises
    ------
    RunFailedError
        When it failed or was quarantined, with the job's own reason.
    ServiceUnavailableError
        When no worker takes its jobs.
    """
    while True:
        with reading(bank.engine) as session:
            run = session.get_one(Run, run_id)
            stages = stage_progress(session, run_id)
            deaf = _is_deaf(session, run_id)
        show(stages)
        if run.state in {RunState.FAILED, RunState.QUARANTINED}:
            raise RunFailedError(
                f"run {run_id} ended as {run.state}: {run.error}",
                "a published run",
                f"mend the cause and give the same command again; run {run_id} goes on from there",
            )
        wanted = [stage for stage in stages if STAGES.index(stage.stage) <= STAGES.index(until)]
        if wanted and all(stage.done == stage.jobs for stage in wanted):
            return run
        if deaf:
            raise ServiceUnavailableError(
                f"no worker took the jobs of run {run_id} for {DEAF_SECONDS} seconds", "a worker at work", "start one with bankseg up, and see bankseg doctor"
            )
        pause(POLL_SECONDS)


def stage_progress(session: Session, run_id: int) -> list[StageProgress]:
    """How far each stage of a run is, in order."""
    jobs = session.exec(select(Job).where(Job.run_id == run_id).order_by(col(Job.id))).all()
    found = []
    for stage in STAGES:
        of_stage = [job for job in jobs if job.stage == stage]
        if of_stage:
            shares = [1.0 if job.state == JobState.DONE else job.done / job.total if job.total else 0.0 for job in of_stage]
            done = sum(job.state == JobState.DONE for job in of_stage)
            message = next((job.message for job in of_stage if job.state == JobState.RUNNING and job.message), "")
            found.append(StageProgress(stage, len(of_stage), done, sum(shares) / len(shares), message))
    return found


def _is_deaf(session: Session, run_id: int) -> bool:
    """Whether jobs wait and nobody has shown a sign of life: no lease is held, and none ended, no job ended and none was rung, for long."""
    now = database_time(session)
    if session.exec(select(Job.id).where(Job.state == JobState.RUNNING, Job.lease_until >= now).limit(1)).first() is not None:
        return False
    waiting = session.exec(select(Job).where(Job.run_id == run_id, col(Job.state).in_([JobState.QUEUED, JobState.RUNNING]))).all()
    ended = session.exec(select(func.max(Job.finished_at))).one() or 0.0
    signs = [ended, *(job.rung_at for job in waiting), *(job.lease_until for job in waiting)]
    return bool(waiting) and now - max(signs) > DEAF_SECONDS
