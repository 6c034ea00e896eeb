"""Openings of locked folds: each time a training looked at the rows that judge it."""

from typing import Any

from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.storage.database import database_time


class FoldOpening(SQLModel, table=True):
    """One look at the final, locked fold of a target; the second look at the same rows is no longer a blind test."""

    __tablename__ = "fold_opening"

    id: int | None = Field(default=None, primary_key=True)
    target: str = Field(index=True)
    origin: str  # ISO date; empty where the data has no time
    rows_sha256: str = Field(index=True)
    run_id: int | None = Field(default=None, foreign_key="run.id")
    model_id: int | None = Field(default=None, foreign_key="propensity_model.id")
    person_id: int | None = None
    why: str
    at: float


def record(session: Session, **fields: Any) -> FoldOpening:  # column values of the row class
    """Count one opening; the same training of the same run counts once, however often its job was started."""
    known = session.exec(
        select(FoldOpening).where(
            FoldOpening.target == fields["target"], FoldOpening.rows_sha256 == fields["rows_sha256"], FoldOpening.run_id == fields["run_id"]
        )
    ).first()
    if known is not None:
        return known
    opening = FoldOpening(**fields, at=database_time(session))
    session.add(opening)
    session.flush()
    return opening


def of_rows(session: Session, target: str, rows_sha256: str) -> list[FoldOpening]:
    """Every opening of the same rows, oldest first."""
    query = select(FoldOpening).where(FoldOpening.target == target, FoldOpening.rows_sha256 == rows_sha256)
    return list(session.exec(query.order_by(col(FoldOpening.id))))
