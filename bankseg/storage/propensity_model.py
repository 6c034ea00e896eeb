"""Propensity models: one row per trained version, pointing at its content-addressed artefact."""

from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select


class PropensityModel(SQLModel, table=True):
    """One version of one target's model."""

    __tablename__ = "propensity_model"
    __table_args__ = (UniqueConstraint("target", "digest"),)

    id: int | None = Field(default=None, primary_key=True)
    target: str = Field(index=True)
    version: int
    status: str = "champion"  # champion | challenger | retired
    digest: str
    as_of: str
    run_id: int | None = Field(default=None, foreign_key="run.id")
    positives: int = 0
    metrics: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    created_at: float = 0.0


def champion(session: Session, target: str) -> PropensityModel | None:
    """The version in use for a target."""
    query = select(PropensityModel).where(PropensityModel.target == target, PropensityModel.status == "champion")
    return session.exec(query.order_by(col(PropensityModel.version).desc()).limit(1)).one_or_none()


def champions(session: Session) -> list[PropensityModel]:
    """The versions in use, one per target, by target."""
    return list(session.exec(select(PropensityModel).where(PropensityModel.status == "champion").order_by(col(PropensityModel.target))))
