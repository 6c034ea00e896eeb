"""Proposals: that a version become the champion, or that a target be trained again; decided by a second person."""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Index, text
from sqlmodel import Field, Session, SQLModel, col, select


class ModelProposal(SQLModel, table=True):
    """One proposal with who proposed it, why, and what was decided; at most one of a kind is open for a target."""

    __tablename__ = "model_proposal"
    __table_args__ = (
        CheckConstraint("kind in ('promotion','retraining')", name="model_proposal_kind"),
        CheckConstraint("state in ('open','approved','rejected','served')", name="model_proposal_state"),
        Index("ix_model_proposal_open", "target", "kind", unique=True, sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    target: str = Field(index=True)
    model_id: int | None = Field(default=None, foreign_key="propensity_model.id")
    state: str = "open"  # served: the run that an approved retraining asked for was made
    proposed_by: int | None = None  # empty: the schedule
    reason: str
    proposed_at: float
    decided_by: int | None = None
    decision_reason: str = ""
    overrides: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # red gate -> the approver's reason
    decided_at: float | None = None
    run_id: int | None = Field(default=None, foreign_key="run.id")  # that served an approved retraining
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


def open_proposal(session: Session, target: str, kind: str, *, lock: bool = False) -> ModelProposal | None:
    """The open proposal of a kind for a target."""
    query = select(ModelProposal).where(ModelProposal.target == target, ModelProposal.kind == kind, ModelProposal.state == "open")
    return session.exec(query.with_for_update() if lock else query).one_or_none()


def open_proposals(session: Session) -> list[ModelProposal]:
    """Every open proposal, oldest first."""
    return list(session.exec(select(ModelProposal).where(ModelProposal.state == "open").order_by(col(ModelProposal.id))))


def of_target(session: Session, target: str) -> list[ModelProposal]:
    """Every proposal for a target, newest first."""
    return list(session.exec(select(ModelProposal).where(ModelProposal.target == target).order_by(col(ModelProposal.id).desc())))


def retrainings_asked_for(session: Session) -> list[ModelProposal]:
    """Approved retrainings that no run has served yet."""
    query = select(ModelProposal).where(ModelProposal.kind == "retraining", ModelProposal.state == "approved")
    return list(session.exec(query.order_by(col(ModelProposal.id))))
