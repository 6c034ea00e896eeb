"""The words of model governance: gates, verdicts, findings and alerts, in the languages of the house."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

FRENCH = "fr"
NOTHING = "–"


def say(kind: str, code: str, language: str, values: Mapping[str, Any] | None = None) -> str:
    """A sentence of the catalogue with its figures filled in; an unknown code is spelled out.

    Parameters
    ----------
    kind
        Table of the catalogue, such as `findings`.
    values
        Figures, names, or lists of (kind, code, values) that are told one after the other. `Any`: JSON.

    Examples
    --------
    >>> say("findings", "not_blind", "en", {"value": 2})
    'The locked fold was opened 2 times: its figures are no longer those of a blind test.'
    >>> say("verdicts", "green", "fr")
    'respecté'
    """
    known = _words().get(kind, {}).get(code)
    if known is None:
        return code.replace("_", " ")
    text: str = known[1 if language == FRENCH else 0]
    told = {name: _told(value, language) for name, value in (values or {}).items()}
    return text.format_map(_Gaps(told))


def figure(value: float | None, language: str) -> str:
    """A figure with three decimals at most, none when it is whole.

    Examples
    --------
    >>> figure(0.12345, "fr"), figure(12000, "en"), figure(0.00004, "en"), figure(None, "en")
    ('0,123', '12,000', '4.0e-05', '–')
    """
    if value is None:
        return NOTHING
    if float(value).is_integer():
        text = f"{int(value):,}"
    elif abs(value) < 0.0005:
        text = f"{value:.1e}"
    else:
        text = f"{value:,.3f}"
    return text.replace(",", "\u202f").replace(".", ",") if language == FRENCH else text


def target_name(target: str, language: str) -> str:
    """What a target estimates, in words.

    Examples
    --------
    >>> target_name("cross_sell:savings", "fr"), target_name("hard_exit", "en")
    ('Achète épargne', 'Closes the last account')
    """
    sense, _, detail = target.partition(":")
    return say("targets", sense, language, {"product": product_name(detail, language)})


def product_name(code: str, language: str) -> str:
    """A product in words; one that is not known is spelled out.

    Examples
    --------
    >>> product_name("term_deposit", "fr"), product_name("gold_bar", "en")
    ('compte à terme', 'gold bar')
    """
    return _products().get(code, [code.replace("_", " ")] * 2)[1 if language == FRENCH else 0]


def codes(kind: str) -> tuple[str, ...]:
    """Every code of a table of the catalogue."""
    return tuple(_words()[kind])


class _Gaps(dict[str, str]):
    """A figure that is not given is a dash, never an error on a page."""

    def __missing__(self, key: str) -> str:
        del key
        return NOTHING


def _told(value: Any, language: str) -> str:
    match value:
        case bool() | str():
            return str(value)
        case int() | float() | None:
            return figure(value, language)
        case list() | tuple():
            return "; ".join(_part(part, language) for part in value)
        case _:
            return str(value)


def _part(part: Any, language: str) -> str:
    """A name, or one entry of the catalogue: {"at", "kind", "code", "values"}."""
    if not isinstance(part, Mapping):
        return str(part)
    words = say(part["kind"], part["code"], language, part.get("values"))
    where = part.get("at")
    return f"{where}{' :' if language == FRENCH else ':'} {words}" if where else words


@cache
def _products() -> dict[str, list[str]]:
    words: dict[str, dict[str, list[str]]] = tomllib.loads(files("bankseg.domain").joinpath("reasons.toml").read_text(encoding="utf-8"))
    return words["products"]


@cache
def _words() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(files("bankseg.domain").joinpath("governance.toml").read_text(encoding="utf-8"))
