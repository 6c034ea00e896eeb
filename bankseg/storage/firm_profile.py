"""Strategic profiles of firms, in versions that are followed and never changed."""

from collections.abc import Iterator

from sqlalchemy import JSON, Column, UniqueConstraint, and_
from sqlmodel import Field, Session, SQLModel, col, func, select

from bankseg.domain.people import Scope
from bankseg.storage.portfolio import is_shown

FETCH = 5_000


class FirmProfileVersion(SQLModel, table=True):
    """One version of the profile of one firm; `answers` by criterion, those that are known alone."""

    __tablename__ = "firm_profile"
    __table_args__ = (UniqueConstraint("client_id", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    client_id: str
    version: int
    answers: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    note: str = ""
    saved_by: int | None = Field(default=None, foreign_key="person.id")
    saved_at: float


def versions_of(session: Session, scope: Scope, client_id: str) -> list[FirmProfileVersion]:
    """Every version of the profile of a client in scope, latest first."""
    query = select(FirmProfileVersion).where(FirmProfileVersion.client_id == client_id, is_shown(scope, client_id))
    return list(session.exec(query.order_by(col(FirmProfileVersion.version).desc())))


def standing(session: Session, before: float) -> Iterator[tuple[str, dict[str, str]]]:
    """The answers of each firm as they stood at an instant (UTC seconds), by number."""
    version, client_id = col(FirmProfileVersion.version), col(FirmProfileVersion.client_id)
    last = select(client_id, func.max(version).label("version")).where(col(FirmProfileVersion.saved_at) < before).group_by(client_id).subquery()
    query = select(FirmProfileVersion).join(last, and_(client_id == last.c.client_id, version == last.c.version)).order_by(client_id)
    for row in session.exec(query.execution_options(yield_per=FETCH)):
        yield row.client_id, row.answers
