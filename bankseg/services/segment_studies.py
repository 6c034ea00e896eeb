"""Studies of a run's clients: asked for once, done by a worker, and read by those who design segments."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, select

from bankseg.domain.errors import InputError, MissingDataError, NotFoundError
from bankseg.domain.jobs import FINAL_JOB_STATES, JobState, Stage
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require, sees
from bankseg.lake.parquet import digest_of, write_whole
from bankseg.queue import ring
from bankseg.segments.attributes import Attribute
from bankseg.services.bank import Bank
from bankseg.services.follow import POLL_SECONDS, RunFailedError
from bankseg.services.jobs import Claim
from bankseg.services.lifetime_check import check, check_parameters
from bankseg.services.rolls import OpenRoll, open_for
from bankseg.services.runs import seed_of
from bankseg.services.segment_schemes import attributes_for, find_scheme, scheme_for
from bankseg.services.study_clusters import cluster, cluster_parameters
from bankseg.services.study_inputs import allowed, choosable, goal_named, roll_of
from bankseg.services.study_lookalike import BEST_TIER, expand, for_prospects, lookalike_parameters
from bankseg.services.study_outcome import Outcome, digest, plain, rows_path
from bankseg.services.study_tree import grow, tree_parameters
from bankseg.settings import Settings
from bankseg.storage import audit
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.job import Job
from bankseg.storage.run import Run
from bankseg.storage.segment_study import KINDS, SegmentStudy, by_key, latest

TOLD_BY_FORMS = frozenset({"profile", "life_stage", "income_level", "firm_size"})
REFUSALS = (InputError, MissingDataError)


@dataclass(frozen=True, slots=True)
class Asked:
    """A study with the job that does it; the job is absent where it was never laid out."""

    study: SegmentStudy
    job: Job | None

    @property
    def state(self) -> str:
        """`done`, `refused`, `failed` when its job ended without it, else the job's state."""
        if self.study.state != "asked":
            return self.study.state
        if self.job is None or self.job.state in FINAL_JOB_STATES:
            return "failed"
        return str(self.job.state)

    @property
    def is_open(self) -> bool:
        """Whether it is still to come."""
        return self.state not in {"done", "refused", "failed"}

    @property
    def share(self) -> float:
        """How far it is, in [0, 1]."""
        if self.state == "done":
            return 1.0
        return min(self.job.done / self.job.total, 1.0) if self.job is not None and self.job.total else 0.0


def ask_for_study(settings: Settings, engine: Engine, scope: Scope | None, kind: str, asked: Mapping[str, Any]) -> int:
    """Record a study of the published run and ring for it; the same request again is the same study, and one whose worker failed is tried again.

    Parameters
    ----------
    asked
        What a form, the API or the command line said; the rest are defaults. `Any`: texts and numbers.

    Returns
    -------
    int
        Number of the study.

    Raises
    ------
    InputError
        When the request makes no sense, or names an attribute that may not enter.
    MissingDataError
        When nothing was published.
    """
    if scope is not None:
        require(scope, Right.DESIGN)
    with reading(engine) as session:
        roll = open_for(settings, session, scope)
        parameters = parameters_of(settings, session, scope, roll, kind, asked)
    run_id = roll.run.id or 0
    seed = seed_of(f"{kind}:{roll.run.key}")
    key = f"{kind}:{run_id}:{digest({**parameters, 'seed': seed})[:24]}"
    with transaction(engine) as session:
        study = by_key(session, key)
        if study is None:
            study = SegmentStudy(key=key, kind=kind, parameters=parameters, run_id=run_id, seed=seed, asked_by=scope.person_id if scope else None)
            study.asked_at = database_time(session)
            session.add(study)
            session.flush()
            audit.record(session, "study_asked_for", f"study {study.id}", person_id=study.asked_by, kind=kind, run_id=run_id)
        rung = _queued(session, study)
        number = study.id or 0
    ring(settings, rung)
    return number


def parameters_of(settings: Settings, session: Session, scope: Scope | None, roll: OpenRoll, kind: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The complete parameters of a request: what was left out is decided, what may not be is refused."""
    attributes = attributes_for(settings, roll, scope)
    names = [str(name) for name in asked.get("attributes") or ()]
    match kind:
        case "tree":
            goal = goal_named(str(asked.get("goal") or "value"), attributes)
            return tree_parameters(asked, goal.code, allowed(settings, session, attributes, scope, names, without=goal.without))
        case "clusters":
            return cluster_parameters(asked, allowed(settings, session, attributes, scope, names))
        case "lookalike":
            entry = scheme_for(settings, session, scope, str(asked.get("scheme") or BEST_TIER[0]))
            chosen = allowed(
                settings, session, attributes, scope, names or _usual(settings, session, attributes, scope, asked), telling=entry.scheme.attributes
            )
            if asked.get("among") == "prospects":
                chosen = for_prospects(roll, attributes, chosen)
            return lookalike_parameters(asked, entry, chosen)
        case "lifetime":
            return check_parameters(roll.run)
        case _:
            raise NotFoundError(f"no study of the kind {kind[:20]!r}", f"one of {', '.join(KINDS)}")


def study_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """Do one study and record what it found; what the data does not allow is recorded as its refusal."""
    with reading(bank.engine) as session:
        study = session.get_one(SegmentStudy, int(claim.payload["study_id"]))
    if study.state != "asked":
        return {"already": True}
    try:
        outcome = _done(bank, study, claim.progress)
    except REFUSALS as error:
        _record(bank, claim, study, state="refused", refusal={"found": error.found, "expected": error.expected, "remedy": error.remedy})
        return {"refused": str(error)}
    rows_sha256 = ""
    if outcome.rows is not None:
        path = rows_path(bank.settings, study.run_id, study.id or 0)
        write_whole(outcome.rows, path)
        rows_sha256 = digest_of([path])
    result = plain(outcome.result)
    _record(bank, claim, study, state="done", result=result, sha256=digest(result), rows_sha256=rows_sha256)
    return {"study": study.id}


def study_for(settings: Settings, session: Session, scope: Scope | None, number: int) -> Asked:
    """One study.

    Raises
    ------
    NotFoundError
        When there is none, or it reads what this person may not: the two look the same.
    """
    study = session.get(SegmentStudy, number)
    if study is None or not _may_read(settings, session, scope, _readable(settings, session, scope), study):
        raise NotFoundError("nothing here")
    return Asked(study, session.get(Job, study.job_id) if study.job_id else None)


def studies_of(settings: Settings, session: Session, scope: Scope | None, kind: str = "") -> list[Asked]:
    """The latest studies this person may read, newest first."""
    readable = _readable(settings, session, scope)
    found = [study for study in latest(session, kind) if _may_read(settings, session, scope, readable, study)]
    return [Asked(study, session.get(Job, study.job_id) if study.job_id else None) for study in found]


def run_of(session: Session, study: SegmentStudy) -> Run:
    """The run a study read."""
    return session.get_one(Run, study.run_id)


def follow_study(bank: Bank, number: int, show: Callable[[Asked], None], pause: Callable[[float], None] = time.sleep) -> Asked:
    """Watch a study until it is over.

    Raises
    ------
    InputError
        When the data does not allow it.
    RunFailedError
        When its job failed.
    """
    while True:
        with reading(bank.engine) as session:
            found = study_for(bank.settings, session, None, number)
        show(found)
        if found.state == "failed":
            raise RunFailedError(f"study {number} failed: {found.job.error if found.job else 'it has no job'}", "a study", "ask for it again")
        if found.state == "refused":
            refusal = found.study.refusal
            raise InputError(refusal["found"], refusal["expected"], refusal["remedy"])
        if found.state == "done":
            return found
        pause(POLL_SECONDS)


def _usual(settings: Settings, session: Session, attributes: Mapping[str, Attribute], scope: Scope | None, asked: Mapping[str, Any]) -> list[str]:
    """What likeness to a segment is measured by where nobody chose: of prospects only what a form tells is known, so all of it that may be read."""
    if asked.get("among") != "prospects":
        return []
    return [entry.name for entry in choosable(settings, session, attributes, scope) if entry.family in TOLD_BY_FORMS]


def _done(bank: Bank, study: SegmentStudy, told: Callable[[int, int, str], None]) -> Outcome:
    if study.kind == "lifetime":
        with reading(bank.engine) as session:
            run = run_of(session, study)
        return check(bank, run, study.parameters, study.seed, told)
    with reading(bank.engine) as session:
        roll = roll_of(bank.settings, session, study.run_id)
        attributes = attributes_for(bank.settings, roll, None)
        if study.kind == "lookalike":
            entry = find_scheme(session, str(study.parameters["scheme"]), int(study.parameters["version"]))
            seeds = roll_of(bank.settings, session, study.run_id, entry.cuts), entry
    if study.kind == "lookalike":
        return expand(seeds, roll, attributes, study.parameters, study.seed, told)
    return {"tree": grow, "clusters": cluster}[study.kind](roll, attributes, study.parameters, study.seed, told)


def _queued(session: Session, study: SegmentStudy) -> list[int]:
    """The study's job, laid out or tried again; the numbers to ring for."""
    if study.state != "asked":
        return []
    job = session.exec(select(Job).where(Job.key == f"{Stage.STUDY}:{study.id}").with_for_update()).one_or_none()
    now = database_time(session)
    if job is None:
        job = Job(key=f"{Stage.STUDY}:{study.id}", run_id=study.run_id, stage=Stage.STUDY.value, payload={"study_id": study.id}, created_at=now)
    elif job.state in {JobState.QUEUED, JobState.RUNNING}:
        return []
    job.state, job.attempt, job.error, job.rung_at, job.done, job.total = JobState.QUEUED, 0, None, now, 0, 0
    session.add(job)
    session.flush()
    study.job_id = job.id
    return [job.id] if job.id is not None else []


def _record(bank: Bank, claim: Claim, study: SegmentStudy, **fields: Any) -> None:  # columns of a study
    with transaction(bank.engine) as session:
        claim.hold(session)
        row = session.exec(select(SegmentStudy).where(SegmentStudy.id == study.id).with_for_update()).one()
        for name, value in fields.items():
            setattr(row, name, value)
        row.finished_at = database_time(session)


def _readable(settings: Settings, session: Session, scope: Scope | None) -> frozenset[str]:
    """The attributes this person may read."""
    if scope is None:
        return frozenset()
    require(scope, Right.DESIGN)
    return frozenset(name for name in attributes_for(settings, open_for(settings, session, scope), scope) if sees(scope.role, name))


def _may_read(settings: Settings, session: Session, scope: Scope | None, readable: frozenset[str], study: SegmentStudy) -> bool:
    """Whether this person may read every attribute a study did, and the scheme its seed came from."""
    if scope is None:
        return True
    if not readable.issuperset(study.parameters.get("attributes", ())):
        return False
    if "scheme" not in study.parameters:
        return True
    try:
        scheme_for(settings, session, scope, str(study.parameters["scheme"]), int(study.parameters["version"]))
    except NotFoundError:
        return False
    return True
