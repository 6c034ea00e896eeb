"""Numbers as a page writes them are the numbers Babel writes, whatever their size and sign."""

from decimal import Decimal

import pytest
from babel.numbers import format_currency, format_decimal, format_percent
from hypothesis import given
from hypothesis import strategies as st

from bankseg.domain.money import minor_digits
from bankseg.web import formats
from bankseg.web.formats import LOCALES

LANGUAGES = st.sampled_from(sorted(LOCALES))
CURRENCIES = st.sampled_from(["EUR", "USD", "GBP", "CHF", "JPY", "KWD", "TND", "XOF"])
MINOR = st.one_of(st.integers(-30_000, 30_000), st.integers(-(2**63), 2**63 - 1))
AMOUNT = {"en": "¤#,##0", "fr": "#,##0 ¤"}


@given(MINOR, CURRENCIES, LANGUAGES)
def test_amounts(minor, currency, language):
    units, locale = Decimal(minor).scaleb(-minor_digits(currency)), LOCALES[language]
    whole = units.quantize(Decimal(1)) if abs(units) >= 100 else units
    pattern = AMOUNT[language] if whole % 1 == 0 else AMOUNT[language].replace("0", "0.00")

    assert formats.money(minor, currency, language) == format_currency(whole, currency, format=pattern, locale=locale, currency_digits=False)
    assert formats.exact_money(minor, currency, language) == format_currency(units, currency, format=AMOUNT[language].replace("0", "0.00"), locale=locale)


@given(st.floats(-50, 50), LANGUAGES)
def test_shares(value, language):
    digits = "0" if value == 0 or value >= 0.1 else "0.0"
    assert formats.share(value, language) == format_percent(value, format=f"{digits}\u00a0%" if language == "fr" else f"{digits}%", locale=LOCALES[language])


@given(st.one_of(st.integers(-(10**15), 10**15), st.floats(-1e12, 1e12)), LANGUAGES)
def test_plain_numbers(value, language):
    assert formats.number(value, language) == format_decimal(value, format="#,##0.##", locale=LOCALES[language])


@pytest.mark.parametrize("value", [1e308, -1e308, float("inf"), float("nan"), 5e-324])
@pytest.mark.parametrize("language", sorted(LOCALES))
def test_no_number_is_too_large_for_a_page(value, language):
    assert formats.number(value, language)
    assert formats.share(value, language)


def test_an_amount_without_a_currency_is_a_number():
    assert (formats.money(123_45, None, "en"), formats.money(-1_234_567_89, None, "fr")) == ("123", "-1\u202f234\u202f568")
    assert formats.exact_money(1_234_50, None, "fr") == "1\u202f234,50"


def test_a_day_that_is_none_is_shown_as_it_is():
    assert [formats.day(value, "en") for value in ("", None, "soon", "2025-02-30")] == ["–", "–", "soon", "2025-02-30"]
