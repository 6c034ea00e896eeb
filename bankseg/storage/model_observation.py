"""Observations: what one published run showed about one version; small, computed from the run's files."""

from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select


class ModelObservation(SQLModel, table=True):
    """Drift of one version on one run, and, once the outcome window has closed, what came true."""

    __tablename__ = "model_observation"
    __table_args__ = (UniqueConstraint("model_id", "run_id"),)

    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="propensity_model.id", index=True)
    run_id: int = Field(foreign_key="run.id", index=True)
    as_of: str
    clients: int
    score_psi: float | None = None  # empty: the version carries no reference
    score_p_value: float | None = None
    score_level: str = "steady"  # steady | watch | act
    attributes: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # feature -> psi, p_value, level
    agreement: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # with the run's champion
    matures_on: str | None = None
    outcome: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # empty: not matured yet
    known_on: str | None = None  # day up to which the outcomes are known
    at: float


def of_model(session: Session, model_id: int) -> list[ModelObservation]:
    """A version's observations, earliest as-of date first."""
    query = select(ModelObservation).where(ModelObservation.model_id == model_id)
    return list(session.exec(query.order_by(col(ModelObservation.as_of), col(ModelObservation.run_id))))


def latest(session: Session, model_id: int) -> ModelObservation | None:
    """The observation on the latest date."""
    found = of_model(session, model_id)
    return found[-1] if found else None


def find(session: Session, model_id: int, run_id: int) -> ModelObservation | None:
    """The observation of one version on one run."""
    return session.exec(select(ModelObservation).where(ModelObservation.model_id == model_id, ModelObservation.run_id == run_id)).one_or_none()
