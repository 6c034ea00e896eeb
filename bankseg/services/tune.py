"""Tuning: a search of the trees' settings for some targets, as jobs of a run whose snapshots are made."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from bankseg.domain.errors import InputError, LeakageError, MissingDataError, ServiceUnavailableError, TooFewPositivesError
from bankseg.domain.jobs import FINAL_JOB_STATES, JobState, Stage
from bankseg.features.catalogue import directed
from bankseg.propensity.history import learn_history
from bankseg.propensity.locked import lock
from bankseg.propensity.tune import Search, run_search
from bankseg.queue import ring
from bankseg.services.bank import Bank
from bankseg.services.follow import POLL_SECONDS, RunFailedError
from bankseg.services.jobs import Claim
from bankseg.services.runs import origins_from_json, planned_targets, seed_of
from bankseg.services.train import gather, model_features
from bankseg.services.tree_settings import journal_of, key_of, meaning_of, policy_growth
from bankseg.storage import audit
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.job import Job
from bankseg.storage.run import Run

# A worker ends a task after 25 minutes; a search that needs longer is asked for again and goes on.
LONGEST_SECONDS = 1_200.0


@dataclass(frozen=True, slots=True)
class Budget:
    """When the search of one target ends: after so many trials in all, or so many seconds of one job (20 minutes at most); None does not count."""

    trials: int | None
    seconds: float | None

    def as_json(self) -> dict[str, Any]:
        """Part of a job's payload. `Any`: JSON."""
        return {"trials": self.trials, "seconds": self.seconds}


def ask_for_tuning(bank: Bank, run_id: int, targets: Sequence[str], budget: Budget) -> list[int]:
    """Queue one search a target; a target whose search is under way keeps it, and one that ended goes on from its journal.

    Raises
    ------
    InputError
        When the run has no such target in time.
    """
    with transaction(bank.engine) as session:
        run = session.exec(select(Run).where(Run.id == run_id).with_for_update()).one()
        known = [name for name, plan in run.plan["targets"].items() if plan]
        unknown = sorted(set(targets) - set(known))
        if unknown:
            raise InputError(f"run {run_id} trains no {', '.join(unknown)}", f"targets in time: {', '.join(known)}", "correct --target")
        jobs = [_queued(session, run_id, name, budget) for name in targets or known]
        audit.record(session, "tuning_asked_for", f"run {run_id}", targets=list(targets or known), **budget.as_json())
        session.flush()
        ids = [job.id for job in jobs if job.id is not None]
        rung = [job.id for job in jobs if job.id is not None and job.state == JobState.QUEUED]
    ring(bank.settings, rung)
    return ids


def follow_tuning(bank: Bank, ids: Sequence[int], show: Callable[[list[Job]], None], pause: Callable[[float], None] = time.sleep) -> list[Job]:
    """Watch searches until all have ended.

    Raises
    ------
    RunFailedError
        When one failed, with its reason.
    """
    while True:
        with reading(bank.engine) as session:
            jobs = list(session.exec(select(Job).where(col(Job.id).in_(ids)).order_by(col(Job.id))))
        show(jobs)
        if all(job.state in FINAL_JOB_STATES for job in jobs):
            failed = [f"{job.payload['target']}: {job.error}" for job in jobs if job.state != JobState.DONE]
            if failed:
                raise RunFailedError("; ".join(failed), "searches that end", "mend the cause and give the same command again; the journal keeps the trials")
            return jobs
        pause(POLL_SECONDS)


def tune_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """Search the settings of one target's trees, going on from its journal; the locked fold is parted off before anything is looked at."""
    with reading(bank.engine) as session:
        run = session.get_one(Run, claim.run_id)
    name: str = claim.payload["target"]
    budget = Budget(claim.payload["trials"], claim.payload["seconds"])
    claim.progress(0, budget.trials or 1, f"gathering {name}")
    target = next(entry.target for entry in planned_targets(bank, date.fromisoformat(run.as_of), run.table_versions) if entry.target.name == name)
    plan = origins_from_json(run.plan["targets"][name])
    if plan is None:
        raise ServiceUnavailableError(f"run {run.id} no longer plans {name}", "the plan it had when the search was asked for", "ask again")
    features = directed(model_features(bank, run), target.kind, target.product)
    seed, key = seed_of(name), key_of(bank, run, target)
    try:
        learning, _ = lock(gather(bank, run, name, [feature.name for feature in features]), name, plan.test)
        history = learn_history(target, learning, plan, features, seed=seed)
    except (TooFewPositivesError, MissingDataError, LeakageError) as refusal:
        return {"refused": str(refusal)}
    started = time.monotonic()

    def is_over(done: int) -> bool:
        spent = time.monotonic() - started
        return (budget.trials is not None and done >= budget.trials) or spent >= min(budget.seconds or LONGEST_SECONDS, LONGEST_SECONDS)

    about = {"target": name, "meaning": meaning_of(bank, target), "as_of": run.as_of, "seed": seed}
    search = Search(history, journal_of(bank, target), key, policy_growth(bank), seed, is_over, time.monotonic, about)
    return run_search(search, lambda done: claim.progress(done, budget.trials or done + 1, f"{name}: trial {done + 1}")).as_json()


def _queued(session: Session, run_id: int, target: str, budget: Budget) -> Job:
    key = f"{Stage.TUNE}:{run_id}:{target}"
    job = session.exec(select(Job).where(Job.key == key).with_for_update()).one_or_none()
    now = database_time(session)
    if job is None:
        job = Job(key=key, run_id=run_id, stage=Stage.TUNE.value, created_at=now)
    elif job.state not in FINAL_JOB_STATES:
        return job
    job.payload = {"target": target, **budget.as_json()}
    job.state, job.attempt, job.error, job.rung_at, job.done, job.total = JobState.QUEUED, 0, None, now, 0, 0
    session.add(job)
    return job
