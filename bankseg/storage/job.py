"""Jobs: every piece of work is a row; a message only rings the bell."""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, ColumnElement, Index, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.domain.jobs import MAX_ATTEMPTS, JobState, Stage
from bankseg.storage.database import db_now
from bankseg.storage.revisions import newest_revision


class Job(SQLModel, table=True):
    """One unit of work with its natural key, fence, lease and attempt budget."""

    __table_args__ = (
        CheckConstraint("state in ('waiting','queued','running','done','failed','quarantined')", name="job_state"),
        Index("ix_job_state", "state", "lease_until"),
        Index("ix_job_run", "run_id", "stage"),
    )

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    run_id: int | None = Field(default=None, foreign_key="run.id")
    stage: str
    state: str = JobState.WAITING
    payload: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    fence: int = 0
    lease_until: float = 0.0
    attempt: int = 0
    max_attempts: int = MAX_ATTEMPTS
    done: int = 0
    total: int = 0
    message: str = ""
    error: str | None = None
    result: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    worker: str | None = None
    created_at: float = 0.0
    rung_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    planned_at_revision: str | None = Field(default_factory=newest_revision)  # of the release that planned it: one that does not know it leaves the job queued


def claims_in_turn(session: Session) -> None:
    """One claim at a time on PostgreSQL, so that two cannot each overlook the other; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql("SELECT pg_advisory_xact_lock(72658)")


def keeps_apart() -> ColumnElement[bool]:
    """Whether a job may start beside those that run: an erasure runs alone, for what a run or an import writes meanwhile would still hold the client."""
    other = aliased(Job)
    runs = [col(other.state) == JobState.RUNNING, col(other.lease_until) >= db_now(), col(other.id) != col(Job.id)]
    alone = exists(select(col(other.id)).where(*runs).correlate(Job))
    beside_erasure = exists(select(col(other.id)).where(*runs, col(other.stage) == Stage.ERASE).correlate(Job))
    return or_((col(Job.stage) == Stage.ERASE) & ~alone, (col(Job.stage) != Stage.ERASE) & ~beside_erasure)
