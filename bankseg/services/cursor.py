"""The place where a page ended, as text that travels in a URL."""

import base64
import binascii
import json
from typing import Any

from bankseg.domain.errors import InputError

LONGEST = 600


def write(*parts: str | float | None) -> str:
    """A place as URL-safe text.

    >>> read(write("churn", 0.25, "C1"), (str, float, str))
    ['churn', 0.25, 'C1']
    """
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode().rstrip("=")


def read(text: str, types: tuple[Any, ...]) -> list[Any]:
    """The parts of a place, checked against the types expected of them.

    Raises
    ------
    InputError
        When the text was not written by `write` for such a place.
    """
    refusal = InputError("a page position that cannot be read", "the value given by the page before", "start again from the first page")
    if len(text) > LONGEST:
        raise refusal
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, UnicodeDecodeError) as error:
        raise refusal from error
    if not isinstance(parts, list) or len(parts) != len(types):
        raise refusal
    if not all(isinstance(part, kind) and not isinstance(part, bool) for part, kind in zip(parts, types, strict=True)):
        raise refusal
    return parts
