"""The words for why a propensity is what it is: a family of features, the client's own figure, and what it does to the estimate.

A reason tells what raises or lowers an estimate; it never claims a cause.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from bankseg.domain.money import minor_digits, with_currency

FRENCH = "fr"
WINDOW = re.compile(r"_(\d+)([dm])(?=_|$)")
UNITS = {"d": ("days", "jours"), "m": ("months", "mois")}
COUNTED = re.compile(r"(?:(?!(?:in|of|on|sur|de|en|aux?|par|à|sans)\b)[^\W\d_]+ ?)*")  # the words a number counts, up to the next preposition
PLURAL = re.compile(r"(?<!moi)(?<!foi)s(?= |$)")  # in both languages; mois and fois never change
NO_DATA = ("no data", "pas de donnée")
MARK = re.compile(r"\{(?:v|p|m|yes)\}")


OTHER_CODE = "R99"
NOT_COMPARED: Final = object()  # reasons of models that know no peers


def phrase(family: str, direction: str, feature: str, value: object, language: str, *, peer: object = NOT_COMPARED, currency: str = "") -> str:
    """One reason in words.

    Parameters
    ----------
    family
        Family of features, as in the feature catalogue; an unknown one is spelled out.
    direction
        ``"+"`` when the family raises the estimate, ``"-"`` when it lowers it.
    feature
        The feature of the family that weighs most.
    value
        The client's value of that feature, money in minor units; null means that the bank has no such data.
    language
        ``"en"`` or ``"fr"``.
    peer
        What is usual among the client's peers; null means that most of them have no such data.
    currency
        Written behind amounts of money.

    Returns
    -------
    str
        Family, figure beside that of the peers, and effect.

    Examples
    --------
    >>> phrase("salary", "+", "days_since_income", 74, "en")
    'Salary or pension: last one 74 days ago; raises the estimate'
    >>> phrase("balance_trend", "-", "deposits_ratio_2m", 1.32, "fr").replace(chr(0xA0), " ")
    'Évolution des avoirs : dépôts à 132 % de leur niveau 2 mois plus tôt ; diminue l’estimation'
    >>> told = phrase("balance_level", "+", "deposits_mean_3m_minor", 124_000, "fr", peer=390_000, currency="EUR")
    >>> told.replace(chr(0xA0), " ").replace(chr(0x202F), " ")
    'Niveau des avoirs : dépôts moyens de 1 240 € sur 3 mois, contre 3 900 € pour ses pairs ; augmente l’estimation'
    """
    place = _place(language)
    told = figure(feature, value, language, currency=currency) + _against(feature, value, peer, language, currency)
    noun = _words()["families"].get(family, [_spelled(family)] * 2)[place]
    effect = _words()["effects"]["-" if direction == "-" else "+"][place]
    sentence = f"{noun[:1].upper()}{noun[1:]}{' :' if place else ':'} {told}{' ;' if place else ';'} {effect}"
    return _typeset(sentence) if place else sentence


def reason_family(family: str) -> str:
    """The reason family that speaks for a family of features.

    >>> reason_family("arrears"), reason_family("balance_trend"), reason_family("a family of the bank's own")
    ('incidents', 'balance_trend', "a family of the bank's own")
    """
    return next((name for name, (_, *families) in _words()["reasons"].items() if family in families), family)


def reason_code(family: str) -> str:
    """The stable code of a reason family, or of a family of features.

    >>> reason_code("balance_trend"), reason_code("closings"), reason_code("a family of the bank's own")
    ('R10', 'R07', 'R99')
    """
    return next((code for code, *families in _words()["reasons"].values() if family in families), OTHER_CODE)


@dataclass(frozen=True, slots=True)
class ReasonFamily:
    """A reason family as the reference lists it."""

    code: str
    family: str
    english: str
    french: str
    speaks_for: tuple[str, ...]


def reason_families() -> tuple[ReasonFamily, ...]:
    """Every reason family, in the order of their codes."""
    nouns = _words()["families"]
    return tuple(ReasonFamily(code, name, nouns[name][0], nouns[name][1], tuple(families)) for name, (code, *families) in _words()["reasons"].items())


def _against(feature: str, value: object, peer: object, language: str, currency: str) -> str:
    """What is usual among peers, behind the client's own figure; nothing where it is the same or not known."""
    if peer is NOT_COMPARED or (value is None and peer is None):
        return ""
    place = _place(language)
    if peer is None:
        return _words()["peers"]["nothing"][place]
    words = _template(feature)[0]
    mark = MARK.search(words[place]) if words else None
    told = (mark[0] if mark else "{v}").format(**_marks(peer, place, currency))
    is_number = isinstance(peer, (int, float)) and not (mark and mark[0] == "{yes}")
    return _words()["peers"]["number" if is_number else "word"][place].format(peer=told)


def figure(feature: str, value: object, language: str, *, currency: str = "") -> str:
    """A client's value of a feature in words.

    >>> figure("income_months_12m", 9, "en"), figure("attr_nb_children", 2.0, "en"), figure("holds_savings", 0, "en")
    ('received in 9 months of 12 months', 'attr nb children 2', 'savings held: no')
    >>> figure("open_accounts", 0, "fr"), figure("open_accounts", 0, "en")
    ('0 contrat ouvert', '0 open contracts')
    """
    place = _place(language)
    words, window, product = _template(feature)
    if value is None:
        return f"{_spelled(feature.removeprefix('attr_'))}{' :' if place else ':'} {NO_DATA[place]}" if words is None else NO_DATA[place]
    if words is None:
        return f"{_spelled(feature)} {_number(value, place)}"
    text = _singular(words[place]) if _is_singular(value, place) else words[place]
    return text.format(**_marks(value, place, currency), product=_product(product, place), w=_window(window, place))


def name(feature: str, language: str) -> str:
    """What a feature measures, with an ellipsis where a client's number would stand.

    >>> name("income_months_12m", "en"), name("attr_nb_children", "en")
    ('received in … months of 12 months', 'attr nb children')
    """
    place = _place(language)
    words, window, product = _template(feature)
    if words is None:
        return _spelled(feature)
    return words[place].format(v="…", p="…", m="…", yes="…", product=_product(product, place), w=_window(window, place))


def has_words(feature: str) -> bool:
    """Whether the catalogue of words knows a feature."""
    return _template(feature)[0] is not None


def _is_singular(value: object, place: int) -> bool:
    """One in English; anything below two in French, zero too."""
    return value == 1 or (bool(place) and isinstance(value, (int, float)) and abs(value) < 2)


@cache
def _singular(text: str) -> str:
    """The words for one of a thing: the nouns and adjectives right after the number lose their plural ending.

    >>> _singular("{v} prélèvements rejetés sur {w}"), _singular("received in {v} months of {w}")
    ('{v} prélèvement rejeté sur {w}', 'received in {v} month of {w}')
    """
    before, mark, after = text.partition("{v} ")
    counted = COUNTED.match(after)
    end = counted.end() if counted else 0
    return before + mark + PLURAL.sub("", after[:end]) + after[end:]


@cache
def _words() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(files("bankseg.domain").joinpath("reasons.toml").read_text(encoding="utf-8"))


@cache
def _template(feature: str) -> tuple[list[str] | None, tuple[str, str] | None, str]:
    """The words of a feature, its window as (length, unit), and its product."""
    known = _words()["features"]
    found = WINDOW.search(feature)
    window = (found[1], found[2]) if found else None
    windowless = WINDOW.sub("_#", feature, count=1)
    for name in (feature, windowless):
        if name in known:
            return known[name], window, ""
    for pattern, words in known.items():
        if pattern.endswith("_*") and windowless.startswith(pattern[:-1]):
            return words, window, windowless[len(pattern) - 1 :]
    return None, window, ""


def _marks(value: object, place: int, currency: str) -> dict[str, str]:
    """A value as each mark of the words writes it."""
    money = _number(_in_units(value, currency), place, whole=True)
    return {"v": _number(value, place), "p": _percentage(value, place), "m": with_currency(money, currency, ("en", "fr")[place]), "yes": _yes(value, place)}


def _place(language: str) -> int:
    return 1 if language == FRENCH else 0


def _number(value: object, place: int, *, whole: bool = False) -> str:
    if isinstance(value, bool):
        return _yes(value, place)
    if not isinstance(value, (int, float)):
        return _spelled(str(value))
    text = f"{value:,.0f}" if whole or abs(value) >= 100 or float(value).is_integer() else f"{value:,.2f}"
    return text.replace(",", "\u202f").replace(".", ",") if place else text


def _percentage(value: object, place: int) -> str:
    return f"{value:.0%}".replace("%", "\u00a0%" if place else "%") if isinstance(value, (int, float)) else str(value)


def _in_units(value: object, currency: str) -> object:
    return value / 10 ** minor_digits(currency) if isinstance(value, (int, float)) else value


def _yes(value: object, place: int) -> str:
    return (("no", "yes"), ("non", "oui"))[place][bool(value)]


def _product(code: str, place: int) -> str:
    return _words()["products"].get(code, [_spelled(code)] * 2)[place]


def _window(window: tuple[str, str] | None, place: int) -> str:
    return f"{window[0]} {UNITS[window[1]][place]}" if window else ""


def _typeset(text: str) -> str:
    """French typography: no line break before a colon or semicolon, curved apostrophes."""
    return re.sub(r" ([:;%])", "\u00a0\\1", text).replace("'", "\u2019")


def _spelled(code: str) -> str:
    return code.replace("_minor", "").replace("_", " ")
