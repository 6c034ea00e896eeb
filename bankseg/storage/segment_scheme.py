"""Segment schemes: one row a saved version of a document, with the cut points frozen when it was saved."""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select


class SegmentScheme(SQLModel, table=True):
    """One version of a scheme; versions are never changed, only followed."""

    __tablename__ = "segment_scheme"
    __table_args__ = (UniqueConstraint("code", "version"), CheckConstraint("state in ('saved','live','retired')", name="segment_scheme_state"))

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(index=True)
    version: int
    state: str = "saved"  # live: published for the desks; one version of a code at most
    document: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    sha256: str
    cuts: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    reference_run_id: int | None = Field(default=None, foreign_key="run.id")  # population the cuts were found on
    saved_by: int | None = None
    saved_at: float = 0.0
    note: str = ""
    validity: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # scorecard when it went live
    override_reason: str = ""
    published_by: int | None = None
    published_at: float | None = None


def latest_versions(session: Session) -> list[SegmentScheme]:
    """The latest version of every saved scheme, by code."""
    found: dict[str, SegmentScheme] = {}
    for row in session.exec(select(SegmentScheme).order_by(col(SegmentScheme.code), col(SegmentScheme.version))):
        found[row.code] = row
    return list(found.values())


def version_of(session: Session, code: str, version: int | None = None) -> SegmentScheme | None:
    """A version of a scheme, the latest when none is named."""
    query = select(SegmentScheme).where(SegmentScheme.code == code)
    if version is not None:
        query = query.where(SegmentScheme.version == version)
    return session.exec(query.order_by(col(SegmentScheme.version).desc()).limit(1)).one_or_none()


def in_use(session: Session, code: str) -> SegmentScheme | None:
    """The published version of a scheme, else its latest."""
    live = session.exec(select(SegmentScheme).where(SegmentScheme.code == code, SegmentScheme.state == "live").limit(1)).one_or_none()
    return live or version_of(session, code)


def versions(session: Session, code: str) -> list[SegmentScheme]:
    """Every version of a scheme, newest first."""
    return list(session.exec(select(SegmentScheme).where(SegmentScheme.code == code).order_by(col(SegmentScheme.version).desc())))


def published(session: Session) -> list[SegmentScheme]:
    """The version of each code that the desks use, by code."""
    return list(session.exec(select(SegmentScheme).where(SegmentScheme.state == "live").order_by(col(SegmentScheme.code))))
