"""How far the webhook has told what happened: one row, held by one teller at a time."""

from sqlalchemy import CheckConstraint, Update, func, update
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.storage import segment_event
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import database_time, db_now

THE_ROW = 1


class WebhookState(SQLModel, table=True):
    """Everything up to `audit_id` and `event_id` was taken by the receiver or passed over; `attempts` failed on what comes next, which waits until `next_at`."""

    __tablename__ = "webhook_state"
    __table_args__ = (CheckConstraint(f"id = {THE_ROW}", name="webhook_state_one_row"),)

    id: int = Field(default=THE_ROW, primary_key=True)
    audit_id: int = 0
    event_id: int = 0
    attempts: int = 0
    next_at: float = 0.0
    claimed_until: float = 0.0
    fence: int = 0
    delivered_at: float | None = None
    answer: str = ""


def state(session: Session) -> WebhookState | None:
    """The row; None before the webhook was first used."""
    return session.get(WebhookState, THE_ROW)


def from_now_on(session: Session) -> WebhookState:
    """Pass over everything that has happened so far: where a webhook begins."""
    row = state(session) or WebhookState()
    row.audit_id = session.exec(select(func.max(AuditEntry.id))).one() or 0
    row.event_id = segment_event.last_id(session)
    row.attempts, row.next_at, row.fence = 0, 0.0, row.fence + 1  # whoever is telling now has told its last
    session.add(row)
    session.flush()
    return row


def claim(session: Session, seconds: float, *, at_once: bool = False) -> WebhookState | None:
    """Hold the row for so many seconds; None while somebody else does, or before the next attempt is due (`at_once` does not wait for that)."""
    free = update(WebhookState).where(col(WebhookState.claimed_until) <= db_now())
    if not at_once:
        free = free.where(col(WebhookState.next_at) <= db_now())
    if _changed(session, free.values(claimed_until=db_now() + seconds, fence=WebhookState.fence + 1)):
        return session.get_one(WebhookState, THE_ROW, populate_existing=True)
    return None


def told(session: Session, fence: int, seconds: float, audit_id: int, event_id: int, answer: str) -> bool:
    """Move on behind what the receiver took, and hold the row on; False when somebody else holds it by now."""
    now = database_time(session)
    moved = {"audit_id": audit_id, "event_id": event_id, "attempts": 0, "next_at": 0.0, "delivered_at": now, "answer": answer, "claimed_until": now + seconds}
    return _changed(session, update(WebhookState).where(col(WebhookState.fence) == fence).values(**moved))


def not_taken(session: Session, fence: int, wait_seconds: float, answer: str) -> bool:
    """Note an attempt that failed and when the next one is due; False when somebody else holds the row by now."""
    missed = {"attempts": WebhookState.attempts + 1, "next_at": db_now() + wait_seconds, "answer": answer}
    return _changed(session, update(WebhookState).where(col(WebhookState.fence) == fence).values(**missed))


def release(session: Session, fence: int) -> None:
    """Let the next teller have the row."""
    _changed(session, update(WebhookState).where(col(WebhookState.fence) == fence).values(claimed_until=0.0))


def _changed(session: Session, statement: Update) -> bool:
    return session.connection().execute(statement).rowcount == 1
