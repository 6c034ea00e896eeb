"""Studies: recorded pieces of analysis over a run's clients, each with its parameters, its seed and what it found."""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Index
from sqlmodel import Field, Session, SQLModel, col, select

KINDS = ("tree", "clusters", "lookalike", "lifetime")


class SegmentStudy(SQLModel, table=True):
    """One study; the key makes a second request for the same work the same study.

    `result` is JSON without clients; rows of clients stand in a file beside the run, whose SHA-256 is `rows_sha256`. `sha256` is that of the result.
    """

    __tablename__ = "segment_study"
    __table_args__ = (
        CheckConstraint("kind in ('tree','clusters','lookalike','lifetime')", name="segment_study_kind"),
        CheckConstraint("state in ('asked','done','refused')", name="segment_study_state"),
        Index("ix_segment_study_kind", "kind", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    kind: str
    parameters: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    run_id: int = Field(foreign_key="run.id")
    seed: int
    state: str = "asked"  # refused: the data does not allow it, and `refusal` says why
    result: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    sha256: str = ""
    rows_sha256: str = ""
    refusal: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # found, expected, remedy
    job_id: int | None = Field(default=None, foreign_key="job.id")
    asked_by: int | None = None  # empty: the operator at the command line
    asked_at: float = 0.0
    finished_at: float | None = None


def by_key(session: Session, key: str) -> SegmentStudy | None:
    """The study of a key, locked for its asker."""
    return session.exec(select(SegmentStudy).where(SegmentStudy.key == key).with_for_update()).one_or_none()


def latest(session: Session, kind: str = "", limit: int = 50) -> list[SegmentStudy]:
    """The most recent studies, newest first; of one kind where it is named."""
    query = select(SegmentStudy).where(SegmentStudy.kind == kind) if kind else select(SegmentStudy)
    return list(session.exec(query.order_by(col(SegmentStudy.id).desc()).limit(limit)))
