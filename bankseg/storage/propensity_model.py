"""Propensity models: one row per trained version, pointing at its content-addressed artefact."""

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Index, UniqueConstraint, text
from sqlmodel import Field, Session, SQLModel, col, select


class ModelStatus(StrEnum):
    """Where a version stands; at most one champion a target, which the store itself enforces."""

    CHAMPION = "champion"  # the version whose propensities are published
    CHALLENGER = "challenger"  # newly trained: scored beside the champion, waiting for a proposal and its approval
    SHADOW = "shadow"  # the champion before this one: still scored, so that the change can be judged and taken back
    RETIRED = "retired"
    REJECTED = "rejected"


SCORED_BESIDE = (ModelStatus.CHALLENGER, ModelStatus.SHADOW)


class PropensityModel(SQLModel, table=True):
    """One version of one target's model."""

    __tablename__ = "propensity_model"
    __table_args__ = (
        UniqueConstraint("target", "digest"),
        CheckConstraint("status in ('champion','challenger','shadow','retired','rejected')", name="propensity_model_status"),
        Index("ix_propensity_model_champion", "target", unique=True, sqlite_where=text("status = 'champion'"), postgresql_where=text("status = 'champion'")),
    )

    id: int | None = Field(default=None, primary_key=True)
    target: str = Field(index=True)
    version: int
    status: str = ModelStatus.CHALLENGER
    digest: str
    as_of: str
    run_id: int | None = Field(default=None, foreign_key="run.id")
    positives: int = 0
    metrics: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    created_at: float = 0.0
    trained_by: int | None = None  # person who started the training run; empty when nobody was signed in
    features: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
    definition_sha256: str = Field(default="", sa_column_kwargs={"server_default": ""})  # label, population and window the version estimates
    reference: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}"))  # histograms for drift
    comparison: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}"))  # with the champion, same rows
    exposure: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # clients of the population at the last origin
    materiality: str = Field(default="", sa_column_kwargs={"server_default": ""})  # low | medium | high
    next_review_on: str | None = None
    promoted_at: float | None = None


def champion(session: Session, target: str) -> PropensityModel | None:
    """The version in use for a target."""
    query = select(PropensityModel).where(PropensityModel.target == target, PropensityModel.status == ModelStatus.CHAMPION)
    return session.exec(query.order_by(col(PropensityModel.version).desc()).limit(1)).one_or_none()


def champions(session: Session) -> list[PropensityModel]:
    """The versions in use, one per target, by target."""
    return list(session.exec(select(PropensityModel).where(PropensityModel.status == ModelStatus.CHAMPION).order_by(col(PropensityModel.target))))


def versions(session: Session, target: str | None = None) -> list[PropensityModel]:
    """Every version, or one target's, newest first within its target."""
    query = select(PropensityModel).order_by(col(PropensityModel.target), col(PropensityModel.version).desc())
    return list(session.exec(query if target is None else query.where(PropensityModel.target == target)))


def version_of(session: Session, target: str, version: int, *, lock: bool = False) -> PropensityModel | None:
    """One version by its number."""
    query = select(PropensityModel).where(PropensityModel.target == target, PropensityModel.version == version)
    return session.exec(query.with_for_update() if lock else query).one_or_none()


def by_digest(session: Session, target: str, digest: str) -> PropensityModel | None:
    """The version with these bytes."""
    return session.exec(select(PropensityModel).where(PropensityModel.target == target, PropensityModel.digest == digest)).one_or_none()


def last_version(session: Session, target: str) -> int:
    """Number of the newest version, 0 when there is none."""
    query = select(PropensityModel.version).where(PropensityModel.target == target)
    return session.exec(query.order_by(col(PropensityModel.version).desc()).limit(1)).one_or_none() or 0
