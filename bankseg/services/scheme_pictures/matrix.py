"""The matrix: any two ways to part the clients, crossed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.segments.crossing import Condition, crossed
from bankseg.services.scheme_pictures.axes import Axis, Chosen, axes, axis, conditions
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings

MOST_ROWS, MOST_COLUMNS = 60, 14
OTHERS = "*"  # the codes beyond the largest ones, together
Cell = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Grid:
    """Two axes crossed: codes in order, every cell by (row, column), and the totals; cells nobody is in are absent."""

    rows: list[str | None]
    columns: list[str | None]
    cells: dict[tuple[str | None, str | None], Cell]
    row_totals: dict[str | None, Cell]
    column_totals: dict[str | None, Cell]
    total: Cell

    def heat(self, row: str | None, column: str | None, measure: str = "clients") -> int:
        """How strong a cell is against the strongest one, 0 (nothing) to 9."""
        largest = max((cell[measure] or 0 for cell in self.cells.values()), default=0)
        own = self.cells.get((row, column), {}).get(measure) or 0
        return 0 if own <= 0 or largest <= 0 else max(1, round(9 * (own / largest) ** 0.5))


@dataclass(frozen=True, slots=True)
class MatrixPage:
    """A grid with its axes, what it is narrowed to, and the axes one may choose."""

    stamp: Stamp
    currency: str
    rows: Axis
    columns: Axis
    grid: Grid
    narrowed: list[Chosen]
    choices: list[Axis]


def matrix_page(settings: Settings, session: Session, scope: Scope, rows: str, columns: str, inside: Sequence[str] = ()) -> MatrixPage:
    """Two axes crossed over the clients in scope, within the conditions of the address."""
    sight = look(settings, session, scope)
    narrowed = conditions(sight, inside)
    across, down = axis(sight, columns), axis(sight, rows)
    return MatrixPage(sight.stamp, sight.currency, down, across, grid_of(sight, down, across, [one.condition for one in narrowed]), narrowed, axes(sight))


def grid_of(sight: Sight, rows: Axis, columns: Axis, where: Sequence[Condition] = ()) -> Grid:
    """The grid of two axes; codes beyond the largest 60 rows and 14 columns are told together."""
    found = crossed(sight.reading, rows.place, columns.place, where)
    down, across = _codes(found, "row", rows.place.order, MOST_ROWS), _codes(found, "column", columns.place.order, MOST_COLUMNS)
    cells: dict[tuple[str | None, str | None], list[Cell]] = {}
    for cell in found:
        key = (cell["row"] if cell["row"] in down else OTHERS, cell["column"] if cell["column"] in across else OTHERS)
        cells.setdefault(key, []).append(cell)
    merged = {key: merge(parts) for key, parts in cells.items()}
    return Grid(
        down, across, merged,
        {code: merge([cell for (row, _), cell in merged.items() if row == code]) for code in down},
        {code: merge([cell for (_, column), cell in merged.items() if column == code]) for code in across},
        merge(found),
    )  # fmt: skip


def merge(cells: Sequence[Cell]) -> Cell:
    """Several cells as one: counts and sums add up, the mean weighs by who is scored; nobody valued is null, not 0."""
    valued, scored = sum(cell["valued"] for cell in cells), sum(cell["scored"] for cell in cells)
    return {
        "clients": sum(cell["clients"] for cell in cells),
        "value_12m_minor": sum(cell["value_12m_minor"] or 0 for cell in cells) if valued else None,
        "valued": valued,
        "mean_churn": sum((cell["mean_churn"] or 0.0) * cell["scored"] for cell in cells) / scored if scored else None,
        "scored": scored,
    }


def _codes(found: Sequence[Cell], side: str, order: Sequence[str], most: int) -> list[str | None]:
    """Codes that occur, in the axis's order, then by name, those not known last; of too many the largest, and one for the others."""
    sizes: dict[str | None, int] = {}
    for cell in found:
        sizes[cell[side]] = sizes.get(cell[side], 0) + cell["clients"]
    place = {code: number for number, code in enumerate(order)}
    kept = sorted(sizes, key=lambda code: -sizes[code])[: most if len(sizes) <= most else most - 1]
    ordered = sorted(kept, key=lambda code: (code is None, place.get(code or "", len(place)), code or ""))
    return [*ordered, *([OTHERS] if len(kept) < len(sizes) else [])]
