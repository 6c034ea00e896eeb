"""Runs: planning one for an as-of date, laying out its jobs, and reading how it goes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import func
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
from bankseg.services.lifetime_plan import planned_months
from bankseg.services.model_inputs import model_inputs
from bankseg.services.registry import Standing, beside, standing
from bankseg.storage import audit, model_proposal, recorded_document
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.import_batch import last_extract_on
from bankseg.storage.job import Job
from bankseg.storage.propensity_model import champions
from bankseg.storage.run import Run

# Stages whose files are written anew, or checked and written anew where damaged, when the stage that reads them failed: a damaged file would fail it again.
WRITTEN_BY = {Stage.TRAIN: Stage.SNAPSHOT, Stage.SCORE: Stage.SNAPSHOT, Stage.SEGMENT: Stage.SCORE, Stage.PUBLISH: Stage.SEGMENT}
EVERY_TARGET = "*"


@dataclass(frozen=True, slots=True)
class Planned:
    """One target of a run: its origins in time, or why it has none."""

    target: Target
    origins: OriginPlan | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new run is made of, read from the lake before the store is locked."""

    as_of: date
    versions: dict[str, int]
    file_hashes: dict[str, str]
    planned: list[Planned]
    products: list[str]
    features: frozenset[str]
    lifetime: dict[str, Any]


def start_run(
    bank: Bank,
    as_of: date | None,
    until: Stage = Stage.PUBLISH,
    *,
    person_id: int | None = None,
    retrain: bool = False,
) -> int:
    """Start, resume or extend the run for a date and return its id; the same inputs and the same models in use are the same run.

    Parameters
    ----------
    retrain
        Train every target, also those whose champion is young enough to score the run as it is.

    Raises
    ------
    MissingDataError
        When nothing was loaded.
    """
    try:
        return _start_run(bank, as_of, until, person_id, retrain=retrain)
    except IntegrityError:  # somebody asked for the same run at the same moment and was faster: theirs is ours
        return _start_run(bank, as_of, until, person_id, retrain=retrain)


def _start_run(bank: Bank, as_of: date | None, until: Stage, person_id: int | None, *, retrain: bool) -> int:
    versions = table_versions(bank.lake)
    day = as_of or last_fact_on(bank.lake, versions) or _extracted_on(bank)
    bucket_count(bank.lake)
    key = run_key(bank, day, versions)
    with reading(bank.engine) as session:
        known, asked = _known_run(session, key, retrain=retrain)
        hashed = next((earlier.file_hashes for earlier in session.exec(select(Run).order_by(col(Run.id).desc()).limit(1))), {})
    draft = _draft(bank, day, versions, hashed) if known is None else None  # hashing the lake takes long: the store is not locked meanwhile
    with transaction(bank.engine) as session:
        known, asked = _known_run(session, key, retrain=retrain)
        if known is None and draft is not None:
            run = _new_run(session, bank, _free_key(session, key), draft, asked, person_id)
            audit.record(session, "run_started", f"run {run.id}", person_id=person_id, as_of=str(day))
        else:
            run = session.exec(select(Run).where(Run.id == known).with_for_update()).one()
            if run.state in {RunState.FAILED, RunState.QUARANTINED}:
                try_again(session, run)
                audit.record(session, "run_tried_again", f"run {run.id}", person_id=person_id)
        _lay_out(session, run, until)
        rung = advance(session, run)
        run_id = run.id or 0
    ring(bank.settings, rung)
    return run_id


def _known_run(session: Session, key: str, *, retrain: bool) -> tuple[int | None, frozenset[str]]:
    """The latest run of these inputs when it is what is asked for, and the targets whose training is asked for."""
    asked = frozenset({EVERY_TARGET}) if retrain else frozenset(request.target for request in model_proposal.retrainings_asked_for(session))
    run = session.exec(select(Run).where(col(Run.key).startswith(key, autoescape=True)).order_by(col(Run.id).desc()).limit(1)).one_or_none()
    if run is None or not _covers(session, run, asked):
        return None, asked
    return run.id, asked


def _covers(session: Session, run: Run, asked: frozenset[str]) -> bool:
    """Whether a run trained what is asked for, and scores with the versions in use now."""
    kept = run.plan.get("kept", {})
    if (EVERY_TARGET in asked and kept) or asked & set(kept):
        return False
    in_use = {model.target: model for model in champions(session) if model.as_of <= run.as_of}
    return all(run.models.get(target, model.digest) == model.digest for target, model in in_use.items())


def _free_key(session: Session, key: str) -> str:
    """The key of the first run of these inputs, or with a number behind it for one that trains or scores with other versions."""
    before = session.exec(select(func.count()).select_from(Run).where(col(Run.key).startswith(key, autoescape=True))).one()
    return f"{key}:{before + 1}" if before else key


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
    exits = bank.policy.section("churn")["product_exits"]
    targets = [target for target in targets_for(values, sold, bank.declarations.labels) if target.kind != "product_exit" or target.product in exits]
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


def _draft(bank: Bank, as_of: date, versions: dict[str, int], hashed: dict[str, str]) -> Draft:
    products = list(products_held(bank.lake, versions))
    names = frozenset(feature.name for feature in model_inputs(bank, versions, products))
    observed = int(bank.policy.section("horizon")["observation_days"])
    lifetime = planned_months(bank.policy.section("clv"), observed, as_of, frozenset(versions), first_fact_on(bank.lake, versions))
    return Draft(as_of, versions, hash_files(bank.lake, versions, hashed), planned_targets(bank, as_of, versions), products, names, lifetime)


def _new_run(session: Session, bank: Bank, key: str, draft: Draft, asked: frozenset[str], person_id: int | None) -> Run:
    standings = {
        entry.target.name: standing(session, bank, entry.target, draft.as_of, draft.features, is_asked=bool(asked & {EVERY_TARGET, entry.target.name}))
        for entry in draft.planned
    }
    trained = [entry for entry in draft.planned if standings[entry.target.name].train_because]
    run = Run(
        key=key,
        as_of=draft.as_of.isoformat(),
        table_versions=draft.versions,
        file_hashes=draft.file_hashes,
        policy_sha256=recorded_document.keep(session, "policy", bank.policy.values),
        policy_version=bank.policy.version,
        declarations_sha256=recorded_document.keep(session, "declarations", asdict(bank.declarations)),
        started_by=person_id,
        models={target: found.model.digest for target, found in standings.items() if found.model},
        shadows=_shadows(session, draft, standings),
        refusals={entry.target.name: entry.refusal for entry in trained if entry.refusal},
        plan={
            "buckets": bucket_count(bank.lake),
            "shards": bank.settings.shards,
            "products": draft.products,
            "lifetime": draft.lifetime,
            "targets": {entry.target.name: _as_json(entry) for entry in trained if not entry.refusal},
            "trained_because": {entry.target.name: standings[entry.target.name].train_because for entry in trained if not entry.refusal},
            "kept": {target: found.model.version for target, found in standings.items() if found.model and not found.train_because},
        },
        created_at=database_time(session),
    )
    session.add(run)
    session.flush()
    for request in model_proposal.retrainings_asked_for(session):
        if request.target in run.plan["targets"]:
            request.state, request.run_id = "served", run.id
    return run


def _shadows(session: Session, draft: Draft, standings: Mapping[str, Standing]) -> dict[str, list[str]]:
    """Digests of the versions scored beside the one in use, by target."""
    found = {
        target: [model.digest for model in beside(session, target, draft.as_of, draft.features) if known.model is None or model.id != known.model.id]
        for target, known in standings.items()
    }
    return {target: digests for target, digests in found.items() if digests}


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


def try_again(session: Session, run: Run) -> None:
    """A person asked again: failed jobs get a new budget, the rest stays done, save the stage that wrote what the failed one could not read."""
    run.state, run.error = RunState.RUNNING, None
    jobs = session.exec(select(Job).where(Job.run_id == run.id)).all()
    failed = [job for job in jobs if job.state in {JobState.FAILED, JobState.QUARANTINED}]
    anew = {WRITTEN_BY[Stage(job.stage)] for job in failed if job.stage in WRITTEN_BY}
    for job in (*failed, *(job for job in jobs if job.stage in anew and job.state == JobState.DONE)):
        job.state, job.attempt, job.error = JobState.WAITING, 0, None
        if job.stage == Stage.SNAPSHOT:
            job.payload = {**job.payload, "is_suspect": True}  # its files are read through, and those that are damaged written again
    session.flush()


def _lay_out(session: Session, run: Run, until: Stage) -> None:
    """Write the job rows of every stage up to `until`; rows that exist stay as they are."""
    known = set(session.exec(select(Job.key).where(Job.run_id == run.id)).all())
    now = database_time(session)
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
            months: list[str] = run.plan.get("lifetime", {}).get("months", [])
            half = (len(months) + 1) // 2
            value = [(f"months:{part[0]}", {"months": part}) for part in (months[:half], months[half:]) if part]
            return [*((f"{day}:{number}", {"origin": day, "buckets": shard}) for day in origins for number, shard in enumerate(shards)), *value]
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
