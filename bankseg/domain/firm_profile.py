"""Strategic profile of a firm: what those who serve it say of how it does business, by seven criteria with closed vocabularies. Nothing computes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bankseg.domain.errors import InputError

# Each criterion with its answers; one that is not given is not known.
CRITERIA: Mapping[str, tuple[str, ...]] = {
    "specialisation": ("one_line", "few_lines", "diversified"),
    "brand_strength": ("none", "local", "national", "international"),
    "value_chain": ("one_step", "upstream", "downstream", "both_ways"),
    "outsourcing": ("little", "some", "most"),
    "technology": ("follows", "keeps_up", "leads"),
    "distribution": ("direct", "own_shops", "resellers", "online", "several"),
    "business_model": ("products", "services", "subscriptions", "projects", "platform", "trade"),
}
FIRMS = frozenset({"sole_trader", "company", "nonprofit", "public"})  # kinds of clients that can have one
MOST_CHARACTERS = 1_000
PREFIX = "profile_"  # of the attributes in rules


@dataclass(frozen=True, slots=True)
class FirmProfile:
    """Answers by criterion, those that are known alone, and a note."""

    answers: Mapping[str, str]
    note: str = ""


def read_profile(document: Mapping[str, Any]) -> FirmProfile:
    """A profile from the fields of a form or from its JSON; an empty answer is none.

    Examples
    --------
    >>> read_profile({"technology": "leads", "outsourcing": "", "note": " Exports half "})
    FirmProfile(answers={'technology': 'leads'}, note='Exports half')

    Raises
    ------
    InputError
        When an answer is none of its criterion, or the note is too long.
    """
    answers = {name: str(document[name]) for name in CRITERIA if document.get(name)}
    for name, answer in answers.items():
        if answer not in CRITERIA[name]:
            raise InputError(f"{name} {answer[:40]!r}", ", ".join(CRITERIA[name]), "choose one of these, or leave it empty")
    note = str(document.get("note") or "").replace("\x00", "").replace("\r\n", "\n").strip()
    if len(note) > MOST_CHARACTERS:
        raise InputError(f"a note of {len(note)} characters", f"at most {MOST_CHARACTERS}", "shorten it")
    return FirmProfile(answers, note)
