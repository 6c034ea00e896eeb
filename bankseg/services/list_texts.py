"""The text of a list's channel: chosen when the list is frozen, filled in for each client when its file is written."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, col, select

from bankseg.domain.governance import product_name
from bankseg.domain.list_terms import ListAsked
from bankseg.domain.message_texts import LANGUAGES, filled, nearest
from bankseg.storage.message_text import latest_texts
from bankseg.storage.person import Person

Texts = Mapping[str, Mapping[str, str]]


def chosen_texts(session: Session, asked: ListAsked) -> dict[str, dict[str, str]]:
    """By language, subject and body of the text that speaks most closely of the list's segment and product; a list without a segment has none."""
    texts = latest_texts(session, asked.scheme) if asked.scheme else []
    found = {language: nearest(texts, segment=asked.segment, product=asked.product, channel=asked.channel, language=language) for language in LANGUAGES}
    return {language: {"subject": text.subject, "body": text.body} for language, text in found.items() if text is not None}


def advisers(session: Session) -> dict[str, str]:
    """Display names of relationship managers by their code."""
    rows = session.exec(select(Person.rm_id, Person.display_name).where(col(Person.rm_id).is_not(None)).order_by(col(Person.id).desc()))
    return {str(code): name for code, name in rows}


def written(manifest: Mapping[str, Any], product: str, member: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str | None]:
    """`subject_<language>` and `text_<language>` of one client; null where no text was chosen.

    Parameters
    ----------
    known
        Names of relationship managers by code.
    """
    texts, messages = manifest.get("texts", {}), manifest.get("message", {})
    told: dict[str, str | None] = {}
    for language in LANGUAGES:
        text = texts.get(language, {})
        values = {
            "name": str(member.get("name") or ""), "product": product_name(product, language), "message": messages.get(language) or "",
            "proof": manifest.get("proof", {}).get(language) or "", "adviser": known.get(str(member.get("rm_id")), ""),
        }  # fmt: skip
        told[f"subject_{language}"] = filled(text.get("subject", ""), values) or None
        told[f"text_{language}"] = filled(text.get("body", ""), values) or None
    return told
