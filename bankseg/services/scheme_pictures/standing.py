"""Where one client stands: its segment in every scheme, its RFM scores, what its loyalty is made of, and the evidence behind its payer grade."""

from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session

from bankseg.domain.errors import NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.domain.rule_words import comparison_in_words
from bankseg.domain.segment_rules import Test
from bankseg.segments.loyalty import PARTS, READ, Measures, loyalty
from bankseg.segments.payer import evidence
from bankseg.segments.reading import listing, segments_of
from bankseg.services.scheme_pictures.apart import ValueName
from bankseg.services.scheme_pictures.rfm_grid import READ as RFM_READ
from bankseg.services.scheme_pictures.rfm_grid import ClientRfm, rfm_of
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.segment_schemes import SchemeEntry
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings

PAYER = "payer"


@dataclass(frozen=True, slots=True)
class Grade:
    """A payer grade: what holds in words with its value, every measure with its value, and the measures that are not known."""

    code: str
    facts: list[str]
    measures: dict[str, float | None]
    unknown: list[str]


@dataclass(frozen=True, slots=True)
class StandingPage:
    """One client by every scheme its reader may see: `segments` of each scheme, none of an overlapping one is no error; `loyalty` parts in [0, 1], null where not known."""

    stamp: Stamp
    currency: str
    client_id: str
    name: str | None
    segments: list[tuple[SchemeEntry, list[str]]]
    rfm: ClientRfm
    loyalty_index: float | None
    loyalty: dict[str, float | None]
    is_regular: bool | None
    grade: Grade | None


def standing_page(settings: Settings, session: Session, scope: Scope, client_id: str, *, language: str, value_name: ValueName) -> StandingPage:
    """Where one client stands.

    Raises
    ------
    NotFoundError
        When the client does not exist or is not in scope: the two look the same.
    """
    require(scope, Right.CLIENTS)
    sight = look(settings, session, scope)
    schemes = list(sight.schemes.values())
    read = sorted({"name", "loyalty_index", "is_regular", *READ, *RFM_READ}.union(*(entry.scheme.attributes for entry in schemes)))
    rows_of = listing(sight.reading, sight.reading.predicate(Test("client_id", "equals", client_id)), read)
    if not rows_of.num_rows:
        raise NotFoundError(f"no client {client_id!r}", "a client you may see")
    client = rows_of.to_pylist()[0]
    parts = loyalty(rows_of, Measures(**sight.policy.section("loyalty"))).parts
    shown = {name: None if (value := float(parts[name][0])) != value else value for name in PARTS}
    return StandingPage(
        sight.stamp, sight.currency, client_id, client.get("name"), [(entry, segments_of(entry.scheme, sight.reading_of(entry), client)) for entry in schemes],
        rfm_of(sight, client), client.get("loyalty_index"), shown, client.get("is_regular"), _grade(sight, client, language, value_name),
    )  # fmt: skip


def _grade(sight: Sight, client: dict[str, Any], language: str, value_name: ValueName) -> Grade | None:
    """The grade under the bank's own version of the scheme; None for a reader who may not see it."""
    entry = sight.schemes.get(PAYER)
    if entry is None:
        return None
    reading = sight.reading_of(entry)
    settled = replace(
        entry.scheme, segments=tuple(replace(segment, when=reading.settled(segment.when) if segment.when else None) for segment in entry.scheme.segments)
    )
    found = evidence(settled, client)

    def name(attribute: str, value: Any) -> str:  # a value of any type
        return sight.attributes[attribute].label(language) if value is None else value_name(attribute, value, language)

    facts = [f"{comparison_in_words(test, language, name)} ({name(test.attribute, value)})" for test, value in found.facts]
    return Grade(found.grade, facts, {attribute: client.get(attribute) for attribute in sorted(entry.scheme.attributes)}, list(found.unknown))
