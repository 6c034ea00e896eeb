"""French for what services refuse and report in English: a run, a study or an import records one text for everybody.

Sentences stand whole in refusals.json, English to French with numbered places, and so does what work says while it goes on.
What is not known is shown as it was recorded.
"""

import json
import re
from functools import cache
from pathlib import Path

from bankseg.web import i18n

CATALOGUE = Path(__file__).parent / "refusals.json"
PLACE = re.compile(r"\{(\d+)\}")
MARK = re.compile(r" ?(?<!\S)(Expected|What to do): ")
MARKS = {"Expected": "Attendu : ", "What to do": "À faire : "}
FEWEST_LETTERS = 7  # a sentence with fewer letters of its own would take any other for its values
LONGEST = 1_000  # characters of a sentence; a longer text quotes something else, and would be compared for too long
ANYTHING = "(.+?)"
ONE_THING = r"""('[^']*'|"[^"]*"|\{.*\}|\[.*\]|[^\s,]+(?:(?:, | or | and )[^\s,]+)*)"""
NAMED = re.compile(r"""(\w[\w ]*?) ('[^']*'|"[^"]*")""")
STATES = ("state", "upload_state", "list_state", "erasure_state", "policy_state", "attribute_type", "purpose", "criterion")
WORDS = {
    "budget": "budget", "calls": "appels", "challenger": "candidat", "champion": "en service", "channel": "canal", "day": "jour", "days": "jours", "interval": "durée",
    "None": "aucun", "person": "personne", "rate": "taux", "rejected": "rejeté",
    "retired": "retiré", "segment": "segment", "scheme": "schéma", "shadow": "en observation", "size": "taille",
}  # fmt: skip


def refusal(text: object, language: str) -> str:
    r"""A refusal, or what a worker reports, in a language.

    >>> refusal("this erasure is your own request Expected: the decision of a second person.", "fr")
    "vous avez vous-même demandé cet effacement. Attendu\xa0: la décision d'une seconde personne."
    """
    said = str(text)
    if language != i18n.FRENCH:
        return said
    said = _told(said)
    said = re.sub(r"\b([a-z_]{3,}): (\w+) \(([\d,]+)\)", lambda found: f"{i18n.label('reject', found[1], language)}, {found[2]} ({found[3]})", said)
    said = re.sub(r"(\d),(\d{3})\b", "\\1\u202f\\2", said)
    said = re.sub(r"(\d)\.(\d+) %", r"\1,\2 %", said)
    return re.sub(r" ([:;»])", "\u00a0\\1", said)


def _told(said: str) -> str:
    """One sentence, or found, expected and remedy as an error joins them, once or several times."""
    known = _known(said)
    if known is not None:
        return known
    found, *marked = MARK.split(said)
    if not marked:
        return _unknown(said)
    told = _told(found) if found else ""
    for mark, part in zip(marked[::2], marked[1::2], strict=True):
        told += ("" if not told else " " if told[-1] in ".?!" else ". ") + MARKS[mark] + _part(part)
    return told


def _part(text: str) -> str:
    """What follows a mark: a sentence with its full stop, and perhaps the beginning of the next refusal."""
    if text.endswith(".") and (known := _known(text[:-1])) is not None:
        return f"{known}."
    for stop in re.finditer(r"\.[;,]? ", text):
        first, rest = _known(text[: stop.start()]), text[stop.end() :]
        if first is not None:
            return first + stop[0] + _told(rest)
    return f"{_unknown(text[:-1])}." if text.endswith(".") else _told(text)


def _known(text: str) -> str | None:
    """The French of a sentence of the catalogue, its values told where they have words."""
    if (french := _whole().get(text)) is not None:
        return french
    if len(text) > LONGEST or MARK.search(text):
        return None
    for own, form, french in _patterns():
        if own in text and (found := form.fullmatch(text)):
            return french.format(*(_value(value) for value in found.groups()))
    return None


def _unknown(text: str) -> str:
    """What is no sentence of the catalogue: a job's key before its error, a named value, or several sentences in a row."""
    first, colon, rest = text.partition(": ")
    if colon and " " not in first and (known := _known(rest)) is not None:
        return f"{first} : {known}"
    if (named := NAMED.fullmatch(text)) and (" " not in named[1] or named[1] in _whole()):
        return f"{_value(named[1])} {_value(named[2])}"
    told = [_known(part) for part in text.split("; ")]
    return " ; ".join(part for part in told if part is not None) if None not in told else text


def _value(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return f"« {text[1:-1]} »" if text[1:-1] else "(vide)"
    words = re.split(r"(, | or | and )", text)
    told = [_word(word) for word in words[::2]]
    if all(told):
        return "".join(word + {", ": ", ", " or ": " ou ", " and ": " et "}.get(link, "") for word, link in zip(told, [*words[1::2], ""], strict=True))
    return _told(text) if " " in text else text


def _word(code: str) -> str:
    kind = next((kind for kind in STATES if i18n.has_label(kind, code)), None)
    return WORDS.get(code, "") if kind is None else i18n.label(kind, code, i18n.FRENCH).lower()


@cache
def _catalogue() -> dict[str, str]:
    return dict(json.loads(CATALOGUE.read_text(encoding="utf-8")))


@cache
def _whole() -> dict[str, str]:
    return {english.format(): french.format() for english, french in _catalogue().items() if not PLACE.search(english)}


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Sentences with places and the longest text of their own, most such text first, so that a short one never takes a longer one for its value."""
    spoken = [([text.format() for text in PLACE.split(english)[::2]], french) for english, french in _catalogue().items() if PLACE.search(english)]
    spoken.sort(key=lambda one: -len("".join(one[0])))
    return tuple((max(texts, key=len), _pattern(texts), french) for texts, french in spoken)


def _pattern(texts: list[str]) -> re.Pattern[str]:
    letters = sum(letter.isalpha() for letter in "".join(texts))
    return re.compile((ANYTHING if letters >= FEWEST_LETTERS else ONE_THING).join(map(re.escape, texts)), re.DOTALL)
