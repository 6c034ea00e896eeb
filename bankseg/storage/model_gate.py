"""Gates: what was measured before a version may serve, with its bound, its verdict and the words for it."""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column
from sqlmodel import Field, Session, SQLModel, col, select


class ModelGate(SQLModel, table=True):
    """One gate of one evaluation; a later evaluation adds rows, none is changed."""

    __tablename__ = "model_gate"
    __table_args__ = (CheckConstraint("verdict in ('green','amber','red','not_measured')", name="model_gate_verdict"),)

    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="propensity_model.id", index=True)
    evaluation: int  # 1 at registration, then counted up
    occasion: str  # registration | approval
    name: str
    value: float | None = None
    bound: str = ""
    verdict: str
    words: str
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    at: float


def latest(session: Session, model_id: int) -> list[ModelGate]:
    """The gates of a version's last evaluation, in their order."""
    last = session.exec(select(ModelGate.evaluation).where(ModelGate.model_id == model_id).order_by(col(ModelGate.evaluation).desc()).limit(1)).one_or_none()
    if last is None:
        return []
    return list(session.exec(select(ModelGate).where(ModelGate.model_id == model_id, ModelGate.evaluation == last).order_by(col(ModelGate.id))))


def all_of(session: Session, model_id: int) -> list[ModelGate]:
    """Every gate ever evaluated for a version, oldest first."""
    return list(session.exec(select(ModelGate).where(ModelGate.model_id == model_id).order_by(col(ModelGate.id))))
