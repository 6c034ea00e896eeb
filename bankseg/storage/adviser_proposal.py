"""Proposals that clients of a branch change their adviser: what was weighed, who asked, who decided, and the moves."""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Index, and_, insert, text
from sqlmodel import Field, Session, SQLModel, col, func, select

from bankseg.domain.people import Scope
from bankseg.storage.portfolio import Row, published
from bankseg.storage.published_client import PublishedClient

ASKED, APPROVED, REFUSED, OUTDATED = STATES = ("asked", "approved", "refused", "outdated")
OPEN = text("state = 'asked'")
ACTIVE = "active"
MOST_PROPOSALS = 100


class AdviserProposal(SQLModel, table=True):
    """One proposal for one branch on one run; `weighed` holds terms, advisers and figures before and after, and no client.

    `asked_by` is null from the command line. Outdated: asked again on a later run, before anybody decided.
    """

    __tablename__ = "adviser_proposal"
    __table_args__ = (
        CheckConstraint("state in ('asked','approved','refused','outdated')", name="adviser_proposal_state"),
        CheckConstraint("(state in ('approved','refused')) = (decided_by is not null)", name="adviser_proposal_decided"),
        CheckConstraint("decided_by is null or asked_by is null or decided_by <> asked_by", name="adviser_proposal_two_persons"),
        Index("ix_adviser_proposal_open", "branch_id", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
    )

    id: int | None = Field(default=None, primary_key=True)
    branch_id: str = Field(index=True)
    run_id: int = Field(foreign_key="run.id")
    as_of: str  # ISO date
    policy_sha256: str
    state: str = ASKED
    weighed: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    reason: str
    asked_by: int | None = Field(default=None, foreign_key="person.id")
    asked_at: float
    decided_by: int | None = Field(default=None, foreign_key="person.id")
    decision_reason: str = ""
    decided_at: float | None = None


class AdviserMove(SQLModel, table=True):
    """One client of a proposal; `from_rm_id` null where nobody who is known serves it."""

    __tablename__ = "adviser_move"

    client_id: str = Field(primary_key=True)
    proposal_id: int = Field(primary_key=True, foreign_key="adviser_proposal.id", index=True)
    from_rm_id: str | None = None
    to_rm_id: str


def proposals(session: Session, branch_id: str | None) -> list[AdviserProposal]:
    """The latest proposals of a branch, newest first; of every branch where none is named."""
    statement = select(AdviserProposal).order_by(col(AdviserProposal.id).desc()).limit(MOST_PROPOSALS)
    return list(session.exec(statement if branch_id is None else statement.where(AdviserProposal.branch_id == branch_id)))


def open_proposal(session: Session, branch_id: str) -> AdviserProposal | None:
    """The proposal of a branch that waits for a decision, kept from others until the transaction ends."""
    return session.exec(select(AdviserProposal).where(AdviserProposal.branch_id == branch_id, AdviserProposal.state == ASKED).with_for_update()).one_or_none()


def write_moves(session: Session, proposal_id: int, rows: list[Row]) -> None:
    """Keep the moves of a proposal, in one statement."""
    if rows:
        session.execute(insert(AdviserMove), [{"proposal_id": proposal_id, **row} for row in rows])


def moves(session: Session, scope: Scope, proposal_id: int, most: int | None = None) -> list[Row]:
    """The moves of a proposal of clients in scope, by client: who serves each as published, who did, and who should."""
    client = PublishedClient
    columns: list[Any] = [
        col(client.client_id), col(client.name), col(client.kind), col(client.tier), col(client.branch_id), col(AdviserMove.from_rm_id), col(AdviserMove.to_rm_id), col(client.rm_id),
    ]  # fmt: skip
    statement = select(*columns).join(AdviserMove, col(AdviserMove.client_id) == col(client.client_id))
    found = session.execute(statement.where(published(scope), col(AdviserMove.proposal_id) == proposal_id).order_by(col(client.client_id)).limit(most))
    return [dict(row) for row in found.mappings()]


def followed(session: Session, scope: Scope, proposal_id: int) -> int:
    """How many of a proposal's clients in scope the published run has with the adviser they were to have."""
    client = PublishedClient
    there = and_(col(AdviserMove.client_id) == col(client.client_id), col(AdviserMove.to_rm_id) == col(client.rm_id))
    statement = select(func.count()).select_from(client).join(AdviserMove, there).where(published(scope), col(AdviserMove.proposal_id) == proposal_id)
    return int(session.exec(statement).one())


def served(session: Session, scope: Scope) -> dict[str, int]:
    """Clients in scope by who serves them as published, under the empty name those with nobody; active clients alone."""
    holder = func.coalesce(col(PublishedClient.rm_id), "")
    statement = select(holder, func.count()).where(published(scope), col(PublishedClient.status) == ACTIVE).group_by(holder)
    return {str(rm_id): int(clients) for rm_id, clients in session.execute(statement)}
