"""Specific reasons of an adverse decision: a closed list, at most four, never "score too low"."""

import tomllib
from collections.abc import Collection, Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from bankseg.domain.errors import InputError

MOST = 4  # more are no longer principal (Regulation B, comment 9(b)(2)-1)


@cache
def adverse_reasons() -> dict[str, tuple[str, str]]:
    """Every reason by code: English and French wording."""
    return {code: (words[0], words[1]) for code, words in _document()["reasons"].items()}


def suggested(triggers: Iterable[str]) -> list[str]:
    """Codes that the fired early-warning rules suggest, in the order of the rules.

    Examples
    --------
    >>> suggested(["R6", "R1", "R7"])
    ['excessive_obligations', 'poor_performance']
    """
    known = _document()["suggested"]
    return list(dict.fromkeys(code for trigger in triggers for code in known.get(trigger, ())))


def checked(codes: Collection[str], *, is_adverse: bool) -> list[str]:
    """The codes in the order of the list: one to four of an adverse decision, none of another.

    Raises
    ------
    InputError
        When one is unknown, or they are too many or too few.
    """
    unknown = sorted(set(codes) - set(adverse_reasons()))
    if unknown:
        raise InputError(f"adverse reasons {', '.join(unknown)}", ", ".join(adverse_reasons()), "choose from the list")
    if not is_adverse:
        return []
    if not 1 <= len(set(codes)) <= MOST:
        raise InputError(f"{len(set(codes))} specific reasons", f"1 to {MOST}", "choose the principal ones")
    return [code for code in adverse_reasons() if code in codes]


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(files("bankseg.domain").joinpath("adverse_reasons.toml").read_text(encoding="utf-8"))
