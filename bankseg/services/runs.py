"""Runs: planning one for an as-of date, laying out its jobs, and reading how it goes."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from bankseg.domain.errors import MissingDataError
from bankseg.domain.jobs import STAGES, JobState, RunState, Stage
from bankseg.features.build import features_digest
from bankseg.features.labels import can_label
from bankseg.lake.extent import bucket_count, first_fact_on, last_fact_on, products_held
from bankseg.lake.files import hash_files, table_versions, versions_digest
from bankseg.propensity.origins import OriginPlan, plan_origins
from bankseg.propensity.targets import Target, targets_for
from bankseg.queue import ring
from bankseg.services.bank import Bank
from bankseg.services.jobs import advance
from bankseg.storage import audit
from bankseg.storage.database import db_now, reading, transaction
from bankseg.storage.import_batch import last_extract_on
from bankseg.storage.job import Job
from bankseg.storage.run import Run

# Stages whose files are written anew when the stage that reads them failed: they are cheap, and a damaged file would fail it again.
WRITTEN_BY = {Stage.SEGMENT: Stage.SCORE, Stage.PUBLISH: Stage.SEGMENT}


@dataclass(frozen=True, slots=True)
class Planned:
    """One target of a run: its origins in time, or why it has none."""

    target: Target
    origins: OriginPlan | None
    refusal: str | None


def start_run(bank: Bank, as_of: date | None, until: Stage = Stage.PUBLISH, *, person_id: int | None = None) -> int:
    """Start, resume or extend the run for a date and return its id; the same inputs are the same run.

    Raises
    ------
    MissingDataError
        When nothing was loaded.
    """
    try:
        return _start_run(bank, as_of, until, person_id)
    except IntegrityError:  # somebody asked for the same run at the same moment and was faster: theirs is ours
        return _start_run(bank, as_of, until, person_id)


def _start_run(bank: Bank, as_of: date | None, until: Stage, person_id: int | None) -> int:
    versions = table_versions(bank.lake)
    day = as_of or last_fact_on(bank.lake, versions) or _extracted_on(bank)
    bucket_count(bank.lake)
    key = run_key(bank, day, versions)
    with transaction(bank.engine) as session:
        run = session.exec(select(Run).where(Run.key == key).with_for_update()).one_or_none()
        if run is None:
            run = _new_run(session, bank, key, day, versions)
            audit.record(session, "run_started", f"run {run.id}", person_id=person_id, as_of=str(day))
        elif run.state in {RunState.FAILED, RunState.QUARANTINED}:
            _try_again(session, run)
            audit.record(session, "run_tried_again", f"run {run.id}", person_id=person_id)
        _lay_out(session, run, until)
        rung = advance(session, run)
        run_id = run.id or 0
    ring(bank.settings, rung)
    return run_id


def run_key(bank: Bank, as_of: date, versions: dict[str, int]) -> str:
    """Natural key of a run: date, table versions, policy and feature definitions."""
    return f"{as_of}:{versions_digest(versions)}:{bank.policy.sha256[:12]}:{features_digest()[:12]}"


def planned_targets(bank: Bank, as_of: date, versions: dict[str, int]) -> list[Planned]:
    """Every target this bank's data can label, each with its origins or the reason it cannot be trained."""
    tables = frozenset(versions) | ({"balances"} if "transactions" in versions else frozenset())
    sold = [product for product in products_held(bank.lake, versions) if product not in bank.policy.section("cross_sell")["excluded_products"]]
    horizon = bank.policy.section("horizon")
    values = {
        "gap_days": horizon["gap_days"],
        "horizon_days": horizon["outcome_days"],
        "minimum_positives": bank.policy.section("churn")["minimum_positives"],
    }
    first = first_fact_on(bank.lake, versions)
    targets = targets_for(values, sold, bank.declarations.labels)
    return [_planned(bank, target, as_of, first) for target in targets if can_label(target.label_sql, tables)]


def _planned(bank: Bank, target: Target, as_of: date, first: date | None) -> Planned:
    if not target.has_time:
        return Planned(target, None, None)
    if first is None:
        return Planned(target, None, f"no history: {target.name} needs transactions or balances")
    horizon = bank.policy.section("horizon")
    try:
        plan = plan_origins(
            as_of,
            target.gap_days,
            target.horizon_days,
            first,
            observation_days=int(horizon["observation_days"]),
            step_months=int(horizon["origin_step_months"]),
            most=int(horizon["most_origins"]),
        )
    except MissingDataError as error:
        return Planned(target, None, str(error))
    return Planned(target, plan, None)


def _new_run(session: Session, bank: Bank, key: str, as_of: date, versions: dict[str, int]) -> Run:
    planned = planned_targets(bank, as_of, versions)
    known: dict[str, str] = {}
    for earlier in session.exec(select(Run).order_by(col(Run.id).desc()).limit(1)):
        known = earlier.file_hashes
    run = Run(
        key=key,
        as_of=as_of.isoformat(),
        table_versions=versions,
        file_hashes=hash_files(bank.lake, versions, known),
        policy_sha256=bank.policy.sha256,
        refusals={entry.target.name: entry.refusal for entry in planned if entry.refusal},
        plan={
            "buckets": bucket_count(bank.lake),
            "shards": bank.settings.shards,
            "products": list(products_held(bank.lake, versions)),
            "targets": {entry.target.name: _as_json(entry) for entry in planned if not entry.refusal},
        },
        created_at=session.scalar(select(db_now())) or 0.0,
    )
    session.add(run)
    session.flush()
    return run


def _as_json(entry: Planned) -> dict[str, Any] | None:
    plan = entry.origins
    if plan is None:
        return None
    return {
        "train": [day.isoformat() for day in plan.train],
        "calibration": plan.calibration.isoformat(),
        "test": plan.test.isoformat(),
        "gap_days": entry.target.gap_days,
        "outcome_days": entry.target.horizon_days,
    }


def origins_from_json(document: dict[str, Any] | None) -> OriginPlan | None:
    """Read a plan back from a run row."""
    if document is None:
        return None
    return OriginPlan(
        tuple(date.fromisoformat(day) for day in document["train"]), date.fromisoformat(document["calibration"]), date.fromisoformat(document["test"])
    )


def _try_again(session: Session, run: Run) -> None:
    """A person asked again: failed jobs get a new budget, the rest stays done, save the stage that wrote what the failed one could not read."""
    run.state, run.error = RunState.RUNNING, None
    jobs = session.exec(select(Job).where(Job.run_id == run.id)).all()
    failed = [job for job in jobs if job.state in {JobState.FAILED, JobState.QUARANTINED}]
    anew = {WRITTEN_BY[Stage(job.stage)] for job in failed if job.stage in WRITTEN_BY}
    for job in (*failed, *(job for job in jobs if job.stage in anew and job.state == JobState.DONE)):
        job.state, job.attempt, job.error = JobState.WAITING, 0, None
    session.flush()


def _lay_out(session: Session, run: Run, until: Stage) -> None:
    """Write the job rows of every stage up to `until`; rows that exist stay as they are."""
    known = set(session.exec(select(Job.key).where(Job.run_id == run.id)).all())
    now = session.scalar(select(db_now())) or 0.0
    for stage in STAGES[: STAGES.index(until) + 1]:
        for name, payload in _jobs_of(run, stage):
            key = f"{stage}:{run.id}:{name}"
            if key not in known:
                session.add(Job(key=key, run_id=run.id, stage=stage.value, payload=payload, created_at=now))
    if STAGES.index(until) > STAGES.index(Stage(run.until_stage)) or not known:
        run.until_stage = until.value
    session.flush()


def _jobs_of(run: Run, stage: Stage) -> list[tuple[str, dict[str, Any]]]:
    buckets = int(run.plan["buckets"])
    count = int(run.plan["shards"])  # the run's own: the setting may change before the run is resumed
    shards = [list(range(shard, buckets, count)) for shard in range(min(count, buckets))]
    match stage:
        case Stage.SNAPSHOT:
            origins = sorted(
                {day for plan in run.plan["targets"].values() if plan for day in (*plan["train"], plan["calibration"], plan["test"])} | {run.as_of}
            )
            return [(f"{day}:{number}", {"origin": day, "buckets": shard}) for day in origins for number, shard in enumerate(shards)]
        case Stage.TRAIN:
            return [(target, {"target": target}) for target in run.plan["targets"]]
        case Stage.SCORE:
            return [(str(number), {"buckets": shard}) for number, shard in enumerate(shards)]
        case _:
            return [("all", {})]


def _extracted_on(bank: Bank) -> date:
    """The day a lake without history speaks of: that of its latest extract."""
    with reading(bank.engine) as session:
        day = last_extract_on(session)
    if day:
        return date.fromisoformat(day)
    raise MissingDataError("no as-of date was given and the lake has no history to take one from", "a date", "name it: --as-of YYYY-MM-DD")


def seed_of(key: str) -> int:
    """A seed that depends on the run alone, so that the same run trains the same model."""
    return int(sha256(key.encode()).hexdigest()[:7], 16)
