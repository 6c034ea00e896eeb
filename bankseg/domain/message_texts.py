"""Texts with places for what differs from one client to the next, filled in without ever running them."""

import re
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from bankseg.domain.errors import InputError
from bankseg.domain.list_terms import CHANNELS

PLACES = ("name", "product", "message", "proof", "adviser")
LANGUAGES = ("en", "fr")
MOST_SUBJECT, MOST_BODY = 200, 4_000
SHORT_CHANNEL, MOST_SHORT = "sms", 480  # three text messages
_BRACES = re.compile(r"\{([^{}]*)\}|[{}]")


class Text(Protocol):
    """A text with what it is for; an empty segment or product means any."""

    @property
    def segment(self) -> str: ...
    @property
    def product(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def language(self) -> str: ...


Found = TypeVar("Found", bound=Text)


def check_text(channel: str, language: str, subject: str, body: str) -> None:
    """Refuse a text that could not be sent.

    Raises
    ------
    InputError
        When the channel or language is unknown, the text is empty or too long, or names an unknown place.
    """
    if channel not in CHANNELS or language not in LANGUAGES:
        raise InputError(f"a text for {channel[:20]!r} in {language[:20]!r}", f"{', '.join(CHANNELS)} in {' or '.join(LANGUAGES)}", "choose one of these")
    most = MOST_SHORT if channel == SHORT_CHANNEL else MOST_BODY
    if not 1 <= len(body.strip()) <= most or len(subject) > MOST_SUBJECT:
        raise InputError(f"a text of {len(body)} and a subject of {len(subject)} characters", f"1 to {most} and at most {MOST_SUBJECT}", "shorten it")
    for found in _BRACES.finditer(subject + "\n" + body):
        if found[1] not in PLACES:
            raise InputError(f"the place {found[0][:40]!r}", ", ".join(f"{{{name}}}" for name in PLACES), "use one of these, and no other braces")


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its places filled in; a place without a value is left empty, and what is filled in is not read again.

    Examples
    --------
    >>> filled("Dear {name}, {message}", {"name": "{proof}"})
    'Dear {proof}, '
    """
    return _BRACES.sub(lambda found: values.get(found[1] or "", ""), text)


def nearest(texts: Iterable[Found], *, segment: str, product: str, channel: str, language: str) -> Found | None:
    """The text that speaks most closely: of the segment and the product, of the segment, of the product, of anybody; None when there is none."""
    fitting = [one for one in texts if one.channel == channel and one.language == language and one.segment in {"", segment} and one.product in {"", product}]
    return max(fitting, key=lambda one: (bool(one.segment), bool(one.product)), default=None)
