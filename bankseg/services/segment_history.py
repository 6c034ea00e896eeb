"""Segments in time and on trial: migration between two published dates, and the validity scorecard of a scheme."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import InputError, MissingDataError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.domain.schemes import Scheme
from bankseg.segments.migration import Account, accounts, book, moved, moves, shares
from bankseg.segments.reading import listing, members, placed
from bankseg.segments.scorecard import Base, Scorecard, Subject
from bankseg.segments.validity import measured, scorecards
from bankseg.services.rolls import OpenRoll, open_for
from bankseg.services.segment_schemes import SchemeEntry, scheme_for
from bankseg.settings import Settings
from bankseg.storage.run import published_dates

# Places that every roll holds, beside the schemes.
COLUMNS = ("tier", "segment", "churn_band", "activity", "pmg")
MOVED_SHOWN = 200
# What clients did, by outcome: the column of the roll, and the column that says who could have done it (empty: everybody).
OUTCOMES = {
    "answered an offer": ("campaign_responses", "campaign_contacts_365d"),
    "complained": ("complaints_90d", ""),
    "contribution": ("value_12m_minor", ""),
}


@dataclass(frozen=True, slots=True)
class Migration:
    """Who moved between two published dates: shares by row, books to the cent, and the first clients who moved."""

    what: str
    opening: OpenRoll
    closing: OpenRoll
    places: list[str]
    matrix: list[dict[str, Any]]
    shares: dict[str, dict[str, float]]
    books: list[Account]
    moved: list[dict[str, Any]]
    moved_clients: int
    dates: list[str]


@dataclass(frozen=True, slots=True)
class Trial:
    """The scorecards of a scheme's segments on the published run."""

    entry: SchemeEntry
    roll: OpenRoll
    cards: list[Scorecard]


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
    before, after = (_book(roll, what, entry) for roll in rolls)
    matrix = moves(before, after)
    log = moved(before, after)
    found = matrix.to_pylist()
    places = sorted({place for row in found for place in (row["from_place"], row["to_place"]) if place is not None}, key=_order(entry))
    return Migration(what, rolls[0], rolls[1], places, found, shares(matrix), accounts(matrix), log.slice(0, MOVED_SHOWN).to_pylist(), log.num_rows, dates)


def validity(settings: Settings, session: Session, scope: Scope | None, code: str) -> Trial:
    """The scorecard of every segment of a scheme: does it respond otherwise, is it large, measurable, reachable, stable, and does it have an owner and an action?"""
    if scope is not None:
        require(scope, Right.SEGMENTS)
    entry = scheme_for(settings, session, scope, code)
    roll = open_for(settings, session, scope, frozen=entry.cuts)
    table = listing(
        roll.reading,
        exp.true(),
        [*{column for pair in OUTCOMES.values() for column in pair if column}, "consents_email", "consents_phone", "consents_sms", "consents_post"],
    )
    earlier = _earlier(settings, session, scope, roll, entry)
    subjects = [
        Subject(
            segment.code,
            _inside(roll, entry.scheme, segment.code, table),
            measured(segment.when),
            _jaccard(roll, earlier, entry.scheme, segment.code),
            segment.owner or entry.scheme.owner,
            segment.action,
        )
        for segment in entry.scheme.segments
    ]
    return Trial(entry, roll, scorecards(subjects, _base(table, roll)))


def _book(roll: OpenRoll, what: str, entry: SchemeEntry | None) -> pa.Table:
    place = exp.column(what, quoted=True) if entry is None else placed(entry.scheme, roll.reading)
    if entry is None and what not in roll.reading.roll.columns:
        raise MissingDataError(f"run {roll.run.id} has no {what}", "a run segmented by this version", "run it again")
    select = (
        exp.select(*roll.reading.known("client_id", "value_12m_minor", "balance_minor"), exp.alias_(place, "place")).from_("roll").where(roll.reading.visible())
    )
    return book(roll.reading.roll.arrow(select.sql(dialect="duckdb")), "place")


def _order(entry: SchemeEntry | None) -> Any:  # a sort key
    codes = [segment.code for segment in entry.scheme.segments] if entry else ["platinum", "gold", "silver", "bronze", "negative", "high", "medium", "low"]
    return lambda place: (codes.index(place) if place in codes else len(codes), place)


def _inside(roll: OpenRoll, scheme: Scheme, code: str, table: pa.Table) -> NDArray[np.bool_]:
    found = listing(roll.reading, members(scheme, scheme.segment(code), roll.reading), []).column("client_id").to_numpy(zero_copy_only=False)
    return np.isin(table.column("client_id").to_numpy(zero_copy_only=False), found)


def _earlier(settings: Settings, session: Session, scope: Scope | None, roll: OpenRoll, entry: SchemeEntry) -> OpenRoll | None:
    before = next((day for day in published_dates(session) if day < roll.run.as_of), None)
    return open_for(settings, session, scope, as_of=date.fromisoformat(before), frozen=entry.cuts) if before else None


def _jaccard(roll: OpenRoll, earlier: OpenRoll | None, scheme: Scheme, code: str) -> float | None:
    """Clients in the segment at both dates over clients in it at either; None where there is no earlier date, or nobody is in it."""
    if earlier is None:
        return None
    now, before = (set(_ids(one, scheme, code)) for one in (roll, earlier))
    return len(now & before) / len(now | before) if now | before else None


def _ids(roll: OpenRoll, scheme: Scheme, code: str) -> Sequence[str]:
    return [str(one) for one in listing(roll.reading, members(scheme, scheme.segment(code), roll.reading), []).column("client_id").to_pylist()]


def _base(table: pa.Table, roll: OpenRoll) -> Base:
    def numbers(name: str) -> NDArray[np.float64]:
        return np.asarray(table.column(name).cast(pa.float64()).to_numpy(), dtype=np.float64)

    outcomes = {}
    for name, (column, asked) in OUTCOMES.items():
        if column not in table.column_names or (asked and asked not in table.column_names):
            continue
        values = numbers(column)
        could = numbers(asked) > 0 if asked else ~np.isnan(values)
        outcomes[name] = values if column.endswith("_minor") else np.where(could, np.nan_to_num(values) > 0, np.nan)
    consents = [numbers(name) == 1 for name in table.column_names if name.startswith("consents_")]
    return Base(
        clients=table.num_rows,
        outcomes=outcomes,
        value_minor=numbers("value_12m_minor") if "value_12m_minor" in table.column_names else None,
        is_reachable=np.logical_or.reduce(consents) if consents else None,
        filled=roll.reading.roll.coverage,
        currency=str(roll.run.summary.get("currency") or "EUR"),
    )
