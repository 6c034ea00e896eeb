"""Decisions: the history of a version, one row a change of its standing, with who and why."""

from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.storage.database import database_time


class ModelDecision(SQLModel, table=True):
    """One change of a version's standing; a person is missing where the policy or a run decided."""

    __tablename__ = "model_decision"

    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="propensity_model.id", index=True)
    action: str  # trained | promoted_by_policy | proposed | approved | rejected | rolled_back | rolled_back_to | replaced
    person_id: int | None = Field(default=None, foreign_key="person.id")
    reason: str = ""
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    at: float


def record(session: Session, model_id: int, action: str, *, person_id: int | None = None, reason: str = "", **details: Any) -> ModelDecision:  # JSON values
    """Add one row to a version's history."""
    now = database_time(session)
    decision = ModelDecision(model_id=model_id, action=action, person_id=person_id, reason=reason, details=details, at=now)
    session.add(decision)
    session.flush()
    return decision


def of_model(session: Session, model_id: int) -> list[ModelDecision]:
    """A version's history, oldest first."""
    return list(session.exec(select(ModelDecision).where(ModelDecision.model_id == model_id).order_by(col(ModelDecision.id))))
