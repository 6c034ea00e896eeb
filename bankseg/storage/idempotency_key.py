"""Keys under which programs call: each stands for one call of one person, so that a call repeated after a lost answer is done once."""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, delete, select

from bankseg.storage.database import database_time

KEPT_SECONDS = 24 * 3_600
LEASE_SECONDS = 120  # a call that has changed nothing for so long has died: the same call may be made anew


class IdempotencyKey(SQLModel, table=True):
    """One key. `claimed`: the call goes on; `effected`: what it changes is committed; `answered`: its answer is kept. Times are epoch seconds by the database clock."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        UniqueConstraint("person_id", "key"),
        CheckConstraint("state in ('claimed','effected','answered')", name="idempotency_key_state"),
    )

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id")
    key: str
    request_sha256: str
    state: str = "claimed"
    fence: int = 1
    claimed_at: float = Field(index=True)
    status: int | None = None
    headers: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    body: str = ""


def sweep(session: Session) -> None:
    """Forget keys older than a day."""
    now = database_time(session)
    session.exec(delete(IdempotencyKey).where(col(IdempotencyKey.claimed_at) < now - KEPT_SECONDS))


def find(session: Session, person_id: int, key: str) -> IdempotencyKey | None:
    """The key of a person, locked: two calls under one key look one after the other."""
    wanted = select(IdempotencyKey).where(IdempotencyKey.person_id == person_id, IdempotencyKey.key == key)
    return session.exec(wanted.with_for_update()).one_or_none()


def mine(key_id: int, fence: int) -> Any:  # a predicate
    """Holds while a call still owns its key."""
    return (col(IdempotencyKey.id) == key_id) & (col(IdempotencyKey.fence) == fence)
