"""Migration between two dates: who moved where with what contribution and deposits, so that opening, moves and closing agree to the cent."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import pyarrow as pa

from bankseg.domain.errors import InputError
from bankseg.economics.drift import Drift, drift, histogram, reference_cuts
from bankseg.lake.analysis import Analysis
from bankseg.segments.arrays import is_category, levels, numbers, present

BOOK_COLUMNS: dict[str, pa.DataType] = {"client_id": pa.string(), "place": pa.string(), "value_minor": pa.int64(), "deposits_minor": pa.int64()}
BOOK = pa.schema(BOOK_COLUMNS)
MEASURES = ("clients", "value_minor", "deposits_minor")


@dataclass(frozen=True, slots=True)
class Account:
    """One place's book between two dates, in clients or minor units.

    `opening + entered + arrived - departed - left + revalued = closing`, exactly. `entered` and `left` are clients who were not in the book before, or are not after;
    `arrived` and `departed` moved between places, at their opening amounts, so that over all places the two are equal; `revalued` is how much the amounts of those
    in both books changed, told where they closed.
    """

    place: str
    measure: str
    opening: int
    entered: int
    arrived: int
    departed: int
    left: int
    revalued: int
    closing: int


@dataclass(frozen=True, slots=True)
class AttributeDrift:
    """How far an attribute's distribution moved, beside the PSI that chance alone gives."""

    attribute: str
    drift: Drift


def book(table: pa.Table, place: str, value: str = "value_12m_minor", deposits: str = "balance_minor") -> pa.Table:
    """A run's clients as a book: the column `place` names each one's tier or segment; the money columns may be absent.

    Raises
    ------
    MissingDataError
        When the table has no such place.
    InputError
        When a client stands twice.
    """
    present(table, ["client_id", place])
    columns = [table.column(name) if name in table.column_names else pa.nulls(table.num_rows) for name in ("client_id", place, value, deposits)]
    found = pa.table(columns, names=BOOK.names).cast(BOOK)
    if len(found.column("client_id").unique()) != found.num_rows:
        raise InputError(f"{found.num_rows} rows of {len(found.column('client_id').unique())} clients", "one row a client", "take one run's clients")
    return found


def moves(opening: pa.Table, closing: pa.Table) -> pa.Table:
    """The migration matrix in long form, one row for each pair of places that has clients.

    Parameters
    ----------
    opening, closing
        Books, as `book` gives them.

    Returns
    -------
    pyarrow.Table
        `from_place` (null: entered), `to_place` (null: left), `clients`, `opening_value_minor`, `closing_value_minor`, `opening_deposits_minor`,
        `closing_deposits_minor`, and `without_value`: clients whose contribution is not known at a date they were there.
    """
    return _joined("migration", opening, closing, None)


def moved(opening: pa.Table, closing: pa.Table, place: str | None = None) -> pa.Table:
    """Clients whose place changed, by client: the entry and exit log of all places, or of one."""
    return _joined("moved", opening, closing, place)


def accounts(matrix: pa.Table) -> list[Account]:
    """The books of every place, from the rows of `moves`."""
    rows = matrix.to_pylist()
    places = sorted({place for row in rows for place in (row["from_place"], row["to_place"]) if place is not None})
    return [_account(rows, place, measure) for measure in MEASURES for place in places]


def shares(matrix: pa.Table) -> dict[str, dict[str, float]]:
    """Where the clients of each opening place went: every row sums to 1; "left" for those who are in the book no more."""
    found: dict[str, dict[str, float]] = {}
    for row in matrix.to_pylist():
        if row["from_place"] is not None:
            found.setdefault(row["from_place"], {})["left" if row["to_place"] is None else row["to_place"]] = float(row["clients"])
    return {place: {to: clients / sum(went.values()) for to, clients in went.items()} for place, went in found.items()}


def attribute_drift(reference: pa.Table, actual: pa.Table, attributes: Sequence[str]) -> list[AttributeDrift]:
    """Drift of every attribute between two dates, the furthest first; amounts over ten bins of the reference, levels one a bin, missing a bin of its own.

    Raises
    ------
    MissingDataError
        When an attribute is missing at either date.
    """
    present(reference, attributes)
    present(actual, attributes)
    found = [AttributeDrift(name, _drift(reference, actual, name)) for name in attributes]
    return sorted(found, key=lambda entry: (-entry.drift.psi, entry.attribute))


def _joined(name: str, opening: pa.Table, closing: pa.Table, place: str | None) -> pa.Table:
    with Analysis() as analysis:
        analysis.register("opening", opening)
        analysis.register("closing", closing)
        return analysis.arrow(files("bankseg.segments").joinpath(f"{name}.sql").read_text(encoding="utf-8"), {"place": place})


def _account(rows: Sequence[dict[str, str | int | None]], place: str, measure: str) -> Account:
    before, after = ("clients", "clients") if measure == "clients" else (f"opening_{measure}", f"closing_{measure}")

    def total(column: str, wanted: list[dict[str, str | int | None]]) -> int:
        return sum(int(row[column] or 0) for row in wanted)

    here = [row for row in rows if row["from_place"] == place]
    there = [row for row in rows if row["to_place"] == place]
    known = [row for row in there if row["from_place"] is not None]
    return Account(
        place,
        measure,
        opening=total(before, here),
        entered=total(after, [row for row in there if row["from_place"] is None]),
        arrived=total(before, [row for row in known if row["from_place"] != place]),
        departed=total(before, [row for row in here if row["to_place"] not in {place, None}]),
        left=total(before, [row for row in here if row["to_place"] is None]),
        revalued=total(after, known) - total(before, known),
        closing=total(after, there),
    )


def _drift(reference: pa.Table, actual: pa.Table, name: str) -> Drift:
    if not is_category(reference, name):
        before, after = numbers(reference, name), numbers(actual, name)
        cuts = reference_cuts(before)
        return drift(histogram(before, cuts), histogram(after, cuts))
    coded = [levels(table, name) for table in (reference, actual)]
    names = np.unique(np.concatenate([known for known, _ in coded]))
    sides = [np.bincount(np.searchsorted(names, known)[places], minlength=len(names)) for known, places in coded]
    return drift(*sides)
