"""Segment schemes as documents: named rules, exclusive (the first that holds wins) or overlapping, with goal, owner and review date."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Literal, get_args

from bankseg.domain.errors import ConfigurationError, InputError
from bankseg.domain.rule_documents import document_of, parse_rule
from bankseg.domain.segment_rules import Rule, attributes_of

Purpose = Literal["describe", "marketing", "retention", "credit_review"]
MOST_SEGMENTS = 40  # beyond it nobody manages the groups any more
SCHEME_KEYS = frozenset(
    {"code", "label_en", "label_fr", "purpose", "is_exclusive", "objective", "objective_fr", "kpi", "kpi_fr", "owner", "review_on", "segment"}
)
SEGMENT_KEYS = frozenset({"code", "label_en", "label_fr", "action", "owner", "message_en", "message_fr", "playbook_en", "playbook_fr", "when"})
# Texts that came later: a scheme without them has the document and the hash it always had.
LATER_SCHEME_TEXTS, LATER_SEGMENT_TEXTS = ("objective_fr", "kpi_fr"), ("playbook_en", "playbook_fr")


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """One segment of a scheme; `when` is None for the default of an exclusive scheme.

    `message_*` is what a client of the segment is told, `playbook_*` what staff do for it.
    """

    code: str
    label_en: str
    label_fr: str
    when: Rule | None
    action: str = ""
    owner: str = ""
    message_en: str = ""
    message_fr: str = ""
    playbook_en: str = ""
    playbook_fr: str = ""


@dataclass(frozen=True, slots=True)
class Scheme:
    """A segmentation with its goal, in English, and in French where `*_fr` says it. `review_on`: the day somebody must look at it again."""

    code: str
    label_en: str
    label_fr: str
    segments: tuple[SegmentRule, ...]
    purpose: Purpose = "marketing"
    is_exclusive: bool = True
    objective: str = ""
    kpi: str = ""
    owner: str = ""
    review_on: date | None = None
    objective_fr: str = ""
    kpi_fr: str = ""

    def goal(self, language: str) -> str:
        """The objective in a language, in English where there is no other."""
        return (self.objective_fr if language == "fr" else "") or self.objective

    def measure(self, language: str) -> str:
        """The figure that tells whether the objective is reached, in a language, in English where there is no other."""
        return (self.kpi_fr if language == "fr" else "") or self.kpi

    @property
    def attributes(self) -> frozenset[str]:
        """Attributes any of its rules reads."""
        return frozenset().union(*(attributes_of(segment.when) for segment in self.segments if segment.when))

    def segment(self, code: str) -> SegmentRule:
        """The segment of this code.

        Raises
        ------
        InputError
            When there is none.
        """
        for segment in self.segments:
            if segment.code == code:
                return segment
        raise InputError(f"scheme {self.code} has no segment {code!r}", f"one of {', '.join(segment.code for segment in self.segments)}")


def parse_scheme(document: Mapping[str, Any]) -> Scheme:
    """Read a scheme from its TOML or JSON form.

    Raises
    ------
    ConfigurationError
        When an entry is unknown, missing or of the wrong kind, a code stands twice, or an exclusive scheme does not end with its only default.
    """
    if not isinstance(document, Mapping):
        raise ConfigurationError(f"scheme {document!r}", "a table")
    _only(document, SCHEME_KEYS, {"code", "label_en", "label_fr", "segment"}, "scheme")
    entries = document["segment"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_SEGMENTS:
        raise ConfigurationError(f"scheme {document['code']!r} has {len(entries) if isinstance(entries, list) else 'no'} segments", f"1 to {MOST_SEGMENTS}")
    purpose = document.get("purpose", "marketing")
    if purpose not in get_args(Purpose):
        raise ConfigurationError(f"scheme purpose {purpose!r}", f"one of {', '.join(get_args(Purpose))}")
    scheme = Scheme(
        code=_code(document),
        label_en=_text(document, "label_en"),
        label_fr=_text(document, "label_fr"),
        segments=tuple(_segment(entry) for entry in entries),
        purpose=purpose,
        is_exclusive=bool(document.get("is_exclusive", True)),
        objective=_text(document, "objective"),
        kpi=_text(document, "kpi"),
        owner=_text(document, "owner"),
        review_on=_day(document.get("review_on")),
        objective_fr=_text(document, "objective_fr"),
        kpi_fr=_text(document, "kpi_fr"),
    )
    _check_order(scheme)
    return scheme


def read_scheme(text: str) -> Scheme:
    """Read a scheme from TOML, or from JSON when it begins with a brace.

    Raises
    ------
    InputError
        When it is neither.
    """
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"the scheme cannot be read: {error}", "TOML or JSON") from error
    return parse_scheme(document)


def scheme_document(scheme: Scheme) -> dict[str, Any]:
    """The JSON form of a scheme, which `parse_scheme` reads back to the same scheme."""
    return {
        "code": scheme.code, "label_en": scheme.label_en, "label_fr": scheme.label_fr, "purpose": scheme.purpose, "is_exclusive": scheme.is_exclusive,
        "objective": scheme.objective, "kpi": scheme.kpi, "owner": scheme.owner, "review_on": scheme.review_on.isoformat() if scheme.review_on else None,
        **_later(scheme, LATER_SCHEME_TEXTS),
        "segment": [
            {
                "code": segment.code, "label_en": segment.label_en, "label_fr": segment.label_fr, "action": segment.action, "owner": segment.owner,
                "message_en": segment.message_en, "message_fr": segment.message_fr, **_later(segment, LATER_SEGMENT_TEXTS), **({"when": document_of(segment.when)} if segment.when else {}),
            }
            for segment in scheme.segments
        ],
    }  # fmt: skip


def scheme_sha256(scheme: Scheme) -> str:
    """Hash of a scheme's meaning, the same however the document was spelled."""
    return sha256(json.dumps(scheme_document(scheme), sort_keys=True).encode()).hexdigest()


def _segment(entry: Any) -> SegmentRule:  # whatever the file holds
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"segment {entry!r}", "a table")
    _only(entry, SEGMENT_KEYS, {"code", "label_en", "label_fr"}, "segment")
    return SegmentRule(
        _code(entry), _text(entry, "label_en"), _text(entry, "label_fr"), parse_rule(entry["when"]) if entry.get("when") else None,
        _text(entry, "action"), _text(entry, "owner"), _text(entry, "message_en"), _text(entry, "message_fr"), _text(entry, "playbook_en"), _text(entry, "playbook_fr"),
    )  # fmt: skip


def _later(told: Scheme | SegmentRule, names: Sequence[str]) -> dict[str, str]:
    return {name: getattr(told, name) for name in names if getattr(told, name)}


def _only(document: Mapping[str, Any], known: frozenset[str], needed: set[str], what: str) -> None:
    unknown, missing = sorted(set(document) - known), sorted(needed - set(document))
    if unknown or missing:
        found = f"{what} {document.get('code', '')!r} has {'no ' + ', '.join(missing) if missing else 'unknown entries ' + ', '.join(unknown)}"
        raise ConfigurationError(found, f"{', '.join(sorted(needed))}, and perhaps {', '.join(sorted(known - needed))}")


def _code(document: Mapping[str, Any]) -> str:
    code = document["code"]
    if not isinstance(code, str) or not code.replace("_", "").isalnum() or not code.isascii() or code != code.lower():
        raise ConfigurationError(f"code {code!r}", "small letters, digits and underscores")
    return code


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name) or ""
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} = {value!r}", "a text")
    return value


def _day(value: Any) -> date | None:  # whatever the file holds
    if value is None or type(value) is date:
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"review_on = {value!r}", "a date") from error


def _check_order(scheme: Scheme) -> None:
    codes = [segment.code for segment in scheme.segments]
    if len(set(codes)) != len(codes):
        raise ConfigurationError(f"two segments of scheme {scheme.code} share a code", "distinct codes")
    defaults = [segment.when is None for segment in scheme.segments]
    if scheme.is_exclusive and (not defaults[-1] or any(defaults[:-1])):
        raise ConfigurationError(f"scheme {scheme.code} does not end with its only default segment", "a last segment without `when`, and rules on all others")
    if not scheme.is_exclusive and any(defaults):
        raise ConfigurationError(f"a segment of overlapping scheme {scheme.code} has no rule", "`when` on every segment")
