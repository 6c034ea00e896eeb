"""Versions of the policy that people proposed: each with its entries, who proposed it and why, and who decided."""

from pathlib import Path

from sqlalchemy import CheckConstraint, Engine, Index, inspect, text
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.storage.database import reading


class PolicyVersion(SQLModel, table=True):
    """One version; the latest approved one is in force, one at a time is open, and who proposed it never decides."""

    __tablename__ = "policy_version"
    __table_args__ = (
        CheckConstraint("state in ('open','approved','rejected')", name="policy_version_state"),
        CheckConstraint("(state = 'open') = (decided_by is null)", name="policy_version_decided"),
        CheckConstraint("decided_by is null or decided_by <> proposed_by", name="policy_version_two_persons"),
        Index("ix_policy_version_open", "state", unique=True, sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    )

    id: int | None = Field(default=None, primary_key=True)  # the version's number
    entries: str  # TOML: all that differs from the default and the bank's file
    sha256: str  # of the whole policy as it stood when proposed
    state: str = "open"
    proposed_by: int = Field(foreign_key="person.id")
    reason: str
    proposed_at: float
    decided_by: int | None = Field(default=None, foreign_key="person.id")
    decision_reason: str = ""
    decided_at: float | None = None


def in_force(session: Session) -> PolicyVersion | None:
    """The latest approved version."""
    query = select(PolicyVersion).where(PolicyVersion.state == "approved").order_by(col(PolicyVersion.decided_at).desc(), col(PolicyVersion.id).desc())
    return session.exec(query.limit(1)).one_or_none()


def in_force_of(engine: Engine) -> PolicyVersion | None:
    """The same from a store that may not exist yet, or be older than versions are."""
    path = engine.url.database if engine.dialect.name == "sqlite" else None
    if (path and not Path(path).exists()) or not inspect(engine).has_table(str(PolicyVersion.__tablename__)):
        return None
    with reading(engine) as session:
        return in_force(session)


def history(session: Session) -> list[PolicyVersion]:
    """Every version, newest first."""
    return list(session.exec(select(PolicyVersion).order_by(col(PolicyVersion.id).desc())))
