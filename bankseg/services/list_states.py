"""A list through its states: kept as a draft, frozen with its members, released by a second person, closed."""

import json
import secrets
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.list_errors import ListStateError
from bankseg.domain.list_terms import LONGEST_NAME, ListAsked, check_terms, read_terms
from bankseg.domain.people import Scope
from bankseg.domain.policy import Policy
from bankseg.domain.rights import Right, require
from bankseg.services.contact_log import today_of
from bankseg.services.list_builder import open_list, preview
from bankseg.services.list_members import write_members
from bankseg.settings import Settings
from bankseg.storage import audit, client_list
from bankseg.storage.client_list import CLOSED, DRAFT, FROZEN, RELEASED, ClientList
from bankseg.storage.database import database_time, reading, transaction

LEAST_REASON = 10
LONGEST_REASON = 2_000
FURTHEST_DAYS = 400


def keep_draft(settings: Settings, engine: Engine, scope: Scope, policy: Policy, name: str, asked: ListAsked) -> int:
    """Keep the terms of a list with what they count today; returns its number.

    Raises
    ------
    InputError
        When it has no name, or the terms mean nothing.
    """
    require(scope, Right.LISTS)
    check_terms(asked)
    title = " ".join(name.split())
    if not title or len(title) > LONGEST_NAME:
        raise InputError(f"a name of {len(title)} characters", f"1 to {LONGEST_NAME}", "name the list as the campaign is named")
    with reading(engine) as session:
        found = preview(settings, session, scope, policy, asked)
    with transaction(engine) as session:
        row = client_list.add(
            session, key=secrets.token_hex(16), name=title, terms=asked.document, branch_id=None if scope.sees_whole_book else scope.branch_id,
            run_id=found.stamp.run_id, as_of=found.stamp.as_of.isoformat(), funnel=found.funnel.document, made_by=scope.person_id, made_at=database_time(session),
        )  # fmt: skip
        audit.record(session, "list_drafted", f"list:{row.id}", person_id=scope.person_id, name=title, terms=asked.document)
        return row.id or 0


def freeze(settings: Settings, engine: Engine, scope: Scope, policy: Policy, list_id: int) -> str:
    """Write the members of a draft as the published run has them and seal them; returns the manifest's SHA-256.

    Raises
    ------
    ListStateError
        When it is no draft any more, or nobody is on it.
    """
    with reading(engine) as session:
        row = _of(session, scope, list_id, DRAFT)
        opened = open_list(settings, session, scope, policy, read_terms(row.terms), key=row.key, list_id=list_id)
        manifest = write_members(settings, session, policy, row, opened)
    with transaction(engine) as session:
        row = _of(session, scope, list_id, DRAFT, lock=True)
        row.run_id, row.as_of, row.funnel = manifest["run_id"], manifest["as_of"], manifest["funnel"]
        row.manifest, row.manifest_sha256 = manifest, digest(manifest)
        row.state, row.frozen_by, row.frozen_at = FROZEN, scope.person_id, database_time(session)
        session.add(row)
        counts = {name: manifest[name] for name in ("candidates", "treated", "control")}
        audit.record(session, "list_frozen", f"list:{list_id}", person_id=scope.person_id, run_id=row.run_id, manifest_sha256=row.manifest_sha256, **counts)
        return row.manifest_sha256


def release(engine: Engine, scope: Scope, list_id: int, reason: str, contact_on: date | None = None) -> None:
    """Let a frozen list leave the bank: by another person than those who made and froze it, with a reason.

    Parameters
    ----------
    contact_on
        Day of the first contact, today when empty; outcomes are counted after it.

    Raises
    ------
    ListStateError
        When it is not frozen, or the person is not another one.
    InputError
        When the reason is too short or the day is before the list's date or too far away.
    """
    said = reason.strip()
    if not LEAST_REASON <= len(said) <= LONGEST_REASON:
        raise InputError(f"a reason of {len(said)} characters", f"{LEAST_REASON} to {LONGEST_REASON}", "say why this list may go out")
    with transaction(engine) as session:
        row = _of(session, scope, list_id, FROZEN, lock=True)
        if scope.person_id in {row.made_by, row.frozen_by}:
            raise ListStateError("the person who made a list cannot release it", "a second person", "ask a colleague")
        today = today_of(session)
        first = contact_on or today
        if not date.fromisoformat(row.as_of) <= first <= today + timedelta(days=FURTHEST_DAYS):
            raise InputError(f"a first contact on {first}", f"a day from {row.as_of}, within {FURTHEST_DAYS} days", "correct the day")
        row.state, row.released_by, row.released_at = RELEASED, scope.person_id, database_time(session)
        row.release_reason, row.contact_on = said, first.isoformat()
        session.add(row)
        audit.record(session, "list_released", f"list:{list_id}", person_id=scope.person_id, reason=said, contact_on=row.contact_on)


def close(engine: Engine, scope: Scope, list_id: int) -> None:
    """End a list: a released one is not exported any more, its results go on; one that never went out is dropped."""
    with transaction(engine) as session:
        row = _of(session, scope, list_id, DRAFT, FROZEN, RELEASED, lock=True)
        before = row.state
        row.state, row.closed_by, row.closed_at = CLOSED, scope.person_id, database_time(session)
        session.add(row)
        audit.record(session, "list_closed", f"list:{list_id}", person_id=scope.person_id, before=before)


def digest(manifest: dict[str, Any]) -> str:
    """SHA-256 of a manifest's JSON with sorted keys."""
    return sha256(json.dumps(manifest, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def list_of(session: Session, scope: Scope, list_id: int, *, lock: bool = False) -> ClientList:
    """A list this person may see.

    Raises
    ------
    NotFoundError
        When there is none, or it is another branch's: the two look the same.
    """
    require(scope, Right.LISTS)
    row = client_list.one(session, scope, list_id, lock=lock)
    if row is None:
        raise NotFoundError("nothing here")
    return row


def _of(session: Session, scope: Scope, list_id: int, *states: str, lock: bool = False) -> ClientList:
    row = list_of(session, scope, list_id, lock=lock)
    if row.state not in states:
        raise ListStateError(f"the list is {row.state}", f"one that is {' or '.join(states)}", "open its page again")
    return row
