"""The bank's own attributes: expressions over the roll, in versions that are followed and never changed."""

from sqlalchemy import JSON, CheckConstraint, Column, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select


class OwnAttribute(SQLModel, table=True):
    """One version of one attribute; rules read it by its name with the version, so that what they mean stays."""

    __tablename__ = "own_attribute"
    __table_args__ = (UniqueConstraint("code", "version"), CheckConstraint("state in ('live','retired')", name="own_attribute_state"))

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(index=True)
    version: int
    state: str = "live"
    label_en: str
    label_fr: str
    definition: str
    unit: str
    type: str
    expression: str
    reads: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    owner: str
    sha256: str
    saved_by: int | None = None
    saved_at: float = 0.0

    @property
    def name(self) -> str:
        """What rules call it."""
        return f"own_{self.code}_v{self.version}"


def live(session: Session) -> list[OwnAttribute]:
    """Every version rules may read, by code and version."""
    return list(session.exec(select(OwnAttribute).where(OwnAttribute.state == "live").order_by(col(OwnAttribute.code), col(OwnAttribute.version))))


def every(session: Session) -> list[OwnAttribute]:
    """Every version of every attribute, by code, newest first."""
    return list(session.exec(select(OwnAttribute).order_by(col(OwnAttribute.code), col(OwnAttribute.version).desc())))


def versions(session: Session, code: str) -> list[OwnAttribute]:
    """Every version of an attribute, newest first."""
    return list(session.exec(select(OwnAttribute).where(OwnAttribute.code == code).order_by(col(OwnAttribute.version).desc())))
