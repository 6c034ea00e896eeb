"""One client's ties with the bank: how the client may be reached and by what consent, contacts, household, satisfaction and offers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bankseg.domain.errors import MissingDataError
from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.domain.segment_rules import Test
from bankseg.segments.reading import listing
from bankseg.services.client_facts import client_in_scope, open_facts
from bankseg.services.rolls import open_for
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage.portfolio import Row

TABLES = ("contacts", "consents", "interactions", "surveys", "campaign_contacts")
MEMBER_FIELDS = ("name", "kind", "tier", "balance_minor", "value_12m_minor")
NPS = "nps"


@dataclass(frozen=True, slots=True)
class Household:
    """Members in the reader's scope, the client among them; sums of the amounts that are known, null where none is."""

    household_id: str
    members: list[dict[str, Any]]
    sums: dict[str, int | None]
    currency: str


@dataclass(frozen=True, slots=True)
class TiesPage:
    """The ties of one client; `household` is null where none is known, `latest_nps` where the client never answered, `lacks` are tables never loaded."""

    stamp: Stamp
    client: Row
    reachability: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    interactions: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    offers: list[dict[str, Any]]
    household: Household | None
    lacks: frozenset[str]

    @property
    def latest_nps(self) -> dict[str, Any] | None:
        """The latest answer to the question whether the client would recommend the bank, 0 to 10."""
        return next((row for row in self.answers if str(row["question"]).lower() == NPS and row["answer_value"] is not None), None)

    @property
    def complaints(self) -> list[dict[str, Any]]:
        """Complaints of the year, newest first."""
        return [row for row in self.interactions if row["kind"] == "complaint"]


def ties_page(settings: Settings, session: Session, scope: Scope, client_id: str) -> TiesPage:
    """The ties of one client in scope.

    Raises
    ------
    NotFoundError
        When there is no such client in scope.
    """
    shown, client = client_in_scope(session, scope, client_id)
    with open_facts(settings, session, client_id, TABLES) as record:
        found = {name: record.rows(name) for name in ("reachability", "consents", "interactions", "answers", "offers")}
        lacks = record.lacks
    return TiesPage(shown, client, **found, household=household_of(settings, session, scope, client_id), lacks=lacks)


def household_of(settings: Settings, session: Session, scope: Scope, client_id: str) -> Household | None:
    """The client's household, as far as the reader's scope goes; None where no household is known or the run kept no roll."""
    try:
        roll = open_for(settings, session, scope)
    except MissingDataError:
        return None
    reading = roll.reading
    if "household_id" not in reading.roll.columns:
        return None
    own = listing(reading, reading.predicate(Test("client_id", "equals", client_id)), ["household_id"]).to_pylist()
    if not own or own[0]["household_id"] is None:
        return None
    household_id = str(own[0]["household_id"])
    fields = [name for name in MEMBER_FIELDS if sees(scope.role, name)]
    members = listing(reading, reading.predicate(Test("household_id", "equals", household_id)), fields).to_pylist()
    summed = [name for name in ("balance_minor", "value_12m_minor") if name in fields]
    return Household(household_id, members, {name: _known_sum(name, members) for name in summed}, str(roll.run.summary.get("currency") or "EUR"))


def _known_sum(name: str, rows: Sequence[dict[str, Any]]) -> int | None:
    known = [int(row[name]) for row in rows if row.get(name) is not None]
    return sum(known) if known else None
