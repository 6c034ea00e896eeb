"""What programs do through the API that pages did alone: runs directed, schemes drafted, people kept, models decided about."""

import pytest
from sqlmodel import select

from bankseg.domain.jobs import JobState, RunState
from bankseg.services.bank import open_bank
from bankseg.services.jobs import claim_job
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.idempotency_key import IdempotencyKey
from bankseg.storage.job import Job
from bankseg.storage.run import Run
from tests.web import builders
from tests.web.conftest import Browsers
from tests.web.programs import Program

KEY = {"Idempotency-Key": "0b7c1d52-6a0e-4f6e-8f0a-3a0d1f7d2b11"}


@pytest.fixture
def second_run(own: Browsers) -> int:
    """A run that goes on: one job done, one in the hands of a worker, one waiting."""
    with transaction(make_engine(own.settings.store)) as session:
        run = builders.a_run(session, key="run:2026-01-31", as_of="2026-01-31", state="running", published_at=None, n_rows=None)
        builders.a_job(session, run, "snapshot")
        builders.a_job(session, run, "train", state="queued", done=0)
        builders.a_job(session, run, "score", state="waiting", done=0)
        session.flush()
        return run.id or 0


def jobs_of(own: Browsers, run_id: int) -> dict[str, str]:
    """State of each job of a run."""
    with reading(make_engine(own.settings.store)) as session:
        return {job.stage: job.state for job in session.exec(select(Job).where(Job.run_id == run_id))}


def test_a_run_is_stopped_and_tried_again(own: Browsers, second_run: int) -> None:
    adam = Program(own, "adam", "runs", "start_run", "run_errors")
    bank = open_bank(own.settings)
    with reading(bank.engine) as session:
        queued = session.exec(select(Job.id).where(Job.run_id == second_run, Job.stage == "train")).one()
    claim = claim_job(bank, queued, "w1")

    stopped = adam("POST", f"/runs/{second_run}/stop")

    assert (stopped.status_code, stopped.json["state"], stopped.json["error"]) == (200, "failed", "stopped by a person")
    assert jobs_of(own, second_run) == {"snapshot": JobState.DONE, "train": JobState.FAILED, "score": JobState.FAILED}
    with reading(bank.engine) as session:
        assert session.exec(select(Job.id).where(claim.is_mine())).one_or_none() is None  # the worker has lost it
    assert adam("POST", f"/runs/{second_run}/stop").status_code == 409

    again = adam("POST", f"/runs/{second_run}/retry")

    assert (again.status_code, again.json["state"], again.headers["Location"]) == (202, "running", f"/api/v1/runs/{second_run}")
    assert int(again.headers["Retry-After"]) > 0
    assert jobs_of(own, second_run)["train"] in {JobState.WAITING, JobState.QUEUED}
    assert adam("GET", again.headers["Location"].removeprefix("/api/v1")).json["state"] == "running"


def test_a_run_needs_data_and_one_with_the_right(own: Browsers) -> None:
    assert Program(own, "adam", "start_run")("POST", "/runs", {}).status_code == 409
    assert Program(own, "alice", "runs")("POST", "/runs", {}).status_code == 404
    assert Program(own, "adam", "start_run")("POST", "/runs/1/retry").status_code == 409
    assert Program(own, "adam", "start_run")("POST", "/runs/99/stop").status_code == 404
    with reading(make_engine(own.settings.store)) as session:
        assert session.exec(select(Run.state)).all() == [RunState.PUBLISHED]


def test_a_draft_is_not_saved_over_a_colleagues(own: Browsers) -> None:
    mark = Program(own, "mark", "design", "segments")
    read = mark("GET", "/schemes/lifecycle/draft")
    changed = {**read.json["document"], "objective": "Keep those who came lately"}

    saved = mark("PUT", "/schemes/lifecycle/draft", {"document": changed}, {"If-Match": read.headers["ETag"]})
    late = mark("PUT", "/schemes/lifecycle/draft", {"document": {**changed, "objective": "Another"}}, {"If-Match": read.headers["ETag"]})

    assert (saved.status_code, saved.json["version"], saved.json["document"]["objective"]) == (200, 1, "Keep those who came lately")
    assert (late.status_code, late.json["remedy"]) == (412, "read it again, and change that")
    assert mark("PUT", "/schemes/lifecycle/draft", {"document": changed}, {"If-Match": saved.headers["ETag"]}).json["version"] == 1
    assert mark("PUT", "/schemes/loyalty/draft", {"document": changed}).status_code == 400


def test_a_sheet_is_not_saved_over_a_colleagues(own: Browsers) -> None:
    mark = Program(own, "mark", "design", "segments")
    path = "/schemes/lifecycle/strategy/developing"
    read = mark("GET", path)

    assert mark("PUT", path, {"needs_en": "Advice"}, {"If-Match": read.headers["ETag"]}).json["version"] == 1
    assert mark("PUT", path, {"needs_en": "More advice"}, {"If-Match": read.headers["ETag"]}).status_code == 412


def test_a_first_password_is_shown_once_and_kept_nowhere(own: Browsers) -> None:
    adam, new = Program(own, "adam", "people"), {"login": "nina", "display_name": "Nina New", "role": "auditor"}

    first, again = (adam("POST", "/people", new, KEY) for _ in range(2))

    assert (first.status_code, again.status_code, again.json["id"]) == (201, 201, first.json["id"])
    assert len(first.json["first_password"]) >= 12
    assert again.json["first_password"] is None
    with reading(make_engine(own.settings.store)) as session:
        assert first.json["first_password"] not in session.exec(select(IdempotencyKey.body)).one()


def test_a_version_is_proposed_and_a_policy_tried(own: Browsers) -> None:
    odile = Program(own, "odile", "models", "propose_model", "policy")

    proposed = odile("POST", "/models/hard_exit/2/proposal", {"reason": "Better on the locked fold"})
    tried = odile("POST", "/policy/try", {"text": "[worklist]\ncalls_a_day = 7\n"})

    assert (proposed.status_code, proposed.json["version"]) == (200, 2)
    assert odile("POST", "/models/hard_exit/2/decision", {"reason": "Decided all alone", "decision": "approve"}).status_code == 404  # not given to this token
    assert [(one["name"], one["after"]) for one in tried.json["changes"]] == [("worklist.calls_a_day", 7)]
    assert odile("POST", "/policy/try", {"text": "[worklist]\nnothing = 1\n"}).status_code == 400


def test_an_export_of_a_program_is_that_of_its_person(own: Browsers) -> None:
    bob, adam = Program(own, "bob", "clients"), Program(own, "adam", "audit")

    file = bob("GET", "/files/clients?format=csv")

    assert (file.status_code, file.mimetype, file.headers["X-Row-Count"]) == (200, "text/csv", "1")
    assert "C3" in file.text
    assert "C1" not in file.text
    assert adam("GET", "/audit?action=export").json["rows"][0]["login"] == "bob"
