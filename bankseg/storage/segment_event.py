"""The outbox of segments: who entered and who left a published scheme's segments, written once and read in order."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Index, UniqueConstraint, func
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.domain.people import Scope
from bankseg.storage.client_erasure import hidden_subjects
from bankseg.storage.published_client import in_scope

FIELDS = ("id", "code", "version", "client_id", "from_segment", "to_segment", "from_as_of", "as_of", "run_id", "made_at")


class SegmentEvent(SQLModel, table=True):
    """One client's move between two dates; an empty `from_segment` says that the client was in none, an empty `to_segment` that it is in none now."""

    __tablename__ = "segment_event"
    __table_args__ = (UniqueConstraint("code", "version", "run_id", "client_id", "from_segment", "to_segment"), Index("ix_segment_event_code_id", "code", "id"))

    id: int | None = Field(default=None, primary_key=True)
    code: str
    version: int
    run_id: int = Field(foreign_key="run.id")
    client_id: str = Field(index=True)
    from_segment: str = ""
    to_segment: str = ""
    from_as_of: str
    as_of: str
    rm_id: str | None = None
    branch_id: str | None = None
    made_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Moves:
    """The moves of one scheme in one run, which were written together: how many, and the ids of the first and the last."""

    code: str
    version: int
    run_id: int
    from_as_of: str
    as_of: str
    made_at: float
    moves: int
    first_id: int
    last_id: int


@contextmanager
def one_writer(engine: Engine) -> Iterator[None]:
    """Let moves be written by one process at a time, so that whoever reads on from an id misses none that is committed later. SQLite has one writer anyway."""
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(72658)")
        yield


def are_written(session: Session, code: str, version: int, run_id: int) -> bool:
    """Whether the moves of a version in a run stand in the outbox."""
    query = select(SegmentEvent.id).where(SegmentEvent.code == code, SegmentEvent.version == version, SegmentEvent.run_id == run_id)
    return session.exec(query.limit(1)).one_or_none() is not None


def last_id(session: Session) -> int:
    """Id of the newest event; 0 without any."""
    return session.exec(select(func.max(SegmentEvent.id))).one() or 0


def moves_after(session: Session, event_id: int) -> Moves | None:
    """The moves written next after an id; None when there are none."""
    first = session.exec(select(SegmentEvent).where(col(SegmentEvent.id) > event_id).order_by(col(SegmentEvent.id)).limit(1)).one_or_none()
    if first is None or first.id is None:
        return None
    same = (SegmentEvent.code == first.code, SegmentEvent.version == first.version, SegmentEvent.run_id == first.run_id, col(SegmentEvent.id) > event_id)
    clients, last = session.exec(select(func.count(), func.max(SegmentEvent.id)).where(*same)).one()
    return Moves(first.code, first.version, first.run_id, first.from_as_of, first.as_of, first.made_at, clients, first.id, int(last or first.id))


def kinds_after(session: Session, event_id: int) -> int:
    """How many times moves of a scheme in a run were written after an id."""
    kinds = select(SegmentEvent.code, SegmentEvent.version, SegmentEvent.run_id).where(col(SegmentEvent.id) > event_id).distinct().subquery()
    return session.exec(select(func.count()).select_from(kinds)).one()


def page(session: Session, scope: Scope, codes: frozenset[str], *, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
    """Events of these schemes after an id, in the order they were written, of the clients in scope."""
    query = select(SegmentEvent).where(
        col(SegmentEvent.id) > after, col(SegmentEvent.code).in_(codes), in_scope(scope, SegmentEvent), col(SegmentEvent.client_id).not_in(hidden_subjects())
    )
    return [{name: getattr(row, name) for name in FIELDS} for row in session.exec(query.order_by(col(SegmentEvent.id)).limit(limit))]


def counts(session: Session, scope: Scope, code: str) -> dict[int, int]:
    """Events of a scheme by run, of the clients in scope."""
    query = select(SegmentEvent.run_id, func.count()).where(SegmentEvent.code == code, in_scope(scope, SegmentEvent)).group_by(col(SegmentEvent.run_id))
    return {int(run_id): int(count) for run_id, count in session.exec(query)}
