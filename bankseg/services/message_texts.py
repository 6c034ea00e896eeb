"""Texts that speak to a scheme's segments, by product, channel and language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.domain.errors import InputError
from bankseg.domain.list_terms import CHANNELS
from bankseg.domain.message_texts import LANGUAGES, PLACES, check_text
from bankseg.domain.people import Scope
from bankseg.domain.policy import Policy
from bankseg.domain.rights import Right, require
from bankseg.services.segment_offers import standard_margins
from bankseg.services.segment_schemes import SchemeEntry, scheme_for
from bankseg.services.stamp import Stamp, stamp
from bankseg.settings import Settings
from bankseg.storage import audit, message_text
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.message_text import MessageText


@dataclass(frozen=True, slots=True)
class TextsPage:
    """The latest version of every text of a scheme, and what one may be written for."""

    stamp: Stamp
    entry: SchemeEntry
    texts: list[MessageText]
    products: list[str]
    channels: tuple[str, ...] = CHANNELS
    languages: tuple[str, ...] = LANGUAGES
    places: tuple[str, ...] = PLACES


def texts_page(settings: Settings, session: Session, scope: Scope, policy: Policy, code: str) -> TextsPage:
    """The texts of a scheme.

    Raises
    ------
    NotFoundError
        When there is no such scheme, or it reads what this person may not.
    """
    require(scope, Right.SEGMENTS)
    entry = scheme_for(settings, session, scope, code)
    return TextsPage(stamp(session), entry, message_text.latest_texts(session, code), list(standard_margins(policy)))


def save_text(settings: Settings, engine: Engine, scope: Scope, policy: Policy, code: str, document: Mapping[str, Any]) -> int:
    """Save a text as its next version; the same again is the same version. Returns the version.

    Parameters
    ----------
    document
        `segment` and `product` (empty: any), `channel`, `language`, `subject`, `body`.

    Raises
    ------
    InputError
        When it could not be sent, or is for something unknown.
    """
    require(scope, Right.DESIGN)
    said = {name: str(document.get(name) or "").strip() for name in ("segment", "product", "channel", "language", "subject", "body")}
    check_text(said["channel"], said["language"], said["subject"], said["body"])
    if said["product"] and said["product"] not in standard_margins(policy):
        raise InputError(f"product {said['product'][:40]!r}", ", ".join(standard_margins(policy)), "choose one of these, or none for any product")
    with reading(engine) as session:
        entry = scheme_for(settings, session, scope, code)
        if said["segment"]:
            entry.scheme.segment(said["segment"])
    with transaction(engine) as session:
        names = ("segment", "product", "channel", "language")
        before = next((one for one in message_text.latest_texts(session, code) if all(getattr(one, name) == said[name] for name in names)), None)
        if before is not None and (before.subject, before.body) == (said["subject"], said["body"]):
            return before.version
        version = (before.version if before else 0) + 1
        row = MessageText(
            code=code, segment=said["segment"], product=said["product"], channel=said["channel"], language=said["language"], version=version, subject=said["subject"],
            body=said["body"], saved_by=scope.person_id, saved_at=database_time(session),
        )  # fmt: skip
        session.add(row)
        subject = f"{code}/{said['segment'] or '*'} {said['product'] or '*'} {said['channel']} {said['language']} v{version}"
        audit.record(session, "text_saved", subject, person_id=scope.person_id)
        return version
