"""RFM: the grid of recency against frequency and amount, its named segments, the frozen cut points behind it, and one client's own scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import MissingDataError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require, sees
from bankseg.domain.segment_rules import Test
from bankseg.economics.drift import Drift, drift
from bankseg.lake.roll import open_roll
from bankseg.segments.compiler import DIALECT
from bankseg.segments.crossing import crossed
from bankseg.segments.places import SCORES, Place
from bankseg.segments.reading import listing, segments_of
from bankseg.services.rolls import roll_path
from bankseg.services.scheme_pictures.axes import Axis, axis
from bankseg.services.scheme_pictures.matrix import Grid, grid_of
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage.run import Run, earliest_with_policy

Monetary = Literal["turnover", "balance"]
# The option, its score in the roll, its measure among the cut points, and the axis of the mean with frequency.
OPTIONS: dict[str, tuple[str, str, str]] = {"turnover": ("monetary_score", "monetary", "fm"), "balance": ("balance_score", "balance", "fm_balance")}
READ = (
    "kind",
    "rfm",
    "recency_days",
    "active_days_365d",
    "credit_minor_365d",
    "deposits_mean_12m_minor",
    "recency_score",
    "frequency_score",
    "monetary_score",
    "balance_score",
)
NAMES = "rfm"  # the scheme that names the cells
BALANCES = frozenset({"deposits_mean_12m_minor"})


@dataclass(frozen=True, slots=True)
class CutPoints:
    """Least amount of each score by kind of client for one measure, from the reference run; `moved` says how far the scores have drifted since."""

    measure: str
    least: dict[str, dict[str, int]]
    moved: Drift | None


@dataclass(frozen=True, slots=True)
class RfmPage:
    """The grid with the named segment that most clients of each cell are in, the segments' sizes, and the cut points with their reference."""

    stamp: Stamp
    currency: str
    monetary: str
    has_balance: bool
    rows: Axis
    columns: Axis
    grid: Grid
    named: dict[tuple[str | None, str | None], str]
    segments: list[dict[str, Any]]
    breaks_days: list[int]
    cuts: list[CutPoints]
    reference: Stamp | None
    unscored: int
    names: Axis | None


@dataclass(frozen=True, slots=True)
class ClientRfm:
    """One client's measures and scores; `mean` is that of frequency and amount, `no_activity` that it never moved money."""

    client_id: str
    measures: dict[str, Any]
    mean_turnover: float | None
    mean_balance: float | None
    segment: str | None
    no_activity: bool
    least: dict[str, dict[str, int]]


def rfm_page(settings: Settings, session: Session, scope: Scope, monetary: str = "turnover") -> RfmPage:
    """The grid of the clients in scope, with the amount told by credit turnover or by mean balance.

    Raises
    ------
    MissingDataError
        When the run has no scores: its transactions were never loaded, or, for balances, it was made by an earlier version.
    """
    sight = look(settings, session, scope)
    score, _, mean = OPTIONS.get(monetary, OPTIONS["turnover"])
    for needed in ("recency_score", "frequency_score", score):
        if needed not in sight.reading.roll.columns:
            raise MissingDataError(f"the run has no {needed}", "transactions, and a run segmented by this version", "run it again: bankseg run --as-of DATE")
    rows, columns = axis(sight, "recency_score"), axis(sight, mean)
    grid = grid_of(sight, rows, columns)
    reference = _reference(sight)
    cuts = [
        _cut_points(sight, reference, measure, column)
        for measure, column in (("frequency", "frequency_score"), (OPTIONS.get(monetary, OPTIONS["turnover"])[1], score))
    ]
    return RfmPage(
        sight.stamp, sight.currency, monetary if monetary in OPTIONS else "turnover", "balance_score" in sight.reading.roll.columns, rows, columns, _whole(grid),
        _named(sight, columns.place), _sizes(sight), [int(day) for day in sight.policy.section("rfm")["recency_breaks_days"]], cuts,
        Stamp(reference.id or 0, sight.roll.as_of.fromisoformat(reference.as_of), reference.published_at) if reference else None,
        grid.row_totals.get(None, {}).get("clients", 0), axis(sight, "scheme:rfm") if "rfm" in sight.schemes else None,
    )  # fmt: skip


def client_rfm(settings: Settings, session: Session, scope: Scope, client_id: str) -> ClientRfm:
    """The measures and scores of one client.

    Raises
    ------
    NotFoundError
        When the client does not exist or is not in scope: the two look the same.
    """
    require(scope, Right.CLIENTS)
    sight = look(settings, session, scope)
    only = sight.reading.predicate(Test("client_id", "equals", client_id))
    named_by = sight.schemes[NAMES].scheme.attributes if NAMES in sight.schemes else ()
    rows = listing(sight.reading, only, [*READ, *named_by]).to_pylist()
    if not rows:
        raise NotFoundError(f"no client {client_id!r}", "a client you may see")
    return rfm_of(sight, rows[0])


def rfm_of(sight: Sight, found: Mapping[str, Any]) -> ClientRfm:
    """The same from the client's row, which holds the columns of `READ` and those the named segments read, as far as the roll has them."""
    kind = str(found.get("kind"))
    least = {measure: one for measure in ("frequency", "monetary", "balance") if (one := _least(sight.roll.run, measure).get(kind))}
    return ClientRfm(
        str(found["client_id"]), {name: found.get(name) for name in READ if name not in BALANCES or sees(sight.scope.role, "balance_minor")},
        _mean(found, "monetary_score"), _mean(found, "balance_score"), _segment(sight, found),
        found.get("recency_score") is not None and found.get("recency_days") is None, least,
    )  # fmt: skip


def _mean(found: Mapping[str, Any], amount: str) -> float | None:
    if found.get("recency_score") is None:
        return None
    return ((found.get("frequency_score") or 1) + (found.get(amount) or 1)) / 2


def _segment(sight: Sight, client: Mapping[str, Any]) -> str | None:
    if NAMES not in sight.schemes:
        return None
    entry = sight.schemes[NAMES]
    return next(iter(segments_of(entry.scheme, sight.reading_of(entry), client)), None)


def _whole(grid: Grid) -> Grid:
    """All five rows and columns, also those nobody is in: a grid with holes cannot be read."""
    return Grid(list(SCORES), list(SCORES), grid.cells, grid.row_totals, grid.column_totals, grid.total)


def _named(sight: Sight, mean: Place) -> dict[tuple[str | None, str | None], str]:
    """The named segment with most clients of each cell."""
    if "rfm" not in sight.schemes:
        return {}
    recency = axis(sight, "recency_score").place
    pair = exp.DPipe(this=recency.expression.copy(), expression=mean.expression.copy(), safe=False)
    largest: dict[str, tuple[int, str]] = {}
    for cell in crossed(sight.reading, Place("rfm_cell", pair), axis(sight, "scheme:rfm").place):
        if cell["row"]:
            largest[cell["row"]] = max(largest.get(cell["row"], (0, "")), (cell["clients"], cell["column"]))
    return {(code[0], code[1]): segment for code, (_, segment) in largest.items()}


def _sizes(sight: Sight) -> list[dict[str, Any]]:
    if "rfm" not in sight.schemes:
        return []
    found = axis(sight, "scheme:rfm")
    by_code = {cell["row"]: cell for cell in crossed(sight.reading, found.place)}
    return [{"code": code, "clients": 0, "value_12m_minor": None, "mean_churn": None, **by_code.get(code, {})} for code in found.place.order]


def _reference(sight: Sight) -> Run | None:
    """The run whose population the cut points were found on: the first one published under this policy."""
    return earliest_with_policy(sight.session, sight.roll.run.policy_sha256 or "")


def _least(run: Run, measure: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for cut in run.summary.get("cuts", ()):
        if cut["measure"] == measure:
            found.setdefault(str(cut["kind"]), {})[str(cut["class"])] = int(cut["least"])
    return found


def _cut_points(sight: Sight, reference: Run | None, measure: str, column: str) -> CutPoints:
    """Cut points with the drift of the scores of active clients since the reference, over the whole bank: a cut is the bank's."""
    least = _least(sight.roll.run, measure)
    if reference is None or reference.id == sight.roll.run.id:
        return CutPoints(measure, least, None)
    try:
        before = open_roll(roll_path(sight.settings, reference.id or 0))
    except MissingDataError:
        return CutPoints(measure, least, None)
    if column not in before.columns:
        return CutPoints(measure, least, None)
    sql = exp.select(column, "count(*) AS clients").from_("roll").where(f"{column} IS NOT NULL AND status = 'active'").group_by(column).sql(dialect=DIALECT)
    then, now = ({str(row[column]): row["clients"] for row in roll.arrow(sql).to_pylist()} for roll in (before, sight.reading.roll))
    return CutPoints(measure, least, drift(np.array([then.get(score, 0) for score in SCORES]), np.array([now.get(score, 0) for score in SCORES])))
