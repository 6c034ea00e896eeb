"""Runs as people direct them: asked for, tried again, stopped."""

from datetime import date

from sqlmodel import col, select

from bankseg.domain.errors import NotFoundError
from bankseg.domain.jobs import FINAL_JOB_STATES, JobState, RunState
from bankseg.domain.people import Scope
from bankseg.domain.request_errors import RunStateError
from bankseg.domain.rights import Right, require
from bankseg.queue import ring
from bankseg.services.bank import Bank
from bankseg.services.jobs import advance
from bankseg.services.runs import start_run, try_again
from bankseg.storage import audit
from bankseg.storage.database import database_time, transaction
from bankseg.storage.job import Job
from bankseg.storage.run import Run


def ask_for_run(bank: Bank, scope: Scope, as_of: date | None, *, retrain: bool = False) -> int:
    """Start the run of a date, or find the one that has these very inputs; its id.

    Raises
    ------
    MissingDataError
        When nothing was loaded.
    """
    require(scope, Right.START_RUN)
    return start_run(bank, as_of, person_id=scope.person_id, retrain=retrain)


def retry_run(bank: Bank, scope: Scope, run_id: int) -> None:
    """Give what failed a new budget of attempts; what is done stays done.

    Raises
    ------
    NotFoundError
        When there is no such run.
    RunStateError
        When it did not fail.
    """
    require(scope, Right.START_RUN)
    with transaction(bank.engine) as session:
        run = session.exec(select(Run).where(Run.id == run_id).with_for_update()).one_or_none()
        if run is None:
            raise NotFoundError(f"no run {run_id}")
        if run.state not in {RunState.FAILED, RunState.QUARANTINED}:
            raise RunStateError(f"run {run_id} is {run.state}", "a run that failed or was stopped", "start a new one")
        try_again(session, run)
        audit.record(session, "run_tried_again", f"run {run_id}", person_id=scope.person_id)
        rung = advance(session, run)
    ring(bank.settings, rung)


def stop_run(bank: Bank, scope: Scope, run_id: int) -> None:
    """Stop a run that goes on: what is queued is not begun, a worker at it loses its lease and writes nothing; nothing is published.

    Raises
    ------
    NotFoundError
        When there is no such run.
    RunStateError
        When it has ended.
    """
    require(scope, Right.START_RUN)
    with transaction(bank.engine) as session:
        # The jobs before the run, as everywhere: two orders would deadlock on PostgreSQL.
        open_jobs = select(Job).where(Job.run_id == run_id, col(Job.state).not_in([state.value for state in FINAL_JOB_STATES])).order_by(col(Job.id))
        jobs = session.exec(open_jobs.with_for_update()).all()
        run = session.exec(select(Run).where(Run.id == run_id).with_for_update()).one_or_none()
        if run is None:
            raise NotFoundError(f"no run {run_id}")
        if run.state != RunState.RUNNING:
            raise RunStateError(f"run {run_id} is {run.state}", "a run that goes on", "nothing is left to stop")
        now = database_time(session)
        for job in jobs:
            job.state, job.error, job.finished_at, job.fence = JobState.FAILED, "stopped by a person", now, job.fence + 1
        run.state, run.error = RunState.FAILED, "stopped by a person"
        audit.record(session, "run_stopped", f"run {run_id}", person_id=scope.person_id, jobs=len(jobs))
