"""Strategy sheets of segments: needs, requirements, proof, target and review, in versions that are followed and never changed."""

from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select


class SegmentStrategy(SQLModel, table=True):
    """One version of one segment's sheet."""

    __tablename__ = "segment_strategy"
    __table_args__ = (UniqueConstraint("code", "segment", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(index=True)
    segment: str
    version: int
    document: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    saved_by: int | None = None
    saved_at: float = 0.0


def sheet_of(session: Session, code: str, segment: str) -> SegmentStrategy | None:
    """The latest version of a segment's sheet."""
    query = select(SegmentStrategy).where(SegmentStrategy.code == code, SegmentStrategy.segment == segment)
    return session.exec(query.order_by(col(SegmentStrategy.version).desc()).limit(1)).one_or_none()
