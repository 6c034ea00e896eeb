"""What to say to one client: why us, by the segments the client is in; the variant of each product that fits; the texts that speak of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bankseg.domain.errors import MissingDataError
from bankseg.domain.governance import product_name
from bankseg.domain.list_terms import CHANNELS
from bankseg.domain.message_texts import LANGUAGES, filled, nearest
from bankseg.domain.people import Scope
from bankseg.domain.policy import Policy
from bankseg.domain.segment_offers import OfferTerms, read_offer_terms
from bankseg.domain.segment_rules import Test
from bankseg.segments.reading import listing, segments_of
from bankseg.services.client_facts import client_in_scope
from bankseg.services.objection import objection_of
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.segment_offers import standard_margins
from bankseg.services.segment_schemes import SchemeEntry
from bankseg.services.stamp import Stamp
from bankseg.services.strategy_sheets import sheet_said
from bankseg.settings import Settings
from bankseg.storage import cross_sell, message_text, person, segment_offer
from bankseg.storage.message_text import MessageText
from bankseg.storage.portfolio import Row

MOST_TEXTS = 8


@dataclass(frozen=True, slots=True)
class Argument:
    """Why us, for one segment that the client is in, by language; empty where nobody wrote it in that language."""

    scheme: str
    scheme_names: dict[str, str]
    segment: str
    segment_names: dict[str, str]
    message: dict[str, str]
    proof: dict[str, str]


@dataclass(frozen=True, slots=True)
class Variant:
    """One product in the variant offered to a segment of the client, `offer` empty for the standard one; money in minor units, expected = propensity x margin of the sale."""

    product: str
    scheme: str
    segment: str
    offer: str
    terms: OfferTerms | None
    propensity: float
    margin_minor: int
    expected_minor: int


@dataclass(frozen=True, slots=True)
class Said:
    """One text filled in for this client."""

    channel: str
    language: str
    product: str
    subject: str
    body: str
    version: int


@dataclass(frozen=True, slots=True)
class TalkPage:
    """What to say to one client, whose own language is `speaks` (empty: not known); `variants` by product, the best one first."""

    stamp: Stamp
    client: Row
    speaks: str
    arguments: list[Argument]
    variants: list[Variant]
    texts: list[Said]
    objects: bool = False  # to marketing: then nothing is offered, and no text speaks


def talk_page(settings: Settings, session: Session, scope: Scope, policy: Policy, client_id: str) -> TalkPage:
    """What to say to one client in scope.

    Raises
    ------
    NotFoundError
        When there is no such client in scope.
    """
    shown, client = client_in_scope(session, scope, client_id)
    try:
        sight = look(settings, session, scope)
    except MissingDataError:
        return TalkPage(shown, client, "", [], [], [])
    held, speaks = _segments(sight, client_id)
    arguments = [argument for entry, code in held if (argument := _argument(session, entry, code)) is not None]
    if objection_of(session, client_id) is not None:
        return TalkPage(shown, client, speaks, arguments, [], [], objects=True)
    variants = _variants(session, scope, policy, client, held)
    names = person.names(session, [scope.person_id])
    known = {"name": str(client.get("name") or ""), "adviser": names.get(scope.person_id, "")}
    best = variants[0].product if variants else ""
    texts = _texts(session, held, arguments, best, known, (speaks,) if speaks in LANGUAGES else LANGUAGES)
    return TalkPage(shown, client, speaks, arguments, variants, texts)


def _segments(sight: Sight, client_id: str) -> tuple[list[tuple[SchemeEntry, str]], str]:
    """The segments a client is in, of the schemes the reader may see, and the client's language."""
    entries = list(sight.schemes.values())
    read = sorted({"language"}.union(*(entry.scheme.attributes for entry in entries)))
    found = listing(sight.reading, sight.reading.predicate(Test("client_id", "equals", client_id)), read).to_pylist()
    if not found:
        return [], ""
    held = [(entry, code) for entry in entries for code in segments_of(entry.scheme, sight.reading_of(entry), found[0])]
    return held, str(found[0].get("language") or "").lower()[:2]


def _argument(session: Session, entry: SchemeEntry, code: str) -> Argument | None:
    segment = entry.scheme.segment(code)
    sheet, _ = sheet_said(session, entry, segment)
    message, proof = ({language: str(getattr(sheet, f"{name}_{language}")) for language in LANGUAGES} for name in ("message", "proof"))
    if not any((*message.values(), *proof.values())):
        return None
    names = {"en": segment.label_en, "fr": segment.label_fr}
    return Argument(entry.scheme.code, {"en": entry.scheme.label_en, "fr": entry.scheme.label_fr}, code, names, message, proof)


def _variants(session: Session, scope: Scope, policy: Policy, client: Row, held: Iterable[tuple[SchemeEntry, str]]) -> list[Variant]:
    """The best variant of each product the client may be offered; of those a segment has, else the standard one."""
    margins, inside = standard_margins(policy), {(entry.scheme.code, code) for entry, code in held}
    offers = [one for one in segment_offer.standing_offers(session) if (one.code, one.segment) in inside]
    found = []
    for row in cross_sell.of_client(session, scope, str(client["client_id"])):
        product, standard = row["product"], margins.get(row["product"])
        if row["excluded_by"] or standard is None or row["propensity"] is None:
            continue
        own = [
            (one.code, one.segment, one.name, terms, terms.margin(standard))
            for one in offers
            if one.product == product
            for terms in (read_offer_terms(one.terms),)
        ]
        code, segment, name, terms, margin = max(own, key=lambda one: (one[4], one[2])) if own else ("", "", "", None, standard)
        found.append(Variant(product, code, segment, name, terms, row["propensity"], margin, round(row["propensity"] * margin)))
    return sorted(found, key=lambda one: (-one.expected_minor, one.product))


def _texts(
    session: Session, held: Iterable[tuple[SchemeEntry, str]], arguments: Iterable[Argument], product: str, known: dict[str, str], languages: Iterable[str]
) -> list[Said]:
    """The nearest text of each scheme and channel in the client's language, filled in."""
    by_scheme = {one.scheme: one for one in arguments}
    found = []
    for entry, segment in held:
        texts = message_text.latest_texts(session, entry.scheme.code)
        for channel in CHANNELS:
            for language in languages:
                text = nearest(texts, segment=segment, product=product, channel=channel, language=language)
                if text is not None:
                    found.append(_said(text, by_scheme.get(entry.scheme.code), product, known))
    return found[:MOST_TEXTS]


def _said(text: MessageText, argument: Argument | None, product: str, known: dict[str, str]) -> Said:
    told: dict[str, Any] = {"message": argument.message, "proof": argument.proof} if argument else {}
    values = {**known, "product": product_name(product, text.language), **{name: by_language[text.language] for name, by_language in told.items()}}
    return Said(text.channel, text.language, text.product, filled(text.subject, values), filled(text.body, values), text.version)
