"""Numbers, money and dates as people of a language write them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import NumberPattern, format_currency, format_decimal, format_percent, parse_pattern

from bankseg.delivery.columns import in_units

NOTHING = "–"
LOCALES = {"en": Locale.parse("en_GB"), "fr": Locale.parse("fr_FR")}
WHOLE_FROM = 100  # currency units from which cents would only be noise
NO_CURRENCY = "XXX"  # ISO 4217 for no currency involved


def money(minor: int | None, currency: str | None, language: str) -> str:
    """An amount of minor units.

    >>> money(123_456_78, "EUR", "en"), money(None, "EUR", "en")
    ('€123,457', '–')
    """
    if minor is None:
        return NOTHING
    units = in_units(int(minor), currency)
    if abs(units) >= WHOLE_FROM:
        units = units.quantize(Decimal(1))
    return _amount(units, currency, language)


def exact_money(minor: int | None, currency: str | None, language: str) -> str:
    """An amount of minor units to the last of them: what is booked adds up to what is summed.

    >>> exact_money(729_00, "EUR", "en")
    '€729.00'
    """
    if minor is None:
        return NOTHING
    pattern = {"en": "¤#,##0.00", "fr": "#,##0.00 ¤"}[language] if currency else "#,##0.00"
    return str(format_currency(in_units(int(minor), currency), currency or NO_CURRENCY, format=_read(pattern), locale=LOCALES[language]))


def share(value: float | None, language: str) -> str:
    """A probability as a percentage: one decimal below ten per cent, none above.

    >>> share(0.314, "en"), share(0.0312, "en")
    ('31%', '3.1%')
    """
    if value is None:
        return NOTHING
    pattern = "0\u00a0%" if language == "fr" else "0%"
    is_whole = value == 0 or value >= 0.1
    return str(format_percent(value, format=_read(pattern if is_whole else pattern.replace("0", "0.0", 1)), locale=LOCALES[language]))


def number(value: float | None, language: str) -> str:
    """A plain number with at most two decimals."""
    return NOTHING if value is None else str(format_decimal(value, format=_read("#,##0.##"), locale=LOCALES[language]))


def day(value: date | str | None, language: str) -> str:
    """A date in words short enough for a table.

    >>> day("2025-12-31", "en")
    '31 Dec 2025'
    """
    if not value:
        return NOTHING
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


def _amount(units: Decimal, currency: str | None, language: str) -> str:
    pattern = {"en": "¤#,##0.00", "fr": "#,##0.00 ¤"}[language] if units % 1 else {"en": "¤#,##0", "fr": "#,##0 ¤"}[language]
    if not currency:
        pattern = pattern.replace("¤", "").strip()
    return str(format_currency(units, currency or NO_CURRENCY, format=_read(pattern), locale=LOCALES[language], currency_digits=False))


@cache
def _read(pattern: str) -> NumberPattern:
    """A pattern as read once: a page writes hundreds of numbers with a handful of them."""
    return parse_pattern(pattern)
