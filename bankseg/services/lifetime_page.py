"""The page of lifetime value: what the book will bring, by tier and segment, how it was found, and how it stood a year's test."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import InputError, MissingDataError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.segments.compiler import DIALECT
from bankseg.services.book import in_tier_order
from bankseg.services.lifetime_plan import NOT_PLANNED
from bankseg.services.rolls import OpenRoll, open_for
from bankseg.services.segment_studies import Asked, studies_of
from bankseg.services.segments_desk import stamp_of
from bankseg.services.stamp import Stamp
from bankseg.services.study_inputs import currency_of
from bankseg.settings import Settings
from bankseg.storage.run import Run

SUMS = ("value_12m_minor", "clv_minor", "clv_annuity_minor", "clv_average_minor")


@dataclass(frozen=True, slots=True)
class LifetimePage:
    """Lifetime value of a published run.

    `summary` says how it was found, or in `why` why there is none. A row of `total`, `by_tier` and `by_segment` has `code`, `clients` (all), `known` (with a
    value), sums in minor units and `median_minor`; null where nobody's is known. `check` is the latest back-test.
    """

    stamp: Stamp
    summary: dict[str, Any]
    total: dict[str, Any]
    by_tier: list[dict[str, Any]]
    by_segment: list[dict[str, Any]]
    check: Asked | None
    currency: str


def lifetime_of(run: Run) -> dict[str, Any]:
    """How a run's lifetime value was found, or why there is none."""
    return dict(run.summary.get("lifetime") or {"why": NOT_PLANNED})


def lifetime_page(settings: Settings, session: Session, scope: Scope | None, as_of: date | None = None) -> LifetimePage:
    """Lifetime value of the published run, or of the one published for a day not after `as_of`.

    Raises
    ------
    MissingDataError
        When nothing was published by then.
    """
    if scope is not None:
        require(scope, Right.DESIGN)
    roll = open_for(settings, session, None, as_of=as_of)
    checks = [one for one in studies_of(settings, session, scope, "lifetime") if one.study.run_id == roll.run.id]
    tiers = {row["code"]: row for row in _held(roll, exp.column("tier"))}
    segments = sorted(_held(roll, exp.column("segment")), key=lambda row: -(row["clv_minor"] or 0))
    (total,) = _held(roll, exp.Literal.string("all")) or [{"clients": 0, "known": 0, "median_minor": None, **dict.fromkeys(SUMS)}]
    return LifetimePage(
        stamp_of(roll), lifetime_of(roll.run), total, [tiers[code] for code in in_tier_order(tiers)], segments, checks[0] if checks else None, currency_of(roll)
    )


def _held(roll: OpenRoll, by: exp.Expr) -> list[dict[str, Any]]:
    """Sums of the active clients, by an expression."""
    has = {name: name in roll.reading.roll.columns for name in SUMS}
    figures = [
        exp.alias_(exp.cast(exp.Sum(this=exp.column(name)), "bigint") if is_known else exp.cast(exp.null(), "bigint"), name) for name, is_known in has.items()
    ]
    known: exp.Expr = exp.Count(this=exp.column("clv_minor")) if has["clv_minor"] else exp.Literal.number(0)
    median: exp.Expr = exp.Median(this=exp.column("clv_minor")) if has["clv_minor"] else exp.null()
    select = exp.select(
        exp.alias_(by, "code"), "count(*) AS clients", exp.alias_(known, "known"), exp.alias_(median, "median_minor"), *figures, dialect=DIALECT
    )
    rows = roll.reading.roll.arrow(select.from_("roll").where("status = 'active'").group_by(exp.Literal.number(1)).sql(dialect=DIALECT)).to_pylist()
    return [{**row, "median_minor": None if row["median_minor"] is None else round(row["median_minor"])} for row in rows]


def write_values(settings: Settings, session: Session, scope: Scope | None, path: Path, as_of: date | None = None) -> int:
    """Write the lifetime value of every client with one to a CSV or Parquet file; how many were written.

    Raises
    ------
    MissingDataError
        When the run has no lifetime value.
    InputError
        When the file's name says neither.
    """
    if scope is not None:
        require(scope, Right.DESIGN)
    roll = open_for(settings, session, None, as_of=as_of)
    if "clv_minor" not in roll.reading.roll.columns:
        raise MissingDataError(f"run {roll.run.id} has no lifetime value: {lifetime_of(roll.run)['why']}", "a run with one", "load a longer history")
    columns = roll.reading.known("client_id", "tier", *SUMS[1:], "clv_low_minor", "clv_high_minor")
    rows = roll.reading.roll.arrow(exp.select(*columns).from_("roll").where("clv_minor IS NOT NULL").order_by("client_id").sql(dialect=DIALECT))
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(rows, path)
    elif path.suffix == ".csv":
        pyarrow.csv.write_csv(rows, path)
    else:
        raise InputError(f"a file named {path.name}", "a name that ends in .csv or .parquet")
    return int(rows.num_rows)
