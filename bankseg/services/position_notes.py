"""Position notes: saved in versions for one product in one segment of a scheme, and read with who wrote them and when."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from bankseg.domain.errors import NotFoundError
from bankseg.domain.extracts import PRODUCTS
from bankseg.domain.people import Scope
from bankseg.domain.position_notes import POSITIONS, NotePlace, PositionNote, read_note
from bankseg.domain.request_errors import ChangedMeanwhileError
from bankseg.domain.rights import Right, require
from bankseg.services.model_file import person_names
from bankseg.services.segment_schemes import SchemeEntry, scheme_for
from bankseg.services.stamp import Stamp, stamp
from bankseg.services.unchanged import refuse_if_changed
from bankseg.settings import Settings
from bankseg.storage import audit, segment_position
from bankseg.storage.database import database_time, transaction
from bankseg.storage.segment_position import SegmentPosition

REMAINDERS = frozenset({"other"})  # what no product line is made of


@dataclass(frozen=True, slots=True)
class SavedNote:
    """One version of a note; `author` is empty where nobody was signed in, `saved_at` an instant in UTC seconds."""

    position: str
    text: str
    version: int
    author: str
    saved_at: float


@dataclass(frozen=True, slots=True)
class NotePage:
    """Every version of one note, latest first, and the positions to choose from."""

    stamp: Stamp
    entry: SchemeEntry
    place: NotePlace
    notes: list[SavedNote]
    choices: tuple[str, ...] = POSITIONS

    @property
    def latest(self) -> SavedNote:
        """What stands; version 0: nothing was written yet."""
        return self.notes[0] if self.notes else SavedNote("none", "", 0, "", 0.0)


def note_page(settings: Settings, session: Session, scope: Scope, place: NotePlace) -> NotePage:
    """One note with its earlier versions.

    Raises
    ------
    NotFoundError
        When there is no such scheme for this person, or no such product.
    InputError
        When the scheme has no such segment.
    """
    require(scope, Right.SEGMENTS)
    entry = _entry(settings, session, scope, place)
    names = person_names(session)
    notes = [saved(row, names) for row in segment_position.versions_of(session, place)]
    return NotePage(stamp(session), entry, place, notes)


def latest_notes(session: Session, code: str) -> dict[tuple[str, str], SavedNote]:
    """What stands in every cell of a scheme that somebody wrote about, by segment and product."""
    names = person_names(session)
    return {key: saved(row, names) for key, row in segment_position.latest_positions(session, code).items()}


def save_note(settings: Settings, engine: Engine, scope: Scope, place: NotePlace, document: Mapping[str, Any], expected: Collection[str] | None = None) -> int:
    """Save a note as its next version and return that; the same again is the same version. `expected`: see `refuse_if_changed`.

    Raises
    ------
    ChangedMeanwhileError
        When a colleague saved a version since the one that was read.
    InputError, NotFoundError
        As `note_page` and `read_note`.
    """
    require(scope, Right.DESIGN)
    note = read_note(document)
    try:
        with transaction(engine) as session:
            _entry(settings, session, scope, place)
            before = next(iter(segment_position.versions_of(session, place)), None)
            version = before.version if before else 0
            refuse_if_changed(tag(version), expected)
            if note == (read_note(before.model_dump()) if before else PositionNote()):
                return version
            _add(session, scope, place, SegmentPosition(**asdict(place), **asdict(note), version=version + 1))
            return version + 1
    except IntegrityError as error:  # somebody saved this very version at the same moment
        raise ChangedMeanwhileError("it was changed since you read it", "the version you read", "read it again, and change that") from error


def tag(version: int) -> str:
    """What changes with every version of a note that is saved."""
    return f"v{version}"


def saved(row: SegmentPosition, names: Mapping[int, str]) -> SavedNote:
    """A version with the name of its author."""
    return SavedNote(row.position, row.text, row.version, names.get(row.saved_by or 0, ""), row.saved_at)


def _entry(settings: Settings, session: Session, scope: Scope, place: NotePlace) -> SchemeEntry:
    if place.product not in PRODUCTS or place.product in REMAINDERS:
        raise NotFoundError(f"no product {place.product[:60]!r}", "a product of the catalogue")
    entry = scheme_for(settings, session, scope, place.code)
    entry.scheme.segment(place.segment)
    return entry


def _add(session: Session, scope: Scope, place: NotePlace, row: SegmentPosition) -> None:
    row.saved_by, row.saved_at = scope.person_id, database_time(session)
    session.add(row)
    session.flush()
    audit.record(session, "position_saved", f"{place} v{row.version}", person_id=scope.person_id, position=row.position)
