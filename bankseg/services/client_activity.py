"""What one client holds and what happened over a year: contracts and events, from the lake."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bankseg.domain.errors import InputError
from bankseg.domain.people import Role, Scope
from bankseg.domain.rights import sees
from bankseg.services.client_facts import client_in_scope, open_facts
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage.portfolio import Row

HOLDING_TABLES = ("accounts", "balances")
EVENT_TABLES = ("accounts", "transactions", "interactions", "consents", "campaign_contacts", "surveys", "credit_scores")
# The least transfer called large, in minor units; it must also reach a month's mean money in.
LARGE_MINOR = 100_000
# What an event reveals: who may not see the field does not see the event.
REVEALS = {
    "income": "balance_minor", "large_in": "balance_minor", "large_out": "balance_minor", "rejected_debit": "risk_triggers", "credit_score": "credit_score",
}  # fmt: skip
# Amounts and terms of a contract, and the field of the client that guards them.
TERMS = ("balance_minor", "balance_on", "credit_limit_minor", "principal_minor", "rate_pct")


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """Contracts, open ones first, and events of a year, newest first; `lacks` are the tables that were never loaded."""

    stamp: Stamp
    client: Row
    holdings: list[dict[str, Any]]
    events: list[dict[str, Any]]
    kinds: dict[str, int]
    kind: str
    lacks: frozenset[str]


def activity_page(settings: Settings, session: Session, scope: Scope, client_id: str, kind: str = "") -> ActivityPage:
    """Holdings and events of one client in scope, events of one kind where it is named.

    Raises
    ------
    NotFoundError
        When there is no such client in scope.
    InputError
        When no event of that kind happened.
    """
    shown, client = client_in_scope(session, scope, client_id)
    with open_facts(settings, session, client_id, {*HOLDING_TABLES, *EVENT_TABLES}) as record:
        holdings = [visible_terms(scope.role, row) for row in record.rows("holdings")]
        happened = record.rows("events", large_minor=LARGE_MINOR)
        lacks = record.lacks
    events = [row for row in happened if row["kind"] not in REVEALS or sees(scope.role, REVEALS[row["kind"]])]
    kinds = dict(Counter(row["kind"] for row in events).most_common())
    if kind and kind not in kinds:
        raise InputError(f"events of kind {kind[:30]!r}", ", ".join(sorted(kinds)) or "none: nothing happened in the year", "choose one of these")
    return ActivityPage(shown, client, holdings, [row for row in events if kind in {"", row["kind"]}], kinds, kind, lacks)


def visible_terms(role: Role, holding: dict[str, Any]) -> dict[str, Any]:
    """A contract without its amounts and rate for roles that see no balance."""
    return holding if sees(role, "balance_minor") else {name: None if name in TERMS else value for name, value in holding.items()}
