"""Claiming a job by its row: one owner at a time, a fence, a lease, and a budget of attempts."""

import threading

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from bankseg.domain.errors import InputError, LostLeaseError, ServiceUnavailableError
from bankseg.domain.jobs import MAX_ATTEMPTS, JobState, RunState, Stage
from bankseg.services import jobs
from bankseg.services.jobs import claim_job, execute_job, reconcile
from bankseg.storage import audit
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import db_now, reading, transaction
from bankseg.storage.job import Job
from bankseg.storage.run import Run
from tests.services.conftest import jobs_in, run_row


def a_job(bank, *, stage=Stage.SCORE, number=1, **fields) -> int:
    """One queued job of a run that is under way."""
    with transaction(bank.engine) as session:
        run = session.exec(select(Run)).first() or Run(key="k", as_of="2025-12-31")
        session.add(run)
        session.flush()
        job = Job(**{"key": f"{stage}:{run.id}:{number}", "run_id": run.id, "stage": stage, "state": JobState.QUEUED, **fields})
        session.add(job)
        session.flush()
        return job.id or 0


def job_row(bank, job_id: int) -> Job:
    with reading(bank.engine) as session:
        return session.get_one(Job, job_id)


def lease_ran_out(bank, job_id: int) -> None:
    with transaction(bank.engine) as session:
        session.connection().execute(update(Job).where(col(Job.id) == job_id).values(lease_until=db_now() - 1, rung_at=0.0))


def lease_until(bank, job_id: int, seconds: float) -> None:
    """Let a lease end so many seconds from now, and the job have been rung at that moment."""
    with transaction(bank.engine) as session:
        session.connection().execute(update(Job).where(col(Job.id) == job_id).values(lease_until=db_now() + seconds, rung_at=db_now() + seconds))


def doing(monkeypatch, work) -> None:
    """Let every stage's work be this function."""
    monkeypatch.setattr(jobs, "_work", lambda _stage: work)


def test_a_claim_counts_its_attempt_before_the_work_and_raises_the_fence(any_bank):
    job_id = a_job(any_bank, payload={"buckets": [3]})

    claim = claim_job(any_bank, job_id, "w1")

    assert (claim.fence, claim.stage, claim.payload) == (1, Stage.SCORE, {"buckets": [3]})
    job = job_row(any_bank, job_id)
    assert (job.state, job.attempt, job.fence, job.worker) == (JobState.RUNNING, 1, 1, "w1")
    with reading(any_bank.engine) as session:
        assert 0 < job.lease_until - session.scalar(select(db_now())) <= any_bank.settings.lease_seconds


def test_of_claimers_at_the_same_moment_one_wins(any_bank):
    job_ids = [a_job(any_bank, number=number) for number in range(4)]
    at_once, won = threading.Barrier(3), []

    def claim_all(worker: str) -> None:
        at_once.wait()
        won.extend((job_id, worker) for job_id in job_ids if claim_job(any_bank, job_id, worker) is not None)

    threads = [threading.Thread(target=claim_all, args=(f"w{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(job_id for job_id, _ in won) == job_ids
    assert {job.id: job.worker for job in jobs_in(any_bank)} == dict(won)
    assert {(job.attempt, job.fence) for job in jobs_in(any_bank)} == {(1, 1)}


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.QUEUED])
def test_only_a_queued_job_or_one_without_a_lease_can_be_claimed(bank, state):
    job_id = a_job(bank, state=state)
    lease_until(bank, job_id, bank.settings.lease_seconds)

    assert claim_job(bank, job_id, "w") is None
    assert claim_job(bank, 999, "w") is None


def test_a_job_whose_lease_ran_out_is_taken_over_and_its_first_owner_can_write_nothing(any_bank):
    job_id = a_job(any_bank)
    first = claim_job(any_bank, job_id, "w1")
    assert claim_job(any_bank, job_id, "w2") is None
    lease_ran_out(any_bank, job_id)

    second = claim_job(any_bank, job_id, "w2")

    assert (second.fence, job_row(any_bank, job_id).attempt) == (2, 2)
    with pytest.raises(LostLeaseError), transaction(any_bank.engine) as session:
        first.hold(session)
    first.beat()
    with pytest.raises(LostLeaseError):
        first.progress(1, 2)
    jobs._finish(first, {"from": "the dead"})
    jobs._fail(first, "too late", may_retry=False)
    with transaction(any_bank.engine) as session:
        second.hold(session)
    assert (job_row(any_bank, job_id).state, job_row(any_bank, job_id).result) == (JobState.RUNNING, {})
    assert run_row(any_bank, 1).state == RunState.RUNNING


def test_a_lease_that_no_clock_of_ours_can_have_given_is_over_and_rung_again(any_bank):
    """As a worker leaves it whose clock was a day ahead, on a store in the same machine, when it dies."""
    job_id = a_job(any_bank)
    claim_job(any_bank, job_id, "a day ahead")
    lease_until(any_bank, job_id, 86_400)

    assert reconcile(any_bank.settings) == [job_id]
    assert claim_job(any_bank, job_id, "w2") is not None


def test_a_job_rung_in_the_future_is_rung_again(any_bank):
    job_id = a_job(any_bank)
    lease_until(any_bank, job_id, 86_400)

    assert reconcile(any_bank.settings) == [job_id]
    assert reconcile(any_bank.settings) == []


def test_a_beat_extends_the_lease_and_records_progress(any_bank):
    job_id = a_job(any_bank)
    claim = claim_job(any_bank, job_id, "w")
    lease_ran_out(any_bank, job_id)
    claim.progress(3, 8, "bucket 3")

    claim.beat()

    job = job_row(any_bank, job_id)
    assert (job.done, job.total, job.message) == (3, 8, "bucket 3")
    assert claim_job(any_bank, job_id, "w2") is None


def test_the_heart_beats_by_itself_while_the_work_goes_on(bank, monkeypatch):
    job_id, beats = a_job(bank), threading.Semaphore(0)
    beat = jobs.Claim.beat
    monkeypatch.setattr(jobs.Claim, "beat", lambda self: (beat(self), beats.release()))

    def work(_bank, claim):
        lease_ran_out(bank, job_id)
        claim.progress(1, 2)
        assert beats.acquire(timeout=120)
        return {"held": job_row(bank, job_id).lease_until}

    doing(monkeypatch, work)
    execute_job(bank.settings, job_id, "w")

    job = job_row(bank, job_id)
    assert job.state == JobState.DONE
    assert job.result["held"] > 0


def test_a_second_message_changes_nothing_late_or_at_once(bank, monkeypatch):
    job_id, done = a_job(bank), []

    def work(_bank, claim):
        execute_job(bank.settings, job_id, "twin")  # the same message again, while the first is at work
        done.append(claim.fence)
        return {"n": len(done)}

    doing(monkeypatch, work)
    for _ in range(5):
        execute_job(bank.settings, job_id, "w")

    job = job_row(bank, job_id)
    assert done == [1]
    assert (job.state, job.attempt, job.result) == (JobState.DONE, 1, {"n": 1})


def test_a_worker_that_lost_its_lease_in_the_middle_leaves_the_job_to_the_new_owner(any_bank, monkeypatch):
    job_id = a_job(any_bank)

    def work(_bank, claim):
        lease_ran_out(any_bank, job_id)
        assert claim_job(any_bank, job_id, "new owner") is not None
        claim.beat()
        claim.progress(1, 1)
        raise AssertionError("it must have stopped")

    doing(monkeypatch, work)
    execute_job(any_bank.settings, job_id, "w")

    job = job_row(any_bank, job_id)
    assert (job.state, job.worker, job.fence, job.error) == (JobState.RUNNING, "new owner", 2, None)


def test_a_result_that_comes_after_the_lease_was_lost_is_dropped(any_bank, monkeypatch):
    job_id = a_job(any_bank)

    def work(_bank, claim):
        lease_ran_out(any_bank, job_id)
        claim_job(any_bank, job_id, "new owner")
        return {"late": True}

    doing(monkeypatch, work)
    execute_job(any_bank.settings, job_id, "w")

    assert job_row(any_bank, job_id).result == {}


def test_a_refusal_that_trying_again_cannot_mend_ends_the_run_as_failed_with_its_reason(any_bank, monkeypatch):
    job_id = a_job(any_bank)

    def work(_bank, _claim):
        raise InputError("a wrong file", "a right one", "mend it")

    doing(monkeypatch, work)
    execute_job(any_bank.settings, job_id, "w")

    job, run = job_row(any_bank, job_id), run_row(any_bank, 1)
    assert (job.state, job.attempt) == (JobState.FAILED, 1)
    assert job.error == "a wrong file Expected: a right one. What to do: mend it."
    assert (run.state, run.error) == (RunState.FAILED, f"{job.key}: {job.error}")


@pytest.mark.parametrize("error", [ServiceUnavailableError("the store is away"), OSError(28, "No space left on device"), ValueError("a slip in the code")])
def test_any_other_error_is_tried_again_as_often_as_the_budget_allows_and_then_quarantined(bank, bell, monkeypatch, error):
    job_id, tries = a_job(bank), []

    def work(_bank, claim):
        tries.append(claim.fence)
        raise error

    doing(monkeypatch, work)
    for _ in range(MAX_ATTEMPTS + 2):
        execute_job(bank.settings, job_id, "w")

    job, run = job_row(bank, job_id), run_row(bank, 1)
    assert tries == [1, 2, 3]
    assert bell.rung == [job_id, job_id]
    assert (job.state, job.attempt, run.state) == (JobState.QUARANTINED, MAX_ATTEMPTS, RunState.QUARANTINED)
    assert str(error) in job.error
    assert str(error) in run.error
    with reading(bank.engine) as session:
        assert [entry.action for entry in session.exec(select(AuditEntry))] == ["run_stopped"]
        assert audit.first_broken(session) is None


def test_an_error_that_passes_costs_one_attempt_and_no_more(bank, monkeypatch):
    job_id = a_job(bank)

    def work(_bank, claim):
        if claim.fence == 1:
            raise ServiceUnavailableError("the store is away")
        return {"ok": True}

    doing(monkeypatch, work)
    execute_job(bank.settings, job_id, "w")
    assert (job_row(bank, job_id).state, job_row(bank, job_id).error) == (JobState.QUEUED, "the store is away")
    execute_job(bank.settings, job_id, "w")

    job = job_row(bank, job_id)
    assert (job.state, job.attempt, job.error, job.result) == (JobState.DONE, 2, None, {"ok": True})


def test_the_reconciler_rings_for_a_worker_that_died_and_for_a_message_that_was_lost(any_bank, bell):
    died, lost, fresh, at_work, waiting, done = (
        a_job(any_bank, number=number, state=state) for number, state in enumerate(["running", "queued", "queued", "running", "waiting", "done"])
    )
    with transaction(any_bank.engine) as session:
        now = session.scalar(select(db_now()))
        for job_id, values in {
            died: {"lease_until": now - 1, "attempt": 1},
            lost: {"rung_at": now - jobs.RING_AGAIN_SECONDS - 1},
            fresh: {"rung_at": now},
            at_work: {"lease_until": now + 60, "attempt": 1},
            waiting: {"rung_at": 0.0},
            done: {"rung_at": 0.0},
        }.items():
            session.connection().execute(update(Job).where(col(Job.id) == job_id).values(**values))

    assert sorted(reconcile(any_bank.settings)) == [died, lost]
    assert sorted(bell.rung) == [died, lost]
    assert reconcile(any_bank.settings) == []  # what was rung just now is given time
    with transaction(any_bank.engine) as session:
        session.connection().execute(update(Job).values(rung_at=now - jobs.RING_AGAIN_SECONDS - 1))
    assert sorted(reconcile(any_bank.settings)) == [died, lost, fresh]
    assert claim_job(any_bank, died, "w2").fence == 1


def test_the_reconciler_quarantines_a_job_that_killed_its_worker_each_time(any_bank, bell):
    job_id, healthy = a_job(any_bank), a_job(any_bank, number=2)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert claim_job(any_bank, job_id, "w").fence == attempt
        lease_ran_out(any_bank, job_id)
        if attempt < MAX_ATTEMPTS:
            assert job_id in reconcile(any_bank.settings)

    assert job_id not in reconcile(any_bank.settings)

    job, run = job_row(any_bank, job_id), run_row(any_bank, 1)
    assert (job.state, run.state) == (JobState.QUARANTINED, RunState.QUARANTINED)
    assert "gave up after 3 attempts" in run.error
    assert claim_job(any_bank, job_id, "w") is None
    assert claim_job(any_bank, healthy, "w") is not None


def test_reconcilers_at_the_same_moment_close_a_job_once(any_bank, bell):
    job_id = a_job(any_bank, attempt=MAX_ATTEMPTS, state="running", lease_until=1.0)
    threads = [threading.Thread(target=reconcile, args=(any_bank.settings,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert job_row(any_bank, job_id).state == JobState.QUARANTINED
    with reading(any_bank.engine) as session:
        assert [entry.action for entry in session.exec(select(AuditEntry))] == ["run_stopped"]


def test_the_reconciler_does_not_overwrite_a_worker_that_finishes_late(any_bank, bell, monkeypatch):
    """The job's lease and budget are used up, and its worker ends it at the very moment the reconciler closes it: one of the two, never both."""
    for number in range(6):
        job_id = a_job(any_bank, number=number)
        claim = claim_job(any_bank, job_id, "w")
        with transaction(any_bank.engine) as session:
            session.connection().execute(update(Job).where(col(Job.id) == job_id).values(attempt=MAX_ATTEMPTS, lease_until=1.0))
        at_once = threading.Barrier(2)
        threads = [
            threading.Thread(target=lambda at_once=at_once: (at_once.wait(), reconcile(any_bank.settings))),
            threading.Thread(target=lambda at_once=at_once, claim=claim: (at_once.wait(), jobs._finish(claim, {"ok": True}))),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        job = job_row(any_bank, job_id)
        assert (job.state, job.result) in [(JobState.DONE, {"ok": True}), (JobState.QUARANTINED, {})]


def test_jobs_of_one_run_end_at_the_same_moment_without_blocking_each_other(any_bank, bell, monkeypatch):
    """Each holds its own row, then the run's, as a stage does that writes to its run; the last to end queues the next stage, once."""
    job_ids = [a_job(any_bank, number=number) for number in range(4)]
    after = a_job(any_bank, stage=Stage.SEGMENT, state="waiting")
    at_once = threading.Barrier(len(job_ids))

    def work(_bank, claim):
        at_once.wait(timeout=120)
        with transaction(any_bank.engine) as session:
            claim.hold(session)
            run = session.exec(select(Run).where(Run.id == claim.run_id).with_for_update()).one()
            run.models = {**run.models, claim.key: "digest"}
        return {}

    doing(monkeypatch, work)
    threads = [threading.Thread(target=execute_job, args=(any_bank.settings, job_id, "w")) for job_id in job_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [(job.state, job.attempt) for job in jobs_in(any_bank) if job.id in job_ids] == [(JobState.DONE, 1)] * 4
    assert len(run_row(any_bank, 1).models) == 4
    assert job_row(any_bank, after).state == JobState.QUEUED
    assert bell.rung == [after]
