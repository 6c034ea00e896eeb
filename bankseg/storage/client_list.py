"""Lists of clients: the terms, the counts and the hashes of each, and who took it through its states; the members themselves are files."""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column
from sqlmodel import Field, Session, SQLModel, col, func, or_, select

from bankseg.domain.people import Role, Scope
from bankseg.storage.risk_review import RiskDecision

DRAFT, FROZEN, RELEASED, CLOSED = STATES = ("draft", "frozen", "released", "closed")


class ClientList(SQLModel, table=True):
    """One list. `branch_id` limits it to a branch, empty for the whole book; `manifest` is written when it is frozen, and its hash with it."""

    __tablename__ = "client_list"
    __table_args__ = (CheckConstraint("state in ('draft','frozen','released','closed')", name="client_list_state"),)

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # part of the hash that draws the control group
    name: str
    state: str = Field(default=DRAFT, index=True)
    terms: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    branch_id: str | None = None
    run_id: int = Field(foreign_key="run.id")
    as_of: str  # ISO date
    funnel: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    manifest: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    manifest_sha256: str = ""
    made_by: int = Field(foreign_key="person.id")
    made_at: float
    frozen_by: int | None = Field(default=None, foreign_key="person.id")
    frozen_at: float | None = None
    released_by: int | None = Field(default=None, foreign_key="person.id")
    released_at: float | None = None
    release_reason: str = ""
    contact_on: str | None = None  # ISO date of the first contact: what counts as an outcome comes after it
    closed_by: int | None = Field(default=None, foreign_key="person.id")
    closed_at: float | None = None


def add(session: Session, **fields: Any) -> ClientList:  # column values of the row class
    """Keep a draft."""
    row = ClientList(**fields)
    session.add(row)
    session.flush()
    return row


def visible(session: Session, scope: Scope, most: int = 200) -> list[ClientList]:
    """The lists a person may see, newest first: of the whole book for marketing, of their branch for its head."""
    statement = select(ClientList).order_by(col(ClientList.id).desc()).limit(most)
    if not scope.sees_whole_book:
        statement = statement.where(col(ClientList.branch_id) == (scope.branch_id or ""))
    return list(session.exec(statement))


def one(session: Session, scope: Scope, list_id: int, *, lock: bool = False) -> ClientList | None:
    """A list, when this person may see it."""
    row = session.get(ClientList, list_id, with_for_update=lock or None)
    if row is None or scope.sees_whole_book:
        return row
    return row if scope.role is Role.BRANCH_HEAD and scope.branch_id and row.branch_id == scope.branch_id else None


def in_the_field(session: Session, since: str, besides: int | None) -> list[ClientList]:
    """Released lists whose contacts began on a day or later; what a new list must not contact again so soon."""
    statement = select(ClientList).where(or_(col(ClientList.state) == RELEASED, col(ClientList.state) == CLOSED), col(ClientList.contact_on) >= since)
    return [row for row in session.exec(statement.order_by(col(ClientList.id))) if row.id != besides]


def restricted(session: Session) -> list[str]:
    """Clients whose latest decision restricts them, once it is signed."""
    latest = select(func.max(RiskDecision.id)).group_by(RiskDecision.client_id)
    statement = select(RiskDecision.client_id).where(
        col(RiskDecision.id).in_(latest), RiskDecision.decision == "restrict", RiskDecision.second_answer == "approved"
    )
    return list(session.exec(statement.order_by(RiskDecision.client_id)))
