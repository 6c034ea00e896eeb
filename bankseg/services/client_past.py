"""One client across the published runs: tier, value and propensities by date, ratings, segments with since when, and decisions taken."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, may, sees
from bankseg.lake.client_record import YEAR_DAYS
from bankseg.services.client_facts import client_in_scope, open_facts
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage import client_past
from bankseg.storage.portfolio import Row


@dataclass(frozen=True, slots=True)
class PastPage:
    """One client over time. `runs`, oldest first, one a published date; `propensities` by target, each as (date, probability) where it was computed."""

    stamp: Stamp
    client: Row
    runs: list[Row]
    propensities: dict[str, list[tuple[str, float]]]
    ratings: list[dict[str, Any]]
    moves: dict[str, dict[str, Any]]
    decisions: list[dict[str, Any]]

    @property
    def year_from(self) -> date:
        """First day of the year up to the date, as features count it."""
        return self.stamp.as_of - timedelta(days=YEAR_DAYS - 1)

    @property
    def since(self) -> dict[str, str]:
        """The first date, of the published ones in a row up to now, on which tier and segment were what they are."""
        return {name: _since(name, self.runs) for name in ("tier", "segment") if self.runs}


def past_page(settings: Settings, session: Session, scope: Scope, client_id: str) -> PastPage:
    """The past of one client in scope.

    Raises
    ------
    NotFoundError
        When there is no such client in scope.
    """
    shown, client = client_in_scope(session, scope, client_id)
    rows = client_past.across_runs(session, scope, client_id)
    ratings: list[dict[str, Any]] = []
    if sees(scope.role, "credit_score"):
        with open_facts(settings, session, client_id, ("credit_scores",)) as record:
            ratings = record.rows("scores")
    decisions = client_past.decisions(session, scope, client_id) if may(scope.role, Right.RISK_QUEUE) else []
    return PastPage(shown, client, rows, _by_target(rows), ratings, client_past.latest_moves(session, scope, client_id), decisions)


def _by_target(rows: list[Row]) -> dict[str, list[tuple[str, float]]]:
    found: dict[str, list[tuple[str, float]]] = {}
    for row in rows:
        for target, value in json.loads(row["propensities"] or "{}").items():
            if value is not None:
                found.setdefault(target, []).append((row["as_of"], float(value)))
    return dict(sorted(found.items()))


def _since(name: str, rows: list[Row]) -> str:
    first = rows[-1]
    for row in reversed(rows):
        if row[name] != rows[-1][name]:
            break
        first = row
    return str(first["as_of"])
