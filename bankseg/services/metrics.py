"""What /metrics tells: how work, data and models stand, read from the store and the broker at each scrape. No client and no person is in it.

What is not known has no sample: an alert on absence fires, a zero would soothe.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime

import redis
from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from bankseg.domain.jobs import JobState, Stage
from bankseg.services import canary, http_counts, webhook
from bankseg.services.exposition import Family, Sample
from bankseg.settings import Settings
from bankseg.storage import model_alert, model_observation, propensity_model
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import database_time, db_now, reading
from bankseg.storage.import_batch import ImportBatch
from bankseg.storage.job import Job
from bankseg.storage.run import Run, current

BACKED_UP = "backup_made"  # the audit action a finished backup leaves

# Every metric: kind, meaning with its unit.
CATALOGUE: dict[str, tuple[str, str]] = {
    "bankseg_jobs": ("gauge", "Jobs by stage and state"),
    "bankseg_queue_age_seconds": ("gauge", "Seconds since queued work last moved: since the oldest queued job was made, or a job of its run ended"),
    "bankseg_lease_overdue_seconds": ("gauge", "Seconds since the oldest lease of a running job ran out; negative while every lease is held"),
    "bankseg_runs": ("gauge", "Runs by state"),
    "bankseg_run_stage_seconds": ("gauge", "Seconds from the first start to the last end of a stage's jobs, in the published run"),
    "bankseg_published_age_days": ("gauge", "Days between the as-of date of the published run and today (UTC)"),
    "bankseg_published_clients": ("gauge", "Clients in the published run"),
    "bankseg_import_rejected_share": ("gauge", "Share of rows quarantined in the latest import of each table, 0 to 1"),
    "bankseg_model_alerts": ("gauge", "Model alerts that are not closed, by target, kind and level"),
    "bankseg_score_psi": ("gauge", "Population stability index of the champion's propensities at its latest observation"),
    "bankseg_backup_age_seconds": ("gauge", "Seconds since the last finished backup"),
    "bankseg_broker_up": ("gauge", "Whether the broker answers"),
    "bankseg_canary_age_seconds": ("gauge", "Seconds since a worker last did the canary's task"),
    "bankseg_webhook_waiting": ("gauge", "Messages that wait for the webhook's receiver"),
    "bankseg_webhook_attempts": ("gauge", "Failed attempts on the first of them"),
    "bankseg_http_requests_total": ("counter", "Requests answered, by endpoint, method and status"),
    "bankseg_http_request_seconds": ("histogram", "Seconds from the request to the start of its answer, by endpoint and status"),
}


def metrics(settings: Settings, engine: Engine) -> list[Family]:
    """Every family, in the catalogue's order; one without samples is not known now."""
    with reading(engine) as session:
        found = dict(_stored(session))
        if settings.webhook_url and (told := webhook.standing(session)) is not None:
            found |= {"bankseg_webhook_waiting": (Sample(told.waiting),), "bankseg_webhook_attempts": (Sample(told.attempts),)}
    found |= dict(_on_the_broker(settings))
    return [Family(name, kind, meaning, found.get(name, ())) for name, (kind, meaning) in CATALOGUE.items()]


def since_backup(session: Session) -> float | None:
    """Seconds since the last finished backup; None when none was ever taken."""
    return session.exec(select(db_now() - func.max(AuditEntry.at)).where(AuditEntry.action == BACKED_UP)).one()


def _stored(session: Session) -> Iterator[tuple[str, tuple[Sample, ...]]]:
    now = database_time(session)
    yield "bankseg_jobs", _jobs(session)
    yield "bankseg_queue_age_seconds", _queue_age(session, now)
    yield "bankseg_lease_overdue_seconds", _known(session.scalar(select(now - func.min(Job.lease_until)).where(Job.state == JobState.RUNNING)))
    yield (
        "bankseg_runs",
        tuple(Sample(count, {"state": state}) for state, count in session.exec(select(Run.state, func.count()).group_by(Run.state).order_by(Run.state))),
    )
    run = current(session)
    if run is not None:
        today = datetime.fromtimestamp(now, UTC).date()
        yield "bankseg_run_stage_seconds", _stages(session, run.id or 0)
        yield "bankseg_published_age_days", (Sample((today - date.fromisoformat(run.as_of)).days),)
        yield "bankseg_published_clients", _known(run.n_rows)
    yield "bankseg_import_rejected_share", _rejected(session)
    yield "bankseg_model_alerts", _alerts(session)
    yield "bankseg_score_psi", _drift(session)
    yield "bankseg_backup_age_seconds", _known(since_backup(session))


def _jobs(session: Session) -> tuple[Sample, ...]:
    """Every stage and state, also where there is no job: a first quarantined one must show as a rise."""
    query = select(Job.stage, Job.state, func.count()).group_by(Job.stage, Job.state)
    counts = {(stage, state): count for stage, state, count in session.exec(query)}
    return tuple(Sample(counts.get((stage.value, state.value), 0), {"stage": stage.value, "state": state.value}) for stage in Stage for state in JobState)


def _queue_age(session: Session, now: float) -> tuple[Sample, ...]:
    queued = session.exec(select(Job.run_id, func.min(Job.created_at)).where(Job.state == JobState.QUEUED).group_by(col(Job.run_id))).all()
    if not queued:
        return (Sample(0),)
    runs = [run_id for run_id, _ in queued if run_id is not None]
    ended = dict(session.exec(select(Job.run_id, func.max(Job.finished_at)).where(col(Job.run_id).in_(runs)).group_by(col(Job.run_id))).all())
    return (Sample(max(now - max(made_at, ended.get(run_id) or 0.0) for run_id, made_at in queued)),)


def _stages(session: Session, run_id: int) -> tuple[Sample, ...]:
    query = select(Job.stage, func.max(Job.finished_at) - func.min(Job.started_at)).where(Job.run_id == run_id, Job.state == JobState.DONE)
    return tuple(Sample(seconds, {"stage": stage}) for stage, seconds in session.exec(query.group_by(Job.stage).order_by(Job.stage)) if seconds is not None)


def _rejected(session: Session) -> tuple[Sample, ...]:
    newest = select(func.max(ImportBatch.id)).where(ImportBatch.read > 0).group_by(ImportBatch.table_name)
    batches = session.exec(select(ImportBatch).where(col(ImportBatch.id).in_(newest)).order_by(ImportBatch.table_name))
    return tuple(Sample(batch.quarantined / batch.read, {"table": batch.table_name}) for batch in batches)


def _alerts(session: Session) -> tuple[Sample, ...]:
    counts: dict[tuple[str, str, str], int] = {}
    for alert in model_alert.pending(session):
        key = (alert.target, alert.kind, alert.level)
        counts[key] = counts.get(key, 0) + 1
    return tuple(Sample(count, {"target": target, "kind": kind, "level": level}) for (target, kind, level), count in sorted(counts.items()))


def _drift(session: Session) -> tuple[Sample, ...]:
    latest = {model.target: model_observation.latest(session, model.id or 0) for model in propensity_model.champions(session)}
    return tuple(Sample(seen.score_psi, {"target": target}) for target, seen in latest.items() if seen is not None and seen.score_psi is not None)


def _on_the_broker(settings: Settings) -> Iterator[tuple[str, tuple[Sample, ...]]]:
    try:
        ago = canary.heard_ago(settings)
    except (redis.RedisError, OSError, ValueError):
        yield "bankseg_broker_up", (Sample(0),)
        return
    yield "bankseg_broker_up", (Sample(1),)
    yield "bankseg_canary_age_seconds", _known(ago)
    counts: Mapping[str, float] = {}
    with suppress(redis.RedisError, OSError):
        counts = http_counts.counted(settings)
    yield "bankseg_http_requests_total", http_counts.request_samples(counts)
    yield "bankseg_http_request_seconds", http_counts.latency_samples(counts)


def _known(value: float | None) -> tuple[Sample, ...]:
    return () if value is None else (Sample(value),)
