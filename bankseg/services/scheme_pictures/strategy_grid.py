"""The strategic grid: value tier against churn band, one layer a risk band, and the playbook of every cell."""

from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.schemes import SegmentRule
from bankseg.segments.crossing import Condition, crossed
from bankseg.segments.places import Place
from bankseg.segments.reading import Reading
from bankseg.services.scheme_pictures.axes import ORDERS, Axis, axis
from bankseg.services.scheme_pictures.matrix import Grid, grid_of
from bankseg.services.scheme_pictures.sight import look
from bankseg.services.segment_schemes import SchemeEntry
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings

CODE = "strategic_grid"


@dataclass(frozen=True, slots=True)
class StrategyPage:
    """The grid of one risk layer (empty: all of them) of active clients; `plays` names the segment that gives each cell its playbook, `sizes` tells the segments' clients and value."""

    stamp: Stamp
    currency: str
    entry: SchemeEntry
    rows: Axis
    columns: Axis
    layer: str
    layers: list[dict[str, Any]]
    grid: Grid
    plays: dict[tuple[str | None, str | None], list[str]]
    sizes: dict[str | None, dict[str, Any]]

    def segment(self, code: str) -> SegmentRule:
        """The segment whose playbook a cell follows."""
        return self.entry.scheme.segment(code)


def strategy_page(settings: Settings, session: Session, scope: Scope, layer: str = "") -> StrategyPage:
    """Tier against churn band for the active clients in scope.

    Raises
    ------
    NotFoundError
        For a role that reads no risk band: the grid rests on it.
    """
    sight = look(settings, session, scope)
    entry = sight.scheme(CODE)
    rows, columns, risk, play = axis(sight, "tier"), axis(sight, "churn_band"), axis(sight, "risk_band"), axis(sight, f"scheme:{CODE}")
    active = Condition(axis(sight, "status").place, "active")
    where = [active, *([Condition(risk.place, layer)] if layer in ORDERS["risk_band"] else [])]
    layers = {cell["row"]: cell for cell in crossed(sight.reading, risk.place, where=[active])}
    return StrategyPage(
        sight.stamp, sight.currency, entry, rows, columns, layer if layer in ORDERS["risk_band"] else "", [layers[code] for code in ORDERS["risk_band"] if code in layers],
        grid_of(sight, rows, columns, where), _plays(sight.reading, rows, columns, play, where), {cell["row"]: cell for cell in crossed(sight.reading, play.place)},
    )  # fmt: skip


def _plays(reading: Reading, rows: Axis, columns: Axis, play: Axis, where: list[Condition]) -> dict[tuple[str | None, str | None], list[str]]:
    """Segments that occur in each cell, most clients first: without a layer the risk review takes its part of every cell."""
    pair = exp.func("concat", rows.place.expression.copy(), exp.Literal.string("/"), columns.place.expression.copy(), dialect="duckdb")
    found: dict[tuple[str | None, str | None], list[tuple[int, str]]] = {}
    for cell in crossed(reading, Place("cell", pair), play.place, where):
        tier, _, band = str(cell["row"]).partition("/")
        found.setdefault((tier, band), []).append((cell["clients"], str(cell["column"])))
    return {key: [code for _, code in sorted(plays, reverse=True)] for key, plays in found.items()}
