"""Entries and exits: who came into a scheme's segments and who left them between two dates, on a page and as a file, and the outbox for other systems."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlmodel import Session

from bankseg.delivery.columns import Column, Format
from bankseg.delivery.writers import Delivery
from bankseg.domain.errors import InputError, MissingDataError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require, sees
from bankseg.segments.refresh import changes
from bankseg.services.export_list import Exported
from bankseg.services.rolls import open_for
from bankseg.services.segment_memberships import Roster, roster_as_of
from bankseg.services.segment_schemes import LIVE, SchemeEntry, attributes_for, is_for, list_schemes, scheme_for
from bankseg.services.stamp import Stamp, stamp
from bankseg.settings import Settings
from bankseg.storage import audit, segment_event
from bankseg.storage.database import reading, transaction
from bankseg.storage.run import published_dates

if TYPE_CHECKING:
    from sqlalchemy import Engine

SHOWN = 200
LARGEST_PAGE = 1_000
MONEY = {"value_12m_minor": "value_12m", "balance_minor": "balance"}
MOVED = (
    Column("client_id", "client_id"), Column("from_segment", "from_segment"), Column("to_segment", "to_segment"), Column("rm_id", "rm_id"), Column("branch_id", "branch_id"),
    *(Column(field, name, "money") for field, name in MONEY.items()), Column("currency", "currency"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Moves of one scheme between two dates: how many clients each segment had, gained, lost and has, and the first who moved."""

    stamp: Stamp
    entry: SchemeEntry
    opening: Roster
    closing: Roster
    dates: list[str]
    books: list[dict[str, Any]]
    segment: str
    moved: int
    rows: list[dict[str, Any]]
    currency: str


def changes_page(
    settings: Settings, session: Session, scope: Scope, code: str, *, opening: date | None = None, closing: date | None = None, segment: str = ""
) -> ChangesPage:
    """Entries and exits between two published dates, by default the last two; of one segment where it is named. With one date nobody can have moved.

    Raises
    ------
    MissingDataError
        When nothing was published.
    """
    require(scope, Right.SEGMENTS)
    entry, before, after, dates = _between(settings, session, scope, code, opening, closing)
    if segment:
        entry.scheme.segment(segment)
    moved = _without_hidden(changes(before.rows, after.rows, is_exclusive=entry.scheme.is_exclusive), scope)
    rows = moved.to_pylist()
    books = _books(entry, before.rows, after.rows, rows)
    shown = [row for row in rows if not segment or segment in {row["from_segment"], row["to_segment"]}]
    run = open_for(settings, session, scope).run
    currency = str(run.summary.get("currency") or "EUR")
    return ChangesPage(stamp(session), entry, before, after, dates, books, segment, len(shown), shown[:SHOWN], currency)


def export_changes(settings: Settings, engine: "Engine", scope: Scope, page: ChangesPage, path: Path, *, file_format: Format = "csv") -> Exported:
    """Write the moves a page speaks of to a file, all of them, and record who took it."""
    with reading(engine) as session:
        _, before, after, _ = _between(settings, session, scope, page.entry.scheme.code, page.opening.as_of, page.closing.as_of)
    rows = changes(before.rows, after.rows, is_exclusive=page.entry.scheme.is_exclusive).to_pylist()
    mark = {"from_as_of": before.as_of.isoformat(), "as_of": after.as_of.isoformat(), "currency": page.currency}
    columns = (Column("from_as_of", "from_as_of"), Column("as_of", "as_of"), *(column for column in MOVED if sees(scope.role, column.field)))
    with Delivery(path, file_format, columns) as delivery:
        delivery.write_all({**row, **mark} for row in rows if not page.segment or page.segment in {row["from_segment"], row["to_segment"]})
    try:
        with transaction(engine) as session:
            audit.record(session, "export", f"moves:{page.entry.scheme.code}", person_id=scope.person_id, rows=delivery.rows, format=file_format, **mark)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Exported(path, delivery.rows, after.run_id, after.as_of.isoformat())


def outbox(settings: Settings, session: Session, scope: Scope, *, after: int = 0, limit: int = 100, code: str = "") -> list[dict[str, Any]]:
    """Moves of the published schemes a person may read, after an id and in the order they were written.

    Raises
    ------
    InputError
        When the page is larger than allowed.
    """
    require(scope, Right.SEGMENTS)
    if not 1 <= limit <= LARGEST_PAGE:
        raise InputError(f"a page of {limit}", f"1 to {LARGEST_PAGE}", "ask for the next page with after")
    known = attributes_for(settings, open_for(settings, session, scope), scope)
    codes = frozenset(one.scheme.code for one in list_schemes(session) if one.state == LIVE and is_for(one, scope, known) and code in {"", one.scheme.code})
    return segment_event.page(session, scope, codes, after=after, limit=limit)


def _between(
    settings: Settings, session: Session, scope: Scope, code: str, opening: date | None, closing: date | None
) -> tuple[SchemeEntry, Roster, Roster, list[str]]:
    entry = scheme_for(settings, session, scope, code)
    dates = published_dates(session)
    if not dates:
        raise MissingDataError("nothing was published", "a published run", "bankseg run --as-of DATE")
    last = closing or date.fromisoformat(dates[0])
    first = opening or date.fromisoformat(next((day for day in dates if day < last.isoformat()), dates[-1]))
    return entry, roster_as_of(settings, session, scope, entry, first), roster_as_of(settings, session, scope, entry, last), dates


def _books(entry: SchemeEntry, before: pa.Table, after: pa.Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Clients of every segment: opening + entered - left = closing."""
    opening, closing = (Counter(side.column("segment").to_pylist()) for side in (before, after))
    entered, left = Counter(row["to_segment"] for row in rows), Counter(row["from_segment"] for row in rows)
    return [
        {"code": one.code, "opening": opening[one.code], "entered": entered[one.code], "left": left[one.code], "closing": closing[one.code]}
        for one in entry.scheme.segments
    ]


def _without_hidden(moved: pa.Table, scope: Scope) -> pa.Table:
    return moved.drop_columns([name for name in MONEY if not sees(scope.role, name)])
