"""Money: how many minor units make one unit of a currency, and how an amount is written with its currency."""

EURO = "EUR"
# Digits of the minor unit where they are not two (ISO 4217); amounts of unknown currency are taken as hundredths.
EXPONENTS = {
    "BHD": 3, "CLP": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0, "VND": 0,
    "XAF": 0, "XOF": 0, "XPF": 0,
}  # fmt: skip


def minor_digits(currency: str | None) -> int:
    """Digits of a currency's minor unit.

    >>> minor_digits("EUR"), minor_digits("XOF"), minor_digits("TND"), minor_digits(None)
    (2, 0, 3, 2)
    """
    return EXPONENTS.get(currency or "", 2)


def with_currency(amount: str, currency: str | None, language: str) -> str:
    r"""An amount already written in a language, with its currency: the euro by its sign where the language puts it, any other by its code.

    >>> with_currency("-1,240", "EUR", "en"), with_currency("3,900", "USD", "en"), with_currency("12", None, "en")
    ('-€1,240', '3,900\xa0USD', '12')
    >>> with_currency("12", "EUR", "fr")
    '12\xa0€'
    """
    if not currency:
        return amount
    if currency != EURO:
        return f"{amount}\u00a0{currency}"
    if language == "fr":
        return f"{amount}\u00a0€"
    sign = "-" if amount.startswith("-") else ""
    return f"{sign}€{amount.removeprefix('-')}"
