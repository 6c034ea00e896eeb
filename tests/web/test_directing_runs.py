"""Runs stopped and tried again on their page, by those who direct them."""

from sqlmodel import select
from werkzeug.test import TestResponse

from bankseg.domain.jobs import JobState, RunState
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.job import Job
from bankseg.storage.run import Run
from tests.web.conftest import Browsers, token_of


def direct(own: Browsers, login: str, step: str, run_id: int) -> TestResponse:
    """Press the button of a run's page."""
    http = own.of(login)
    return http.post(f"/runs/{run_id}/{step}", data={"form_token": token_of(http.get(f"/runs/{run_id}").text)})


def a_run_that_goes_on(own: Browsers) -> int:
    """A run with one job that a worker is at."""
    with transaction(make_engine(own.settings.store)) as session:
        run = Run(key="on", as_of="2025-12-31")
        session.add(run)
        session.flush()
        session.add(Job(key="on:snapshot", run_id=run.id, stage="snapshot", state=JobState.RUNNING, attempt=2))
        return run.id or 0


def test_a_run_is_stopped_and_tried_again_and_both_are_on_record(own: Browsers) -> None:
    run_id = a_run_that_goes_on(own)

    assert "Stop this run" not in own.of("rita").get(f"/runs/{run_id}").text
    assert direct(own, "odile", "stop", run_id).status_code == 303
    stopped = own.of("odile").get(f"/runs/{run_id}").text
    assert "stopped by a person" in stopped
    assert "Try again" in stopped
    assert "a run that goes on" in direct(own, "odile", "stop", run_id).text

    assert direct(own, "odile", "retry", run_id).status_code == 303
    with reading(make_engine(own.settings.store)) as session:
        job = session.exec(select(Job).where(Job.run_id == run_id)).one()
        assert (session.get_one(Run, run_id).state, job.state, job.attempt) == (RunState.RUNNING, JobState.QUEUED, 0)
        assert {"run_stopped", "run_tried_again"} <= set(session.exec(select(AuditEntry.action)))


def test_a_published_run_offers_neither(own: Browsers) -> None:
    page = own.of("odile").get("/runs/1").text

    assert "Stop this run" not in page
    assert "Try again" not in page
    assert direct(own, "odile", "retry", 1).status_code == 409
