"""Requests to publish a version of a scheme against its scorecard: who asked and why, and who looked a second time."""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKeyConstraint
from sqlmodel import Field, Session, SQLModel, col, select


class SegmentOverride(SQLModel, table=True):
    """One request; granted or refused by another person than the one who asked."""

    __tablename__ = "segment_override"
    __table_args__ = (
        CheckConstraint("state in ('waiting','granted','refused')", name="segment_override_state"),
        CheckConstraint("decided_by is null or decided_by <> asked_by", name="segment_override_two_persons"),
        ForeignKeyConstraint(["code", "version"], ["segment_scheme.code", "segment_scheme.version"]),
    )

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(index=True)
    version: int
    state: str = "waiting"
    asked_by: int
    asked_at: float
    reason: str
    scorecard: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # as it stood when asked
    decided_by: int | None = None
    decided_at: float | None = None
    decision_reason: str = ""


def waiting_for(session: Session, code: str) -> SegmentOverride | None:
    """The open request of a scheme."""
    return session.exec(select(SegmentOverride).where(SegmentOverride.code == code, SegmentOverride.state == "waiting").limit(1)).one_or_none()


def requests(session: Session, code: str) -> list[SegmentOverride]:
    """Every request of a scheme, latest first."""
    return list(session.exec(select(SegmentOverride).where(SegmentOverride.code == code).order_by(col(SegmentOverride.id).desc())))
