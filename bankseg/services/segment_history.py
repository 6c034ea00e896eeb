"""Segments in time: who moved between two published dates, with what contribution and deposits, and how far shares and attributes drifted."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import InputError, MissingDataError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require, sees
from bankseg.economics.drift import Drift, drift
from bankseg.segments.migration import Account, AttributeDrift, accounts, attribute_drift, book, moved, moves, shares
from bankseg.segments.reading import listing
from bankseg.services.rolls import OpenRoll, open_for
from bankseg.services.segment_memberships import roster_as_of
from bankseg.services.segment_schemes import SchemeEntry, scheme_for
from bankseg.settings import Settings
from bankseg.storage.run import published_dates

# Places that every roll holds, beside the schemes.
COLUMNS = ("tier", "segment", "churn_band", "activity", "pmg")
MOVED_SHOWN = 100
DEPOSITS = "deposits_minor"


@dataclass(frozen=True, slots=True)
class Migration:
    """Who moved between two published dates: shares by row, books to the cent, the first clients who moved, and what drifted.

    `share_drift` tells for each place whether its share of the clients moved, `attribute_drift` how far the attributes that the scheme reads did.
    """

    what: str
    entry: SchemeEntry | None  # of a scheme
    opening: OpenRoll
    closing: OpenRoll
    places: list[str]
    matrix: list[dict[str, Any]]
    shares: dict[str, dict[str, float]]
    books: list[Account]
    moved: list[dict[str, Any]]
    moved_clients: int
    dates: list[str]
    share_drift: dict[str, Drift]
    attribute_drift: list[AttributeDrift]
    currency: str

    @property
    def drifted(self) -> str:
        """The gravest level any share or attribute reached: steady, watch or act."""
        levels = {one.level for one in self.share_drift.values()} | {one.drift.level for one in self.attribute_drift}
        return next((level for level in ("act", "watch") if level in levels), "steady")


def migration(settings: Settings, session: Session, scope: Scope | None, what: str, opening: date | None = None, closing: date | None = None) -> Migration:
    """Migration of a column of the roll, or of an exclusive scheme, between two published dates; by default the last two.

    Raises
    ------
    MissingDataError
        When fewer than two dates were published.
    InputError
        When the scheme overlaps: a client then has no one place.
    """
    if scope is not None:
        require(scope, Right.SEGMENTS)
    dates = published_dates(session)
    if len(dates) < 2:  # a pair
        raise MissingDataError(
            f"{len(dates)} date was published" if dates else "nothing was published", "two dates or more", "bankseg run --as-of an earlier DATE"
        )
    last = closing or date.fromisoformat(dates[0])
    first = opening or date.fromisoformat(next((day for day in dates if day < last.isoformat()), dates[-1]))
    entry = None if what in COLUMNS else scheme_for(settings, session, scope, what)
    if entry is not None and not entry.scheme.is_exclusive:
        raise InputError(f"scheme {what} overlaps", "an exclusive scheme", "choose another, or look at one segment's list")
    rolls = [open_for(settings, session, scope, as_of=day, frozen=entry.cuts if entry else ()) for day in (first, last)]
    before, after = (_book(settings, session, scope, roll, what, entry) for roll in rolls)
    matrix = moves(before, after)
    log = moved(before, after)
    found = matrix.to_pylist()
    places = sorted({place for row in found for place in (row["from_place"], row["to_place"]) if place is not None}, key=_order(entry))
    books = accounts(matrix)
    if scope is not None and not sees(scope.role, "balance_minor"):
        books = [one for one in books if one.measure != DEPOSITS]
        found, log = [_without_deposits(row) for row in found], log.drop_columns([name for name in log.column_names if name.endswith(DEPOSITS)])
    return Migration(
        what, entry, rolls[0], rolls[1], places, found, shares(matrix), books, log.slice(0, MOVED_SHOWN).to_pylist(), log.num_rows, dates,
        _share_drift(before, after, places), _attribute_drift(rolls, entry), str(rolls[1].run.summary.get("currency") or "EUR"),
    )  # fmt: skip


def _book(settings: Settings, session: Session, scope: Scope | None, roll: OpenRoll, what: str, entry: SchemeEntry | None) -> pa.Table:
    if entry is not None:
        return book(roster_as_of(settings, session, scope, entry, roll.as_of).rows, "segment")
    if what not in roll.reading.roll.columns:
        raise MissingDataError(f"run {roll.run.id} has no {what}", "a run segmented by this version", "run it again")
    return book(listing(roll.reading, exp.true(), [what, "value_12m_minor", "balance_minor"]), what)


def _without_deposits(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.endswith(DEPOSITS)}


def _share_drift(before: pa.Table, after: pa.Table, places: list[str]) -> dict[str, Drift]:
    """Drift of being in a place against being elsewhere, by place."""
    sides = [Counter(str(one or "unknown") for one in side.column("place").to_pylist()) for side in (before, after)]
    held = [[(counts[place], counts.total() - counts[place]) for counts in sides] for place in places]
    return {place: drift(np.array(opening), np.array(closing)) for place, (opening, closing) in zip(places, held, strict=True)}


def _attribute_drift(rolls: list[OpenRoll], entry: SchemeEntry | None) -> list[AttributeDrift]:
    """Drift of the attributes a scheme reads and both rolls have; dates are left out, for they move with the calendar."""
    first, last = (roll.reading.roll.columns for roll in rolls)
    names = [name for name in sorted(entry.scheme.attributes if entry else ()) if name in first and name in last and first[name] not in {"DATE", "TIMESTAMP"}]
    if not names:
        return []
    opening, closing = (listing(roll.reading, exp.true(), names) for roll in rolls)
    return attribute_drift(opening, closing, names)


def _order(entry: SchemeEntry | None) -> Any:  # a sort key
    codes = [segment.code for segment in entry.scheme.segments] if entry else ["platinum", "gold", "silver", "bronze", "negative", "high", "medium", "low"]
    return lambda place: (codes.index(place) if place in codes else len(codes), place)
