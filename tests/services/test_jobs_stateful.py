"""Jobs against a model of three numbers each: claimed, kept, lost, taken over, finished, given up, in any order a machine can think of."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import update
from sqlmodel import col, select

from bankseg.domain.errors import LostLeaseError
from bankseg.domain.jobs import MAX_ATTEMPTS, JobState, Stage
from bankseg.services import jobs
from bankseg.services.bank import Bank
from bankseg.services.jobs import Claim, claim_job, reconcile
from bankseg.storage import audit
from bankseg.storage.database import reading, transaction
from bankseg.storage.job import Job
from bankseg.storage.run import Run
from tests.services.conftest import jobs_in

STEPS = 20
EXAMPLES = 12


@dataclass
class Known:
    """What the model knows of a job."""

    state: str = JobState.QUEUED
    attempt: int = 0
    fence: int = 0
    has_expired: bool = False

    @property
    def is_free(self) -> bool:
        """Whether it may be claimed."""
        return self.attempt < MAX_ATTEMPTS and (self.state == JobState.QUEUED or (self.state == JobState.RUNNING and self.has_expired))


class JobMachine(RuleBasedStateMachine):
    """Workers and a reconciler, on one run of three jobs."""

    claims = Bundle("claims")
    bank: Bank  # set by the test
    numbers = 0

    @initialize()
    def plan(self) -> None:
        type(self).numbers += 1
        with transaction(self.bank.engine) as session:
            run = Run(key=f"machine {self.numbers}", as_of="2025-12-31", until_stage=Stage.SCORE)
            session.add(run)
            session.flush()
            rows = [Job(key=f"{self.numbers}:{name}", run_id=run.id, stage=Stage.SCORE, state=JobState.QUEUED, rung_at=4e9) for name in "abc"]
            session.add_all(rows)
            session.flush()
            self.run_id = run.id
            self.known = {int(row.id or 0): Known() for row in rows}

    @rule(target=claims, place=st.integers(0, 2), worker=st.sampled_from(["w1", "w2"]))
    def claim(self, place: int, worker: str) -> Claim | None:
        job_id = list(self.known)[place]
        known = self.known[job_id]
        claim = claim_job(self.bank, job_id, worker)
        assert (claim is not None) == known.is_free
        if claim is not None:
            known.state, known.attempt, known.fence, known.has_expired = JobState.RUNNING, known.attempt + 1, known.fence + 1, False
            assert claim.fence == known.fence
        return claim

    @rule(place=st.integers(0, 2))
    def lease_runs_out(self, place: int) -> None:
        """Its worker was killed, stopped or cut off for longer than a lease."""
        job_id = list(self.known)[place]
        known = self.known[job_id]
        if known.state == JobState.RUNNING:
            with transaction(self.bank.engine) as session:
                session.connection().execute(update(Job).where(col(Job.id) == job_id).values(lease_until=1.0))
            known.has_expired = True

    @rule(claim=claims)
    def beat(self, claim: Claim | None) -> None:
        if claim is None:
            return
        known = self.known.get(claim.job_id)
        claim.beat()
        if known is not None and self._holds(claim, known):
            known.has_expired = False

    @rule(claim=claims)
    def publish_something(self, claim: Claim | None) -> None:
        """What a job writes, it writes holding its row: a stale worker is stopped there."""
        if claim is None:
            return
        is_mine = self._holds(claim, self.known[claim.job_id])
        with transaction(self.bank.engine) as session:
            if is_mine:
                claim.hold(session)
            else:
                with pytest.raises(LostLeaseError):
                    claim.hold(session)

    @rule(claim=claims, result=st.fixed_dictionaries({"rows": st.integers(0, 9)}))
    def finish(self, claim: Claim | None, result: dict[str, Any]) -> None:  # Any: JSON of a result
        if claim is None:
            return
        known = self.known[claim.job_id]
        if self._holds(claim, known):
            known.state = JobState.DONE
        jobs._finish(claim, result)

    @rule(claim=claims, may_retry=st.booleans())
    def fail(self, claim: Claim | None, *, may_retry: bool) -> None:
        if claim is None:
            return
        known = self.known[claim.job_id]
        if self._holds(claim, known):
            known.state = (JobState.QUEUED if known.attempt < MAX_ATTEMPTS else JobState.QUARANTINED) if may_retry else JobState.FAILED
        jobs._fail(claim, "it was not to be", may_retry=may_retry)

    @rule()
    def sweep(self) -> None:
        reconcile(self.bank.settings)
        for known in self.known.values():
            if known.state == JobState.RUNNING and known.has_expired and known.attempt >= MAX_ATTEMPTS:
                known.state = JobState.QUARANTINED

    @invariant()
    def store_and_model_agree(self) -> None:
        if not hasattr(self, "known"):
            return
        rows = {row.id: row for row in jobs_in(self.bank)}
        for job_id, known in self.known.items():
            row = rows[job_id]
            assert (row.state, row.attempt, row.fence) == (known.state, known.attempt, known.fence)
            assert row.attempt <= row.max_attempts
            assert row.error or row.state not in {JobState.FAILED, JobState.QUARANTINED}
        with reading(self.bank.engine) as session:
            run = session.exec(select(Run).where(Run.id == self.run_id)).one()
            ended_badly = {known.state for known in self.known.values()} & {JobState.FAILED, JobState.QUARANTINED}
            assert (run.state == "running") == (not ended_badly)
            assert run.error or run.state == "running"
            assert audit.first_broken(session) is None

    @staticmethod
    def _holds(claim: Claim, known: Known) -> bool:
        return known.state == JobState.RUNNING and known.fence == claim.fence


@pytest.mark.slow
def test_no_order_of_events_gives_a_job_two_owners_or_one_attempt_too_many(bank: Bank) -> None:
    machine = type("Machine", (JobMachine,), {"bank": bank})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        ),
    )
