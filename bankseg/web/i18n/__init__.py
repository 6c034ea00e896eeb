"""Words and labels in the languages of the house: two small catalogues, checked for completeness by a test."""

import json
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
FRENCH = "fr"


def words(text: str, language: str, **values: object) -> str:
    """A sentence of the interface in a language; English is its own key."""
    found = _french().get(text, text) if language == FRENCH else text
    return found.format(**values) if values else found


def label(kind: str, code: str | None, language: str) -> str:
    """The word for a code of the data: a tier, a segment, a product; an unknown code is spelled out as it is."""
    if not code:
        return "–"
    known = _labels().get(kind, {}).get(code)
    if known is None:
        return code.replace("_", " ").capitalize() if code.islower() else code
    return known[1 if language == FRENCH else 0]


def has_label(kind: str, code: str) -> bool:
    """Whether the catalogue knows this code."""
    return code in _labels().get(kind, {})


@cache
def _french() -> dict[str, str]:
    return dict(json.loads((HERE / "fr.json").read_text(encoding="utf-8")))


@cache
def _labels() -> dict[str, dict[str, list[str]]]:
    return dict(json.loads((HERE / "labels.json").read_text(encoding="utf-8")))
