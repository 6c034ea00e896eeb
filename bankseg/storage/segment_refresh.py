"""How often the membership of each scheme is kept: with every run, or with the first run of a week or a month."""

from sqlalchemy import CheckConstraint
from sqlmodel import Field, Session, SQLModel, select

CADENCES = ("daily", "weekly", "monthly")
DEFAULT_CADENCE = "daily"  # with every published run


class SegmentRefresh(SQLModel, table=True):
    """The cadence somebody chose for a scheme."""

    __tablename__ = "segment_refresh"
    __table_args__ = (CheckConstraint("cadence in ('daily','weekly','monthly')", name="segment_refresh_cadence"),)

    code: str = Field(primary_key=True)
    cadence: str = DEFAULT_CADENCE
    set_by: int | None = None
    set_at: float = 0.0


def cadences(session: Session) -> dict[str, str]:
    """Chosen cadences by scheme; the others have the default."""
    return {row.code: row.cadence for row in session.exec(select(SegmentRefresh))}
