"""Offers to segments: a product at a price; terms are never changed, an offer is withdrawn and another one made."""

from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, Session, SQLModel, col, select


class SegmentOffer(SQLModel, table=True):
    """One offer of a product to one segment."""

    __tablename__ = "segment_offer"

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(index=True)
    segment: str
    product: str
    name: str
    terms: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    saved_by: int | None = None
    saved_at: float = 0.0
    withdrawn_by: int | None = None
    withdrawn_at: float | None = None


def standing_offers(session: Session, code: str = "") -> list[SegmentOffer]:
    """Offers that were not withdrawn, of one scheme where it is named, by segment, product and name."""
    query = select(SegmentOffer).where(col(SegmentOffer.withdrawn_at).is_(None))
    if code:
        query = query.where(SegmentOffer.code == code)
    return list(session.exec(query.order_by(SegmentOffer.code, SegmentOffer.segment, SegmentOffer.product, SegmentOffer.name, col(SegmentOffer.id))))
