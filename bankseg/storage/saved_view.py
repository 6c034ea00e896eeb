"""What people keep of the portfolio for themselves: views of the list by name, and the run whose changes each has seen."""

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select


class SavedView(SQLModel, table=True):
    """One view: the query string of the list's address."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("person_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id")
    name: str
    query: str
    saved_at: float


class PortfolioLook(SQLModel, table=True):
    """The published run up to which a person has seen what changed."""

    __tablename__ = "portfolio_look"

    person_id: int = Field(primary_key=True, foreign_key="person.id")
    run_id: int = Field(foreign_key="run.id")
    looked_at: float


def of_person(session: Session, person_id: int) -> list[SavedView]:
    """A person's views, by name."""
    return list(session.exec(select(SavedView).where(SavedView.person_id == person_id).order_by(col(SavedView.name))))


def keep(session: Session, person_id: int, name: str, query: str, now: float) -> SavedView:
    """Keep a view; the same name again replaces it."""
    row = session.exec(select(SavedView).where(SavedView.person_id == person_id, SavedView.name == name)).one_or_none()
    row = row or SavedView(person_id=person_id, name=name, query=query, saved_at=now)
    row.query, row.saved_at = query, now
    session.add(row)
    session.flush()
    return row


def own(session: Session, person_id: int, view_id: int) -> SavedView | None:
    """One view of a person; another's is none."""
    row = session.get(SavedView, view_id)
    return row if row is not None and row.person_id == person_id else None


def look_of(session: Session, person_id: int) -> PortfolioLook | None:
    """Up to which run a person has seen what changed."""
    return session.get(PortfolioLook, person_id)
