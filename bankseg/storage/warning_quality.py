"""How well early-warning rules foretold arrears, as measured on history: one document for each run and policy."""

from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select


class WarningQuality(SQLModel, table=True):
    """One measurement."""

    __tablename__ = "warning_quality"
    __table_args__ = (UniqueConstraint("run_id", "policy_sha256"),)

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id")
    as_of: str
    policy_sha256: str
    document: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    made_at: float = 0.0


def latest(session: Session) -> WarningQuality | None:
    """The measurement as of the latest date."""
    return session.exec(select(WarningQuality).order_by(col(WarningQuality.as_of).desc(), col(WarningQuality.id).desc()).limit(1)).one_or_none()


def of_run(session: Session, run_id: int, policy_sha256: str) -> WarningQuality | None:
    """The measurement of a run under a policy."""
    return session.exec(select(WarningQuality).where(WarningQuality.run_id == run_id, WarningQuality.policy_sha256 == policy_sha256)).one_or_none()
