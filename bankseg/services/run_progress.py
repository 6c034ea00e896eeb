"""Runs as the operations desk sees them: stages, how far each is, and what failed."""

from dataclasses import dataclass

from sqlmodel import Session

from bankseg.domain.errors import NotFoundError
from bankseg.domain.jobs import STAGES, JobState, RunState
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, may, require
from bankseg.storage import import_batch, progress
from bankseg.storage import run as runs
from bankseg.storage.import_batch import ImportBatch
from bankseg.storage.job import Job
from bankseg.storage.run import Run


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage: its share done in [0, 1], its jobs by state, and the words its workers left."""

    stage: str
    state: str
    share: float
    jobs: int
    done: int
    running: int
    message: str


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run with its stages and jobs; error texts only for those who run the engine room."""

    run: Run
    stages: list[StageProgress]
    jobs: list[Job]
    is_current: bool
    is_final: bool
    shows_errors: bool


def runs_list(session: Session, scope: Scope) -> tuple[list[Run], int | None]:
    """The latest runs and the id of the one readers see."""
    require(scope, Right.RUNS)
    current = runs.current(session)
    return runs.latest(session), current.id if current else None


def run_page(session: Session, scope: Scope, run_id: int) -> RunPage:
    """One run.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    require(scope, Right.RUNS)
    run = session.get(Run, run_id)
    if run is None:
        raise NotFoundError("nothing here")
    jobs, current = progress.jobs_of_run(session, run_id), runs.current(session)
    return RunPage(run, stages_of(jobs), jobs, current is not None and current.id == run_id, run.state != RunState.RUNNING, may(scope.role, Right.RUN_ERRORS))


def imports_list(session: Session, scope: Scope) -> list[ImportBatch]:
    """The latest imports with their reconciliation."""
    require(scope, Right.IMPORTS)
    return import_batch.latest(session)


def stages_of(jobs: list[Job]) -> list[StageProgress]:
    """The stages in their order, those without jobs as waiting."""
    others = sorted({job.stage for job in jobs} - set(STAGES))
    return [_stage(str(name), [job for job in jobs if job.stage == name]) for name in (*STAGES, *others)]


def _stage(name: str, jobs: list[Job]) -> StageProgress:
    if not jobs:
        return StageProgress(name, JobState.WAITING, 0.0, 0, 0, 0, "")
    done = sum(job.state == JobState.DONE for job in jobs)
    running = [job for job in jobs if job.state == JobState.RUNNING]
    words = [job.message for job in running if job.message]
    return StageProgress(name, _state(jobs), sum(map(_share, jobs)) / len(jobs), len(jobs), done, len(running), "; ".join(dict.fromkeys(words)))


def _state(jobs: list[Job]) -> str:
    """The gravest state of a stage's jobs."""
    states = {job.state for job in jobs}
    for state in (JobState.QUARANTINED, JobState.FAILED, JobState.RUNNING, JobState.QUEUED, JobState.WAITING):
        if state in states:
            return state
    return JobState.DONE


def _share(job: Job) -> float:
    if job.state == JobState.DONE:
        return 1.0
    return min(1.0, job.done / job.total) if job.total else 0.0
