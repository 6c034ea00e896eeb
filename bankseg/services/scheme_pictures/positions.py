"""Positions: product lines by the segments of a scheme, with what holders bring, how their number grew, and what the bank means to do there."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import InputError, MissingDataError
from bankseg.domain.extracts import PRODUCTS
from bankseg.domain.people import Scope
from bankseg.segments.reading import Reading, figures_of, figures_of_segments
from bankseg.services.position_notes import REMAINDERS, SavedNote, latest_notes
from bankseg.services.rolls import open_for
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.segment_schemes import SchemeEntry
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage.run import published_dates

FIRST = "kinds"  # the scheme the page begins with, where the person may read it: persons and firms
VALUE = "value_12m_minor"
YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Position:
    """One product among the active clients of one segment; what is not known, or too small to be told, is None.

    `contribution_minor` sums over the `valued` holders what each brought in twelve months with all of its products: no margin of the product, and a holder of two
    products counts in both. It is told of `least_clients` valued holders or more. `growth` is the change of the number of holders against `holders_before`, told
    where that was `least_clients` or more; `valued` or `holders_before` None: no data.
    """

    segment: str
    holders: int
    valued: int | None
    contribution_minor: int | None
    holders_before: int | None
    growth: float | None
    note: SavedNote | None = None


@dataclass(frozen=True, slots=True)
class ProductLine:
    """A product in every segment of the page, in its order, and in the whole base."""

    product: str
    cells: list[Position]
    base: Position


@dataclass(frozen=True, slots=True)
class PositionsPage:
    """Product lines by segments with active clients; `since` is the day growth is told from, empty where no earlier one was published.

    `is_comparable` says whether the run of that day knows what the scheme reads: if not, growth is no data. `dates` are the earlier published days.
    """

    stamp: Stamp
    entry: SchemeEntry
    choices: list[SchemeEntry]
    currency: str
    segments: dict[str, int]
    clients: int
    lines: list[ProductLine]
    since: str
    is_comparable: bool
    dates: list[str]
    least_clients: int

    def heat(self, cell: Position) -> int:
        """How much a cell brings against the one that brings most, 0 (nothing, or not told) to 9."""
        most = max((one.contribution_minor or 0 for line in self.lines for one in line.cells), default=0)
        own = cell.contribution_minor or 0
        return 0 if own <= 0 or most <= 0 else max(1, round(9 * (own / most) ** 0.5))


def positions_page(settings: Settings, session: Session, scope: Scope, code: str = "", since: date | None = None) -> PositionsPage:
    """The product lines of a scheme's segments.

    Parameters
    ----------
    since
        A published day before that of the page; by default the latest one a year before or more, else the earliest.

    Raises
    ------
    NotFoundError
        When there is no such scheme for this person.
    MissingDataError
        When no product is known of anybody.
    InputError
        When nothing was published for `since`, or it is not before the day of the page.
    """
    sight = look(settings, session, scope)
    entry = sight.scheme(code or (FIRST if FIRST in sight.schemes else next(iter(sight.schemes), "")))
    products = [name for name in PRODUCTS if name not in REMAINDERS and f"holds_{name}" in sight.reading.roll.columns]
    if not products:
        raise MissingDataError("no product is known of any client", "accounts with products in the lake", "load accounts and publish a run")
    dates = [day for day in published_dates(session) if day < sight.roll.as_of.isoformat()]
    chosen = _since(sight.roll.as_of, dates, since)
    now, before = sight.reading_of(entry), _before(sight, entry, chosen)
    least = int(sight.policy.section("pictures")["least_place_clients"])
    notes = latest_notes(session, entry.scheme.code)
    parts = _counted(now, before, entry, products)
    base, shown = parts.pop(""), {code: rows for code, rows in parts.items() if any(row and row["clients"] for row in rows)}
    lines = [
        ProductLine(
            name,
            [_position(code, name, *rows, least, notes.get((code, name))) for code, rows in shown.items()],
            _position("", name, *base, least, None),
        )
        for name in products
    ]
    return PositionsPage(
        sight.stamp, entry, list(sight.schemes.values()), sight.currency, {code: int(rows[0]["clients"]) for code, rows in shown.items()}, int(base[0]["clients"]),
        lines, chosen, before is not None, dates, least,
    )  # fmt: skip


def _since(as_of: date, dates: list[str], asked: date | None) -> str:
    if asked is None:
        year_ago = (as_of - timedelta(days=YEAR_DAYS)).isoformat()
        return next((day for day in dates if day <= year_ago), dates[-1] if dates else "")
    if asked.isoformat() not in dates:
        raise InputError(f"no earlier run was published for {asked}", "an earlier published date", "choose one of the list")
    return asked.isoformat()


def _before(sight: Sight, entry: SchemeEntry, day: str) -> Reading | None:
    """The earlier roll; None where there is none, or where it lacks what the scheme reads and would place everybody elsewhere."""
    if not day:
        return None
    try:
        found = open_for(sight.settings, sight.session, sight.scope, as_of=date.fromisoformat(day), frozen=entry.cuts).reading
    except MissingDataError:  # that run kept no roll
        return None
    needed = {name for name in entry.scheme.attributes if name in sight.reading.roll.columns}
    return found if needed <= found.roll.columns.keys() else None


Counted = tuple[dict[str, Any], dict[str, Any] | None]


def _counted(now: Reading, before: Reading | None, entry: SchemeEntry, products: list[str]) -> dict[str, Counted]:
    """Figures of every segment now and before, by code; the whole base under the empty one."""
    figures, earlier = _figures(now, products), _figures(before, products) if before else {}
    active = exp.condition("status = 'active'")
    found: dict[str, Counted] = {"": (figures_of(now, figures, active), figures_of(before, earlier, active) if before else None)}
    then = figures_of_segments(entry.scheme, before, earlier, active) if before else {}
    return found | {code: (row, then.get(code)) for code, row in figures_of_segments(entry.scheme, now, figures, active).items()}


def _figures(reading: Reading, products: list[str]) -> dict[str, str]:
    """SQL by name of the active clients of a group, the holders of each product and what they bring; what the roll lacks is absent."""
    known = reading.roll.columns
    figures = {"clients": "count(*)"}
    for name in (product for product in products if f"holds_{product}" in known):
        holds = f"FILTER (WHERE holds_{name} = 1)"
        figures[f"holders__{name}"] = f"count(*) {holds}"
        if VALUE in known:
            figures |= {f"valued__{name}": f"count({VALUE}) {holds}", f"value__{name}": f"sum({VALUE}) {holds}::BIGINT"}
    return figures


def _position(segment: str, product: str, now: dict[str, Any], before: dict[str, Any] | None, least: int, note: SavedNote | None) -> Position:
    holders, valued = int(now[f"holders__{product}"]), now.get(f"valued__{product}")
    earlier = before.get(f"holders__{product}") if before else None
    return Position(
        segment,
        holders,
        valued,
        now[f"value__{product}"] if valued is not None and valued >= least else None,
        earlier,
        holders / earlier - 1 if earlier is not None and earlier >= max(1, least) else None,
        note,
    )
