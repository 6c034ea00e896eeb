"""Calls that are done once: a key is claimed before the call, marked in the transaction of its effect, and keeps the answer for a day.

A process that dies leaves either a claim without effect, which the same call takes over after a while under a higher fence, or an effect whose
answer is lost, which is told as such. The mark is fenced: a call that was slow and lost its key cannot commit what the second one does.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as BaseSession
from sqlmodel import col, delete

from bankseg.domain.request_errors import RepeatedCallError
from bankseg.storage import idempotency_key
from bankseg.storage.database import database_time, transaction
from bankseg.storage.idempotency_key import LEASE_SECONDS, IdempotencyKey, mine

KEY_PATTERN = "^[A-Za-z0-9_-]{8,100}$"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it is kept and given again."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(slots=True)
class Claim:
    """A key this call owns as long as its fence is the row's; `has_effect` once something it changed is committed."""

    key_id: int
    fence: int
    has_effect: bool = False


_CALL: ContextVar[Claim | None] = ContextVar("idempotent_call", default=None)


def claim(engine: Engine, person_id: int, key: str, request_sha256: str) -> Claim | Answer:
    """Claim a key for a call, or find the answer the same call was given.

    Raises
    ------
    RepeatedCallError
        When the key stands for another call, for one that goes on, or for one whose answer was lost.
    """
    try:
        return _claim(engine, person_id, key, request_sha256)
    except IntegrityError:  # the same call came twice at the same moment, and the other one was faster
        return _claim(engine, person_id, key, request_sha256)


def _claim(engine: Engine, person_id: int, key: str, request_sha256: str) -> Claim | Answer:
    with transaction(engine) as session:
        idempotency_key.sweep(session)
        row = idempotency_key.find(session, person_id, key)
        now = database_time(session)
        if row is None:
            row = IdempotencyKey(person_id=person_id, key=key, request_sha256=request_sha256, claimed_at=now)
            session.add(row)
            session.flush()
            return Claim(row.id or 0, row.fence)
        if row.request_sha256 != request_sha256:
            raise RepeatedCallError(f"the key {key} stands for another call", "the same call under it", "use a new key for each thing asked for")
        if row.state == "answered":
            return Answer(row.status or 0, row.headers, row.body)
        if row.state == "effected" and now > row.claimed_at + LEASE_SECONDS:
            raise RepeatedCallError("the first call under this key was carried out, and its answer was lost", "one answer a call", "read what it made")
        if now <= row.claimed_at + LEASE_SECONDS:
            raise RepeatedCallError("the first call under this key has not ended", "one call at a time", "ask again in a few seconds")
        row.fence, row.claimed_at = row.fence + 1, now
        session.add(row)
        return Claim(row.id or 0, row.fence)


def begin(call: Claim) -> None:
    """Whatever this thread commits from now on is committed with the mark that this call had its effect; `settle`, `release` or `forget` ends it."""
    _CALL.set(call)


def forget() -> None:
    """No call under a key goes on in this thread any more."""
    _CALL.set(None)


def is_key(text: str) -> bool:
    """Whether a text may be a key.

    >>> is_key("7e9f6c2a-1f3b-4f0e-9d53-0e6f5b1c2d3e"), is_key("again")
    (True, False)
    """
    return re.fullmatch(KEY_PATTERN, text) is not None


def settle(engine: Engine, call: Claim, answer: Answer) -> None:
    """Keep the answer of a call."""
    _CALL.set(None)
    with transaction(engine) as session:
        values: dict[str, Any] = {"state": "answered", "status": answer.status, "headers": dict(answer.headers), "body": answer.body}  # column values
        session.connection().execute(update(IdempotencyKey).where(mine(call.key_id, call.fence)).values(**values))


def release(engine: Engine, call: Claim) -> None:
    """Give a key back whose call was refused and changed nothing: mended, it may be made again."""
    _CALL.set(None)
    with transaction(engine) as session:
        session.exec(delete(IdempotencyKey).where(mine(call.key_id, call.fence), col(IdempotencyKey.state) == "claimed"))


def _mark(session: BaseSession) -> None:
    """Before every commit of a call under a key: mark the key in the same transaction, or refuse the commit when the key was lost."""
    call = _CALL.get()
    if call is None or call.has_effect:
        return
    marked = session.connection().execute(update(IdempotencyKey).where(mine(call.key_id, call.fence)).values(state="effected"))
    if marked.rowcount == 0:
        raise RepeatedCallError("this call took so long that the same one was made again", "one of them to be carried out", "take the answer of the other")


def _committed(session: BaseSession) -> None:
    del session
    call = _CALL.get()
    if call is not None:
        call.has_effect = True


event.listen(BaseSession, "before_commit", _mark)
event.listen(BaseSession, "after_commit", _committed)
