"""Reviews of risk cases: where each stands, and every decision taken, in order."""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.domain.people import Scope
from bankseg.storage.portfolio import is_shown
from bankseg.storage.published_client import RiskCase

OPEN, WAITING, DECIDED, LEFT = "open", "waiting", "decided", "left"


class RiskReview(SQLModel, table=True):
    """Where the review of one client's case stands; a case without a row is open and nobody's.

    `severity` and `codes` are those of the case when it was decided: a graver case, or one with another trigger, opens again when a run is published.
    """

    __tablename__ = "risk_review"
    __table_args__ = (CheckConstraint("state in ('open','waiting','decided','left')", name="risk_review_state"),)

    client_id: str = Field(primary_key=True)
    state: str = Field(default=OPEN, index=True)
    severity: int = 0
    codes: str = ""  # trigger codes, sorted, one space between
    decision_id: int | None = None
    assigned_to: int | None = Field(default=None, foreign_key="person.id", index=True)
    again_on: str | None = None  # ISO date on which the case is looked at again whatever happens
    opened_because: str = ""  # graver | new_trigger | due_again | came_back | not_signed | empty


class RiskDecision(SQLModel, table=True):
    """One decision of a person about a case, with the second person's answer where one is needed."""

    __tablename__ = "risk_decision"

    id: int | None = Field(default=None, primary_key=True)
    client_id: str = Field(index=True)
    run_id: int = Field(foreign_key="run.id")
    severity: int
    codes: str
    decision: str  # keep | watch | contact | restrict | refer
    reason: str
    adverse: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    decided_by: int = Field(foreign_key="person.id")
    decided_at: float
    second_by: int | None = Field(default=None, foreign_key="person.id")
    second_at: float | None = None
    second_answer: str = ""  # approved | rejected | empty where none is needed or none was given yet
    second_reason: str = ""


def of_client(session: Session, scope: Scope, client_id: str, *, lock: bool = False) -> RiskReview | None:
    """Where the review of a client in scope stands."""
    if not session.scalar(select(is_shown(scope, client_id))):
        return None
    return session.get(RiskReview, client_id, with_for_update=lock or None)


def history(session: Session, scope: Scope, client_id: str) -> list[RiskDecision]:
    """Every decision about a client in scope, newest first."""
    statement = select(RiskDecision).where(RiskDecision.client_id == client_id, is_shown(scope, client_id))
    return list(session.exec(statement.order_by(col(RiskDecision.id).desc())))


def waiting_decision(session: Session, scope: Scope, client_id: str) -> RiskDecision | None:
    """The decision about a client in scope that waits for its second signature, locked until the transaction ends."""
    review = of_client(session, scope, client_id)
    if review is None or review.state != WAITING or review.decision_id is None:
        return None
    return session.get(RiskDecision, review.decision_id, with_for_update=True)


def kept(session: Session, scope: Scope, client_id: str, **changes: Any) -> RiskReview:  # column values of the row class
    """The row of a client in scope with some columns changed, made when there was none."""
    row = of_client(session, scope, client_id, lock=True) or RiskReview(client_id=client_id)
    for name, value in changes.items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    return row


def settled_with_cases(session: Session, run_id: int) -> list[tuple[RiskReview, RiskCase | None]]:
    """Reviews that are not open, each with the case that a run found, if any."""
    statement = select(RiskReview, RiskCase).join(
        RiskCase, (col(RiskCase.client_id) == col(RiskReview.client_id)) & (col(RiskCase.run_id) == run_id), isouter=True
    )
    return [(review, case) for review, case in session.exec(statement.where(RiskReview.state != OPEN))]
