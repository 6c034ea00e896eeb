"""Memberships kept: for a version of a scheme and a run, the file that says which client was in which segment, and its hash."""

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select


class SegmentMembership(SQLModel, table=True):
    """One membership file; version 0 is the ready-made scheme."""

    __tablename__ = "segment_membership"
    __table_args__ = (UniqueConstraint("code", "version", "run_id"),)

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(index=True)
    version: int
    run_id: int = Field(foreign_key="run.id")
    as_of: str  # ISO date, the run's
    clients: int  # of the whole book, whatever the number of segments each is in
    rows: int  # one a client and segment
    scheme_sha256: str
    sha256: str  # of the file
    made_at: float = 0.0


def kept_for(session: Session, code: str, version: int | None = None) -> list[SegmentMembership]:
    """Memberships of a scheme, latest date first; of one version where it is named."""
    query = select(SegmentMembership).where(SegmentMembership.code == code)
    if version is not None:
        query = query.where(SegmentMembership.version == version)
    return list(session.exec(query.order_by(col(SegmentMembership.as_of).desc(), col(SegmentMembership.run_id).desc(), col(SegmentMembership.version).desc())))


def of_run(session: Session, code: str, version: int, run_id: int) -> SegmentMembership | None:
    """The membership of a version in a run."""
    query = select(SegmentMembership).where(SegmentMembership.code == code, SegmentMembership.version == version, SegmentMembership.run_id == run_id)
    return session.exec(query).one_or_none()


def before(session: Session, code: str, version: int, as_of: str) -> SegmentMembership | None:
    """The latest membership of a version as of an earlier date."""
    return next((row for row in kept_for(session, code, version) if row.as_of < as_of), None)


def last_refreshed(session: Session, code: str, version: int, as_of: str) -> str | None:
    """The latest date, not after this one, that a version was kept for."""
    return next((row.as_of for row in kept_for(session, code, version) if row.as_of <= as_of), None)
