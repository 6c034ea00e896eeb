"""Figures as people of a language read them, for the sentences of an analysis."""

from typing import Literal

from babel.numbers import format_decimal, format_percent

from bankseg.delivery.columns import in_units
from bankseg.domain.money import with_currency

Language = Literal["en", "fr"]
LOCALES = {"en": "en_GB", "fr": "fr_FR"}
WHOLE_FROM = 100  # from here decimals would only be noise


def percent(value: float, language: str) -> str:
    """A share without decimals, with two below one per cent.

    >>> percent(0.314, "en"), percent(0.0051, "en")
    ('31%', '0.51%')
    """
    pattern = "0" if value == 0 or abs(value) >= 0.01 else "0.00"
    return str(format_percent(value, format=f"{pattern}\u00a0%" if language == "fr" else f"{pattern}%", locale=LOCALES[language]))


def amount(value: float, language: str) -> str:
    """A number, whole from 100 on.

    >>> amount(1234.5, "en"), amount(1.25, "fr")
    ('1,234', '1,25')
    """
    return str(format_decimal(value, format="#,##0" if abs(value) >= WHOLE_FROM else "#,##0.##", locale=LOCALES[language]))


def thousandths(value: float, language: str) -> str:
    """A number with three decimals.

    >>> thousandths(0.0421, "fr")
    '0,042'
    """
    return str(format_decimal(value, format="0.000", locale=LOCALES[language]))


def money(minor: float, language: str, currency: str | None = None) -> str:
    """Minor units as an amount in currency units; the currency is spoken where it is known.

    >>> money(1_240_000, "en", "EUR"), money(1_250, "en")
    ('€12,400', '12.5')
    """
    spoken = amount(float(in_units(round(minor), currency)), language)
    return with_currency(spoken, currency, language)


def times(value: float, language: str) -> str:
    """How many times as frequent, with one decimal.

    >>> times(3.2, "en"), times(0.25, "fr")
    ('3.2 times as frequent', '4 fois moins fréquent')
    """
    more = value >= 1
    spoken = format_decimal(value if more else 1 / value, format="#,##0.#", locale=LOCALES[language])
    if language == "fr":
        return f"{spoken} fois {'plus' if more else 'moins'} fréquent"
    return f"{spoken} times {'as' if more else 'less'} frequent"
