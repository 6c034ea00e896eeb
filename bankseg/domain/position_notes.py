"""Position notes: what the bank means to do with a product in a segment, one of a few positions and a short text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from bankseg.domain.errors import InputError

Position = Literal["build", "hold", "harvest", "leave", "none"]
POSITIONS: tuple[Position, ...] = get_args(Position)
MOST_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class NotePlace:
    """What a note is about: a product in a segment of a scheme, by their codes."""

    code: str
    segment: str
    product: str

    def __str__(self) -> str:
        return f"{self.code}/{self.segment}/{self.product}"


@dataclass(frozen=True, slots=True)
class PositionNote:
    """A position and why; `none` with an empty text says nothing."""

    position: Position = "none"
    text: str = ""


def read_note(document: Mapping[str, Any]) -> PositionNote:
    """A note from the fields of a form or from its JSON.

    Examples
    --------
    >>> read_note({"position": "build", "text": " Room among the young "})
    PositionNote(position='build', text='Room among the young')

    Raises
    ------
    InputError
        When the position is none of the vocabulary, or the text is too long.
    """
    position, text = str(document.get("position") or "none"), str(document.get("text") or "").replace("\x00", "").replace("\r\n", "\n").strip()
    if position not in POSITIONS:
        raise InputError(f"position {position[:40]!r}", ", ".join(POSITIONS), "choose one of these")
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"a note of {len(text)} characters", f"at most {MOST_CHARACTERS}", "shorten it: a note is one paragraph")
    return PositionNote(position, text)
