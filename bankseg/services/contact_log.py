"""Contacts with clients: recorded in one click by whoever made them, taken back by the same person, and sent to the lake as an extract."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.delivery.columns import Column, Format
from bankseg.delivery.writers import Delivery
from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.domain.rights import Right, require
from bankseg.services.stamp import stamp
from bankseg.storage import audit, client_contact, portfolio
from bankseg.storage.client_contact import ClientContact
from bankseg.storage.database import database_time, reading, transaction

CHANNELS = ("phone", "branch", "email", "video", "message")
# What became of it; the last two are no contact, but keep the client off today's list.
REACHED, NOT_REACHED, INTERESTED, REFUSED, SOLD, CALL_BACK, NOT_RELEVANT, LATER = OUTCOMES = (
    "reached", "not_reached", "interested", "refused", "sold", "call_back", "not_relevant", "later",
)  # fmt: skip
NO_CONTACT = frozenset({NOT_RELEVANT, LATER})
NEEDS_DAY = frozenset({CALL_BACK, LATER})
# Only these speak for the product: a call about it that was refused must not read as the client's interest, nor the bank's own attempt to reach.
SHOWS_INTEREST = frozenset({INTERESTED, SOLD, CALL_BACK})
NO_PRODUCT = "relationship"
LONGEST_NOTE = 2_000
FURTHEST_DAYS = 400
UNDO_SECONDS = 24 * 3600.0
COLUMNS = (
    Column("interaction_id", "interaction_id"), Column("client_id", "client_id"), Column("occurred_on", "occurred_on"), Column("kind", "kind"),
    Column("channel", "channel"), Column("reason", "reason"), Column("outcome", "outcome"),
)  # fmt: skip
# Channel here -> kind and channel of an interaction in the lake.
AS_INTERACTION = {
    "phone": ("call", "phone"),
    "branch": ("visit", "branch"),
    "email": ("message", "web"),
    "video": ("call", "web"),
    "message": ("message", "mobile"),
}


@dataclass(frozen=True, slots=True)
class Contact:
    """What somebody records: `again_on` is needed where the outcome is a call-back or a later day."""

    outcome: str
    channel: str = "phone"
    product: str | None = None
    again_on: date | None = None
    note: str = ""


def today_of(session: Session) -> date:
    """Today by the database's clock, UTC."""
    return datetime.fromtimestamp(database_time(session), UTC).date()


def record(engine: Engine, scope: Scope, client_id: str, made: Contact) -> int:
    """Record a contact with a client in scope and return its number.

    Raises
    ------
    InputError
        When the outcome, channel, day or note does not hold.
    NotFoundError
        When there is no such client in scope.
    """
    require(scope, Right.LOG_CONTACT)
    for what, value, known in (("outcome", made.outcome, OUTCOMES), ("channel", made.channel, CHANNELS)):
        if value not in known:
            raise InputError(f"{what} {value[:20]!r}", ", ".join(known), "choose one of these")
    if len(made.note) > LONGEST_NOTE:
        raise InputError(f"a note of {len(made.note)} characters", f"at most {LONGEST_NOTE}", "shorten it")
    with transaction(engine) as session:
        if portfolio.one(session, scope, client_id) is None:
            raise NotFoundError("nothing here")
        today = today_of(session)
        again = _day(made, today)
        row = client_contact.add(
            session, client_id=client_id, person_id=scope.person_id, run_id=stamp(session).run_id, at=database_time(session),
            contact_on=today.isoformat(), channel=made.channel, outcome=made.outcome, product=made.product, again_on=again, note=made.note.strip(),
        )  # fmt: skip
        audit.record(session, "contact_recorded", f"client:{client_id}", person_id=scope.person_id, outcome=made.outcome, contact_id=row.id)
        return row.id or 0


def withdraw(engine: Engine, scope: Scope, contact_id: int) -> str:
    """Take one's own contact back within a day; returns the client it was about.

    Raises
    ------
    NotFoundError
        When there is none, it is another's, or a day has passed.
    """
    require(scope, Right.LOG_CONTACT)
    with transaction(engine) as session:
        row = client_contact.one(session, scope, contact_id)
        now = database_time(session)
        if row is None or row.person_id != scope.person_id or now - row.at > UNDO_SECONDS:
            raise NotFoundError("nothing here")
        if row.withdrawn_at is None:
            row.withdrawn_at = now
            session.add(row)
            audit.record(session, "contact_withdrawn", f"client:{row.client_id}", person_id=scope.person_id, contact_id=contact_id)
        return row.client_id


def contacts_of(session: Session, scope: Scope, client_id: str) -> list[dict[str, Any]]:
    """Contacts with a client that this person may see, newest first; a colleague's note stays with the colleague, the head of the branch reads all."""
    now = database_time(session)
    return [
        {
            "id": row.id, "contact_on": row.contact_on, "channel": row.channel, "outcome": row.outcome, "product": row.product, "again_on": row.again_on,
            "by": person.display_name, "note": row.note if person.id == scope.person_id or scope.role is Role.BRANCH_HEAD else "",
            "may_undo": person.id == scope.person_id and now - row.at <= UNDO_SECONDS,
        }
        for row, person in client_contact.of_client(session, scope, client_id)
    ]  # fmt: skip


def contacts_in_scope(session: Session, scope: Scope, client_id: str) -> list[dict[str, Any]]:
    """As `contacts_of`, for a client who must be in scope.

    Raises
    ------
    NotFoundError
        When there is no such client in scope, or the role records no contacts.
    """
    require(scope, Right.LOG_CONTACT)
    if portfolio.one(session, scope, client_id) is None:
        raise NotFoundError("nothing here")
    return contacts_of(session, scope, client_id)


def export_contacts(engine: Engine, path: Path, since: date, until: date, *, file_format: Format = "csv") -> int:
    """Write the contacts of some days as an extract of interactions, so that the next run learns from them; notes stay here. Rows written."""
    with reading(engine) as session, Delivery(path, file_format, COLUMNS) as delivery:
        rows = client_contact.standing(session, since.isoformat(), until.isoformat())
        delivery.write_all(_as_interaction(row) for row in rows if row.outcome not in NO_CONTACT)
    with transaction(engine) as session:
        audit.record(session, "export", "contacts", rows=delivery.rows, since=since.isoformat(), until=until.isoformat())
    return delivery.rows


def _as_interaction(row: ClientContact) -> dict[str, Any]:
    kind, channel = AS_INTERACTION[row.channel]
    reason = row.product if row.product and row.outcome in SHOWS_INTEREST else NO_PRODUCT
    return {
        "interaction_id": f"bankseg-{row.id}", "client_id": row.client_id, "occurred_on": row.contact_on, "kind": kind, "channel": channel,
        "reason": reason, "outcome": row.outcome,
    }  # fmt: skip


def _day(made: Contact, today: date) -> str | None:
    if made.outcome not in NEEDS_DAY:
        return None
    if made.again_on is None or not today < made.again_on <= today + timedelta(days=FURTHEST_DAYS):
        raise InputError(f"a day of {made.again_on}", f"a day after {today}, within {FURTHEST_DAYS} days", "say when to call again")
    return made.again_on.isoformat()
