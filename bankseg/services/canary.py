"""The canary: beat rings, a worker answers, and whether somebody answered lately is what readiness asks.

The answer is a key on the broker, stamped by the broker's own clock: it goes the way of every ring, and a minute's sign of life is no history worth a
row. A worker whose every process is busy cannot answer, but the lease it keeps extending says the same.
"""

from dataclasses import dataclass

import redis
from sqlalchemy import Engine, func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, select

from bankseg.domain.jobs import JobState
from bankseg.embedded.broker import client
from bankseg.queue import address
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import db_now, reading
from bankseg.storage.job import Job
from bankseg.storage.revisions import newest_revision, suits

KEY = "bankseg:canary"
MOST_MISSED = 3  # rings without an answer after which no worker is taken to listen
ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether work can be taken, and every reason against it."""

    reasons: tuple[str, ...]

    @property
    def is_ready(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


def sing(settings: Settings) -> None:
    """Say that a worker took a ring and did a task; done by the task itself."""
    with client(address(settings), within_seconds=ANSWER_SECONDS) as broker:
        broker.set(KEY, _now(broker))


def heard_ago(settings: Settings) -> float | None:
    """Seconds since a worker last answered, by the broker's clock; None when none ever did.

    Raises
    ------
    redis.RedisError
        When the broker does not answer.
    """
    with client(address(settings), within_seconds=ANSWER_SECONDS) as broker:
        sung = broker.get(KEY)
        return None if sung is None else max(0.0, _now(broker) - float(str(sung, "ascii") if isinstance(sung, bytes) else str(sung)))


def readiness(settings: Settings, engine: Engine) -> Readiness:
    """Whether the store is there and of this release, the broker answers, and a worker does what it is asked."""
    reasons = [*_against_store(engine), *_against_broker(settings, engine)]
    return Readiness(tuple(reasons))


def _against_store(engine: Engine) -> list[str]:
    try:
        at = schema.revision(engine.execution_options(bankseg_read_only=True))
    except SQLAlchemyError:
        return ["the store does not answer"]
    return [] if suits(at) else [f"the store's schema is at {at or 'no revision'}, this release brings {newest_revision()}"]


def _against_broker(settings: Settings, engine: Engine) -> list[str]:
    try:
        ago = heard_ago(settings)
    except (redis.RedisError, OSError, ValueError):
        return ["the broker does not answer"]
    if (ago is not None and ago <= MOST_MISSED * settings.canary_seconds) or _is_work_going_on(engine):
        return []
    return ["no worker ever did the canary's task" if ago is None else f"no worker did the canary's task for {ago:.0f} s"]


def _is_work_going_on(engine: Engine) -> bool:
    try:
        with reading(engine) as session:
            return _held_leases(session) > 0
    except SQLAlchemyError:
        return False


def _held_leases(session: Session) -> int:
    return session.exec(select(func.count()).select_from(Job).where(Job.state == JobState.RUNNING, Job.lease_until > db_now())).one()


def _now(broker: redis.Redis) -> float:
    seconds, microseconds = broker.time()
    return float(seconds) + float(microseconds) / 1e6
