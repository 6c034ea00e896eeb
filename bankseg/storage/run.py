"""Runs: one scoring of the whole book as of a date, and the pointer to the one readers see."""

from typing import Any, cast

from sqlalchemy import JSON, CheckConstraint, Column
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.domain.jobs import RunState

PORTFOLIO = "portfolio"
_READ = "current_run"  # where a session that only reads keeps it: it sees one moment of the store


class Run(SQLModel, table=True):
    """One run; its key makes a second request for the same inputs the same run."""

    __table_args__ = (CheckConstraint("state in ('running','published','failed','quarantined')", name="run_state"),)

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    as_of: str = Field(index=True)  # ISO date
    state: str = RunState.RUNNING
    until_stage: str = "publish"
    table_versions: dict[str, int] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    file_hashes: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    policy_sha256: str = ""
    policy_version: int | None = None  # that two persons agreed on; empty: default and file alone
    declarations_sha256: str = Field(default="", sa_column_kwargs={"server_default": ""})
    started_by: int | None = None  # person; empty when nobody was signed in
    models: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # target -> digest of the model that scores it
    shadows: dict[str, list[str]] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}"))  # target -> digests scored beside
    refusals: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # target -> why no model
    plan: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    summary: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    n_expected: int | None = None
    n_rows: int | None = None
    result_sha256: str | None = None
    error: str | None = None
    created_at: float = 0.0
    published_at: float | None = None


class CurrentRun(SQLModel, table=True):
    """The pointer: which run readers see."""

    __tablename__ = "current_run"

    kind: str = Field(primary_key=True)
    run_id: int = Field(foreign_key="run.id")
    flipped_at: float


def current(session: Session) -> Run | None:
    """The published run readers see, or None before the first publication."""
    if _READ in session.info:
        return cast("Run | None", session.info[_READ])
    found = session.exec(select(Run).join(CurrentRun, col(CurrentRun.run_id) == col(Run.id)).where(CurrentRun.kind == PORTFOLIO)).one_or_none()
    if session.connection().get_execution_options().get("bankseg_read_only"):
        session.info[_READ] = found
    return found


def latest(session: Session, limit: int = 50) -> list[Run]:
    """The most recent runs, newest first."""
    return list(session.exec(select(Run).order_by(col(Run.id).desc()).limit(limit)))


def published_before(session: Session, as_of: str) -> Run | None:
    """The published run of the latest date before this one: what a run continues from, whatever was published since for later dates."""
    query = select(Run).where(Run.state == RunState.PUBLISHED, Run.as_of < as_of)
    return session.exec(query.order_by(col(Run.as_of).desc(), col(Run.id).desc()).limit(1)).one_or_none()


def published_by(session: Session, as_of: str) -> Run | None:
    """The published run of the latest date not after this one."""
    query = select(Run).where(Run.state == RunState.PUBLISHED, Run.as_of <= as_of)
    return session.exec(query.order_by(col(Run.as_of).desc(), col(Run.id).desc()).limit(1)).one_or_none()


def published_dates(session: Session) -> list[str]:
    """Every date a run was published for, latest first."""
    return list(session.exec(select(Run.as_of).where(Run.state == RunState.PUBLISHED).distinct().order_by(col(Run.as_of).desc())))


def earliest_with_policy(session: Session, policy_sha256: str) -> Run | None:
    """The published run of the earliest date under a policy: the one whose population its cut points were found on."""
    query = select(Run).where(Run.state == RunState.PUBLISHED, Run.policy_sha256 == policy_sha256)
    return session.exec(query.order_by(col(Run.as_of), col(Run.id)).limit(1)).one_or_none()
