"""A publication killed outright at any point: readers keep the old run or have the new one, and the next attempt ends it, once."""

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from bankseg.domain.jobs import JobState, RunState
from bankseg.services.jobs import execute_job, reconcile
from bankseg.services.runs import start_run
from bankseg.storage import audit
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import reading, transaction
from bankseg.storage.job import Job
from tests.services.conftest import AS_OF, CLIENTS, another_run, drive, jobs_in, run_row, shown

CHECKOUT = Path(__file__).parents[2]
NEW, OLD = (2, CLIENTS), (1, CLIENTS)
POINTS = {"rows of clients are in": OLD, "every row is in": OLD, "flipped but not committed": OLD, "published but not reported": NEW}


CASES = [*(("sqlite", point) for point in POINTS), ("postgresql", "flipped but not committed")]


@pytest.mark.faults
@pytest.mark.parametrize(("store_url", "point"), CASES, indirect=["store_url"])
def test_a_publication_killed_at_any_point_is_ended_by_the_next_attempt(any_bank, bell, lake, point):
    start_run(any_bank, AS_OF)
    drive(any_bank)
    another_run(any_bank, 2, date(2026, 1, 31))
    job_id = jobs_in(any_bank, JobState.QUEUED)[0].id
    command = [sys.executable, "-m", "tests.services.crashing_publish", str(any_bank.settings.home), str(lake), any_bank.settings.store_url, str(job_id), point]

    killed = subprocess.run(command, cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, check=False, capture_output=True, text=True)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert shown(any_bank) == POINTS[point]
    assert jobs_in(any_bank)[-1].state == JobState.RUNNING
    execute_job(any_bank.settings, job_id, "too early")
    assert jobs_in(any_bank)[-1].attempt == 1
    with transaction(any_bank.engine) as session:  # the lease runs out
        session.connection().execute(update(Job).where(col(Job.id) == job_id).values(lease_until=1.0))
    assert reconcile(any_bank.settings) == [job_id]
    execute_job(any_bank.settings, job_id, "next")

    assert shown(any_bank) == NEW
    job = jobs_in(any_bank)[-1]
    assert (job.state, job.attempt, job.worker, run_row(any_bank, 2).state) == (JobState.DONE, 2, "next", RunState.PUBLISHED)
    with reading(any_bank.engine) as session:
        published = select(AuditEntry.subject).where(AuditEntry.action == "run_published").order_by(col(AuditEntry.id))
        assert session.exec(published).all() == ["run 1", "run 2"]
        assert audit.first_broken(session) is None
