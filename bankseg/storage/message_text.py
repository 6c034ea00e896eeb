"""Texts by scheme, segment, product, channel and language, in versions that are followed and never changed; an empty segment or product means any."""

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select


class MessageText(SQLModel, table=True):
    """One version of one text."""

    __tablename__ = "message_text"
    __table_args__ = (UniqueConstraint("code", "segment", "product", "channel", "language", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(index=True)
    segment: str
    product: str
    channel: str
    language: str
    version: int
    subject: str
    body: str
    saved_by: int | None = None
    saved_at: float = 0.0


def latest_texts(session: Session, code: str) -> list[MessageText]:
    """The latest version of every text of a scheme, by segment, product, channel and language."""
    query = select(MessageText).where(MessageText.code == code).order_by(col(MessageText.version))
    found = {(one.segment, one.product, one.channel, one.language): one for one in session.exec(query)}
    return [found[key] for key in sorted(found)]
