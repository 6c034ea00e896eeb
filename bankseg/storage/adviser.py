"""Advisers: what each has the skills for, and how many clients it can carry; kept here, since no extract brings it."""

from sqlalchemy import JSON, CheckConstraint, Column
from sqlmodel import Field, Session, SQLModel, select

from bankseg.storage.database import database_time


class AdviserRow(SQLModel, table=True):
    """One adviser: `skills` and `languages` are sorted codes, `capacity` in clients, `updated_by` null from the command line."""

    __tablename__ = "adviser"
    __table_args__ = (CheckConstraint("capacity >= 0", name="adviser_capacity_not_negative"),)

    rm_id: str = Field(primary_key=True)
    branch_id: str
    skills: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    languages: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    capacity: int
    updated_at: float = 0.0
    updated_by: int | None = None


def known(session: Session) -> list[AdviserRow]:
    """Every adviser, by branch and code."""
    return list(session.exec(select(AdviserRow).order_by(AdviserRow.branch_id, AdviserRow.rm_id)))


def keep(session: Session, rows: list[AdviserRow], person_id: int | None = None) -> None:
    """Write these advisers in place of what was known of them; others stay."""
    now = database_time(session)
    for row in rows:
        row.updated_at, row.updated_by = now, person_id
        session.merge(row)
    session.flush()
