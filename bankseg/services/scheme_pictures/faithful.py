"""Loyal clients by a person's own measure: how long, how many products, how active, how willing to recommend; counted at once, kept as a scheme."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bankseg.domain.errors import InputError
from bankseg.domain.people import Scope
from bankseg.domain.rule_documents import document_of
from bankseg.domain.segment_rules import Every, Rule, Test
from bankseg.segments.reading import listing
from bankseg.services.scheme_pictures.sight import look
from bankseg.services.segment_designer import LISTED
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings

# Measure -> attribute, what the first form asks, and the most one may ask.
MEASURES: dict[str, tuple[str, int, int]] = {
    "years": ("tenure_days", 5, 80), "products": ("products_held", 3, 30), "months": ("active_months_12m", 10, 12), "recommends": ("latest_nps", 0, 10), "index": ("loyalty_index", 0, 100),
}  # fmt: skip
DAYS_A_YEAR = 365.25
SHOWN = 200


@dataclass(frozen=True, slots=True)
class FaithfulPage:
    """Active clients who reach every measure asked for; `asked` by measure (0: not asked), `document` the same as a scheme, `absent` measures the run does not have."""

    stamp: Stamp
    currency: str
    asked: dict[str, int]
    absent: list[str]
    clients: int
    of: int
    rows: list[dict[str, Any]]
    document: dict[str, Any]


def faithful_page(settings: Settings, session: Session, scope: Scope, asked: dict[str, int]) -> FaithfulPage:
    """The active clients in scope who are loyal by these measures.

    Raises
    ------
    InputError
        When a measure is below 0 or beyond what it can be.
    """
    for name, least in asked.items():
        if not 0 <= least <= MEASURES[name][2]:
            raise InputError(f"{name} = {least}", f"0 to {MEASURES[name][2]}", "ask for another number; 0 asks nothing")
    sight = look(settings, session, scope)
    known = sight.reading.roll.columns
    absent = [name for name, (attribute, _, _) in MEASURES.items() if attribute not in known]
    active = Test("status", "equals", "active")
    rule = Every((active, *(_least(name, least) for name, least in asked.items() if least)))
    clients = listing(sight.reading, sight.reading.predicate(rule), list(LISTED))
    everybody = listing(sight.reading, sight.reading.predicate(active), []).num_rows
    return FaithfulPage(sight.stamp, sight.currency, asked, absent, clients.num_rows, everybody, clients.slice(0, SHOWN).to_pylist(), _scheme(rule))


def _least(name: str, least: int) -> Test:
    return Test(MEASURES[name][0], "at_least", round(least * DAYS_A_YEAR) if name == "years" else least)


def _scheme(rule: Rule) -> dict[str, Any]:
    """The filter as a scheme to keep: those who reach the measures, and all others."""
    return {
        "code": "loyal_clients", "label_en": "Loyal clients", "label_fr": "Clients fidèles", "purpose": "marketing", "owner": "marketing",
        "objective": "Thank those who stay", "objective_fr": "Remercier ceux qui restent", "kpi": "probability to remain", "kpi_fr": "probabilité de rester",
        "segment": [
            {"code": "loyal", "label_en": "Loyal", "label_fr": "Fidèles", "action": "maintain", "when": document_of(rule)},
            {"code": "others", "label_en": "Others", "label_fr": "Autres"},
        ],
    }  # fmt: skip
