"""Everything one page says about one client."""

import json
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, may, sees
from bankseg.services.balance_history import Month, balance_history
from bankseg.services.client_facts import client_in_scope
from bankseg.services.contact_log import contacts_of
from bankseg.services.lifetime_plan import NOT_PLANNED
from bankseg.services.objection import objection_of
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage import cross_sell, risk_queue
from bankseg.storage import run as runs
from bankseg.storage.portfolio import Row

CROSS_SELL = "cross_sell:"
JSON_FIELDS = ("churn_reasons", "best_reasons", "reasons", "risk_triggers", "triggers", "propensities")


@dataclass(frozen=True, slots=True)
class ClientPage:
    """One client as of the published run; parts a role may not see are absent."""

    stamp: Stamp
    client: Row
    products: list[Row]
    case: Row | None
    history: list[Month]
    lifetime: dict[str, Any]
    contacts: list[dict[str, Any]]
    objection: dict[str, Any] | None  # to marketing, while it stands: then nothing is there to be offered


def client_page(settings: Settings, session: Session, scope: Scope, client_id: str) -> ClientPage:
    """The page of one client.

    Raises
    ------
    NotFoundError
        When there is no such client in this person's scope: another's client and no client look the same.
    """
    run, client = client_in_scope(session, scope, client_id)
    products = [parsed(row) for row in cross_sell.of_client(session, scope, client_id)]
    case = risk_queue.of_client(session, scope, client_id) if may(scope.role, Right.RISK_QUEUE) else None
    history = balance_history(settings, session, client_id) if sees(scope.role, "balance_minor") else []
    shown = runs.current(session)
    lifetime = dict(shown.summary.get("lifetime", {"why": NOT_PLANNED})) if shown else {}
    contacts = contacts_of(session, scope, client_id) if may(scope.role, Right.LOG_CONTACT) else []
    objects = objection_of(session, client_id)
    shown_client = _without_offers(parsed(client)) if objects else parsed(client)
    return ClientPage(run, shown_client, products, parsed(case) if case else None, history, lifetime, contacts, objects)


def _without_offers(client: Row) -> Row:
    """Less the propensities to buy: profiling the client objects to."""
    kept = {target: value for target, value in (client.get("propensities") or {}).items() if not target.startswith(CROSS_SELL)}
    return {**client, "propensities": kept}


def parsed(row: Row) -> Row:
    """A row with its JSON texts as lists and objects."""
    return {name: _value(value) if name in JSON_FIELDS else value for name, value in row.items()}


def _value(text: Any) -> Any:  # JSON
    return json.loads(text) if isinstance(text, str) and text else text
