"""Position notes of products in segments, in versions that are followed and never changed; about no single client."""

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.domain.position_notes import NotePlace


class SegmentPosition(SQLModel, table=True):
    """One version of the note of one product in one segment."""

    __tablename__ = "segment_position"
    __table_args__ = (
        UniqueConstraint("code", "segment", "product", "version"),
        CheckConstraint("position in ('build','hold','harvest','leave','none')", name="segment_position_known"),
    )

    id: int | None = Field(default=None, primary_key=True)
    code: str  # of the scheme
    segment: str
    product: str
    version: int
    position: str
    text: str
    saved_by: int | None = None
    saved_at: float = 0.0


def latest_positions(session: Session, code: str) -> dict[tuple[str, str], SegmentPosition]:
    """The latest version of every note of a scheme, by segment and product."""
    query = select(SegmentPosition).where(SegmentPosition.code == code).order_by(col(SegmentPosition.version))
    return {(row.segment, row.product): row for row in session.exec(query)}


def versions_of(session: Session, place: NotePlace) -> list[SegmentPosition]:
    """Every version of one note, latest first."""
    query = select(SegmentPosition).where(SegmentPosition.code == place.code, SegmentPosition.segment == place.segment)
    query = query.where(SegmentPosition.product == place.product)
    return list(session.exec(query.order_by(col(SegmentPosition.version).desc())))
