"""Strategy sheets: what a segment needs, what is required of us, how we prove it, and a target that its figures are held against."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal, get_args

from bankseg.domain.errors import InputError

Measure = Literal["clients", "share", "value_12m_minor", "mean_churn", "reachable_share", "active_share", "new_clients", "mean_satisfaction", "answered_share"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
MOST_CHARACTERS = 2_000
TEXTS = ("needs_en", "needs_fr", "requirements_en", "requirements_fr", "action", "message_en", "message_fr", "proof_en", "proof_fr", "owner")
# Measures that are better when smaller.
FALLING: frozenset[Measure] = frozenset({"mean_churn"})


@dataclass(frozen=True, slots=True)
class Sheet:
    """One segment's strategy. `target` is in the unit of its measure (shares and probabilities in [0, 1], money in minor units), to be reached by `target_on`."""

    needs_en: str = ""
    needs_fr: str = ""
    requirements_en: str = ""
    requirements_fr: str = ""
    action: str = ""
    message_en: str = ""
    message_fr: str = ""
    proof_en: str = ""
    proof_fr: str = ""
    owner: str = ""
    measure: Measure | None = None
    target: float | None = None
    target_on: date | None = None
    review_on: date | None = None

    def said(self, name: str, language: str) -> str:
        """A text in a language, or in the other one where that is empty."""
        first, second = (f"{name}_fr", f"{name}_en") if language == "fr" else (f"{name}_en", f"{name}_fr")
        return str(getattr(self, first) or getattr(self, second))

    def is_reached(self, actual: float | None) -> bool | None:
        """Whether the figure reaches the target; None where either is not known."""
        if actual is None or self.target is None or self.measure is None:
            return None
        return actual <= self.target if self.measure in FALLING else actual >= self.target

    def document(self) -> dict[str, Any]:
        """The sheet as JSON."""
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(self).items()}


def read_sheet(document: Mapping[str, Any]) -> Sheet:
    """A sheet from the fields of a form or from its JSON.

    Examples
    --------
    >>> read_sheet({"needs_en": "Advice", "measure": "mean_churn", "target": "0.02", "review_on": "2026-06-30"}).target
    0.02

    Raises
    ------
    InputError
        When an entry is unknown, too long, or no number or date.
    """
    known = {*TEXTS, "measure", "target", "target_on", "review_on"}
    unknown = sorted(set(document) - known)
    if unknown:
        raise InputError(f"a sheet with {', '.join(unknown)}", f"{', '.join(sorted(known))}", "take these entries out")
    measure = document.get("measure") or None
    if measure is not None and measure not in MEASURES:
        raise InputError(f"measure {str(measure)[:40]!r}", ", ".join(MEASURES), "choose one of these")
    target = _number(document.get("target"))
    if (measure is None) != (target is None):
        raise InputError("a target without a measure" if measure is None else "a measure without a target", "both or neither", "fill in the other one")
    return Sheet(
        **{name: _text(document, name) for name in TEXTS},
        measure=measure,
        target=target,
        target_on=_day(document, "target_on"),
        review_on=_day(document, "review_on"),
    )


def _text(document: Mapping[str, Any], name: str) -> str:
    text = str(document.get(name) or "").strip()
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"{name} of {len(text)} characters", f"at most {MOST_CHARACTERS}", "shorten it: a sheet is one page")
    return text


def _number(value: Any) -> float | None:  # whatever the document holds
    if value in (None, ""):
        return None
    try:
        found = float(str(value).replace(",", ".").replace(" ", ""))
    except ValueError as error:
        raise InputError(f"target {str(value)[:40]!r}", "a number", "write it with digits") from error
    if not abs(found) < float("1e15"):
        raise InputError(f"target {found}", "a number below 1e15", "correct it")
    return found


def _day(document: Mapping[str, Any], name: str) -> date | None:
    value = document.get(name)
    if not value:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise InputError(f"{name} {str(value)[:20]!r}", "a date such as 2026-06-30", "correct it") from error
