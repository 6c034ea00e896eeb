"""Numbers, money and dates as people of a language write them.

A page writes hundreds of numbers in a handful of ways: Babel is asked once how a language writes each, and every date once.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import NumberPattern, format_currency, get_currency_precision, parse_pattern

from bankseg.delivery.columns import in_units

NOTHING = "–"
LOCALES = {"en": Locale.parse("en_GB"), "fr": Locale.parse("fr_FR")}
WHOLE_FROM = 100  # currency units from which cents would only be noise
AMOUNT = {"en": "¤#,##0", "fr": "#,##0 ¤"}


def money(minor: int | None, currency: str | None, language: str) -> str:
    """An amount of minor units.

    >>> money(123_456_78, "EUR", "en"), money(None, "EUR", "en")
    ('€123,457', '–')
    """
    if minor is None:
        return NOTHING
    units = in_units(int(minor), currency)
    return _amount(units, 0 if abs(units) >= WHOLE_FROM or not units % 1 else 2, currency, language)


def exact_money(minor: int | None, currency: str | None, language: str) -> str:
    """An amount of minor units to the last of them: what is booked adds up to what is summed.

    >>> exact_money(729_00, "EUR", "en")
    '€729.00'
    """
    if minor is None:
        return NOTHING
    return _amount(in_units(int(minor), currency), get_currency_precision(currency) if currency else 2, currency, language)


def share(value: float | None, language: str) -> str:
    """A probability as a percentage: one decimal below ten per cent, none above.

    >>> share(0.314, "en"), share(0.0312, "en")
    ('31%', '3.1%')
    """
    if value is None:
        return NOTHING
    digits = 0 if value == 0 or value >= 0.1 else 1
    units = Decimal(str(value)).scaleb(2)
    return _written(units, format(units.copy_abs(), f".{digits}f"), "", "\u00a0%" if language == "fr" else "%", language)


def number(value: float | None, language: str) -> str:
    """A plain number with at most two decimals."""
    if value is None:
        return NOTHING
    units = Decimal(str(value))
    return _written(units, format(units.copy_abs(), ",.2f").rstrip("0").rstrip("."), "", "", language)


def day(value: date | str | None, language: str) -> str:
    """A date in words short enough for a table.

    >>> day("2025-12-31", "en")
    '31 Dec 2025'
    """
    if not value:
        return NOTHING
    return _day(value, language)


@lru_cache(maxsize=4_096)
def _day(value: date | str, language: str) -> str:
    try:
        known = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    return str(format_date(known, format="medium", locale=LOCALES[language]))


def instant(epoch: float | None, language: str) -> str:
    """An instant, in UTC."""
    if not epoch:
        return NOTHING
    return str(format_datetime(datetime.fromtimestamp(epoch, UTC), format="d MMM y, HH:mm 'UTC'", locale=LOCALES[language]))


def month(value: str, language: str) -> str:
    """A month given as 2025-12 (or any day of it)."""
    return str(format_date(date.fromisoformat(f"{value[:7]}-01"), format="MMM y", locale=LOCALES[language]))


def _amount(units: Decimal, digits: int, currency: str | None, language: str) -> str:
    before, after = _around(currency, language)
    return _written(units, format(units.copy_abs(), f",.{digits}f"), before, after, language)


def _written(units: Decimal, digits: str, before: str, after: str, language: str) -> str:
    """Digits as Python groups them, as a language writes them, with the sign of the number."""
    sign = "-" if units.is_signed() else ""
    return f"{sign}{before}{digits.translate(_signs(language))}{after}"


@cache
def _around(currency: str | None, language: str) -> tuple[str, str]:
    """What a language writes before and after an amount of a currency."""
    if not currency:
        return "", ""
    before, _, after = str(format_currency(8, currency, format=_read(AMOUNT[language]), locale=LOCALES[language], currency_digits=False)).partition("8")
    return before, after


@cache
def _signs(language: str) -> dict[int, str]:
    """What a language puts between thousands and before decimals, in place of Python's own signs."""
    symbols = LOCALES[language].number_symbols["latn"]
    return str.maketrans({",": symbols["group"], ".": symbols["decimal"]})


@cache
def _read(pattern: str) -> NumberPattern:
    return parse_pattern(pattern)
