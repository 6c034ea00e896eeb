"""What people typed into an address or a form, read or refused in words."""

from datetime import date

from bankseg.domain.errors import InputError


def day(name: str, text: str) -> date | None:
    """A date, none when it is empty.

    Raises
    ------
    InputError
        When it is no date.
    """
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{name} {text[:20]!r}", "a date such as 2025-12-31", "choose one of the dates") from error


def whole_number(name: str, text: str, otherwise: int) -> int:
    """A whole number, `otherwise` when it is empty.

    Raises
    ------
    InputError
        When it is none.
    """
    if not text:
        return otherwise
    if not text.isascii() or not text.lstrip("-").isdigit() or len(text) > 9:
        raise InputError(f"{name} {text[:20]!r}", "a whole number", "correct it")
    return int(text)
