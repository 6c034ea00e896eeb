"""Reading a scheme on a roll: who is in which segment, counted, described, listed, or compared with another version."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import pyarrow as pa
from sqlglot import exp

from bankseg.domain.schemes import Scheme, SegmentRule
from bankseg.domain.segment_rules import Rule, holds
from bankseg.domain.settled_rules import Cuts, Share, settle
from bankseg.segments.compiler import DIALECT, first_match, predicate

CHANNELS = ("email", "phone", "sms", "post")
SAMPLE = 10
TOTALS = ("value_12m_minor", "clv_minor", "balance_minor", "expected_loss_minor")
RISK_BANDS = ("normal", "elevated", "high", "unknown")


class Rows(Protocol):
    """Whatever answers SQL over the relation `roll`."""

    @property
    def columns(self) -> Mapping[str, str]:
        """Type of each column by name."""

    @property
    def coverage(self) -> Mapping[str, float]:
        """Share of clients that have each column."""

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Rows of a statement."""

    def beside(self, column: str, sql: str, parameters: Mapping[str, Any], *, version: int = 0) -> str:
        """Name of a table of one column, a row for each client in the roll's order."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How rules are read on one roll: as of when, with which frozen cut points, and for whom.

    `scope` is a rule every read carries: clients outside it are neither counted nor listed.
    """

    roll: Rows
    as_of: date
    cuts: Callable[[Share], Cuts]
    scope: Rule

    def settled(self, rule: Rule) -> Rule:
        """The rule without relative comparisons."""
        return settle(rule, self.as_of, self.cuts)

    def predicate(self, rule: Rule) -> exp.Expr:
        """SQL predicate of a rule on this roll, without the scope."""
        return predicate(self.settled(rule), self.roll.columns)

    def visible(self) -> exp.Expr:
        """SQL predicate of the clients the reader may see."""
        return predicate(self.scope, self.roll.columns)

    def known(self, *names: str) -> list[exp.Expr]:
        """Those of the columns that the roll has."""
        return [exp.column(name, quoted=True) for name in dict.fromkeys(names) if name in self.roll.columns]


def placed(scheme: Scheme, reading: Reading) -> exp.Expr:
    """SQL expression of a client's segment under an exclusive scheme."""
    return first_match([(segment.code, reading.settled(segment.when) if segment.when else None) for segment in scheme.segments], reading.roll.columns)


def segments_of(scheme: Scheme, reading: Reading, client: Mapping[str, Any]) -> list[str]:
    """The segments of a scheme that hold one client, read from its row: one at most in an exclusive scheme."""
    held = [segment.code for segment in scheme.segments if segment.when is None or holds(reading.settled(segment.when), client)]
    return held[:1] if scheme.is_exclusive else held


def members(scheme: Scheme, segment: SegmentRule, reading: Reading) -> exp.Expr:
    """SQL predicate of a segment's clients: what its rule says in an overlapping scheme, who is left to it in an exclusive one."""
    if not scheme.is_exclusive and segment.when is not None:
        return reading.predicate(segment.when)
    return exp.paren(exp.EQ(this=placed(scheme, reading), expression=exp.Literal.string(segment.code)))


def profile(reading: Reading, inside: exp.Expr, targets: list[str]) -> dict[str, Any]:
    """Size, value, churn, propensities, risk and reach of the clients for whom `inside` holds.

    Returns
    -------
    dict
        `clients`, `of` (all in scope), sums in minor units (None where the roll has no such column), means in [0, 1] (None where nobody has a number),
        `risk` counts by band, `reachable` counts by consented channel and `any`.
    """
    columns = reading.roll.columns
    selected = _figures(reading)
    selected += [f"count(*) FILTER (WHERE risk_band = '{band}') AS risk_{band}" for band in RISK_BANDS if "risk_band" in columns]
    reach = [channel for channel in CHANNELS if f"consents_{channel}" in columns]
    selected += [f"count(*) FILTER (WHERE consents_{channel} = 1) AS reach_{channel}" for channel in reach]
    if reach:
        selected.append(f"count(*) FILTER (WHERE {' OR '.join(f'consents_{channel} = 1' for channel in reach)}) AS reach_any")
    means = [exp.alias_(exp.Avg(this=exp.column(f"p:{target}", quoted=True)), f"p:{target}", quoted=True) for target in targets if f"p:{target}" in columns]
    select = exp.select(*selected, *means, dialect=DIALECT).from_("roll").where(exp.and_(reading.visible(), inside))
    row = reading.roll.arrow(select.sql(dialect=DIALECT)).to_pylist()[0]
    everyone = reading.roll.arrow(exp.select("count(*) AS clients").from_("roll").where(reading.visible()).sql(dialect=DIALECT)).to_pylist()[0]
    return {
        "clients": row["clients"],
        "of": everyone["clients"],
        **{name: (row[name] or 0) if name in columns else None for name in TOTALS},
        "mean_churn": row.get("mean_churn"),
        "propensities": {target: row[f"p:{target}"] for target in targets if f"p:{target}" in columns},
        "risk": {key.removeprefix("risk_"): row[key] for key in row if key.startswith("risk_")},
        "reachable": {key.removeprefix("reach_"): row[key] for key in row if key.startswith("reach_")},
    }


def movement(reading: Reading, inside: exp.Expr, before: exp.Expr) -> dict[str, Any]:
    """Who enters and who leaves when `inside` takes the place of `before`: counts, and the first clients of each by number."""
    pair = exp.select(*reading.known("client_id", "name", "tier"), exp.alias_(inside, "inside"), exp.alias_(before, "was_inside"))
    both = pair.from_("roll").where(reading.visible()).subquery("pair")
    return {
        "entering": _changed(reading, both, exp.and_(exp.column("inside"), exp.not_(exp.column("was_inside")))),
        "leaving": _changed(reading, both, exp.and_(exp.column("was_inside"), exp.not_(exp.column("inside")))),
    }


def listing(reading: Reading, inside: exp.Expr, columns: list[str], *, limit: int | None = None) -> pa.Table:
    """The clients for whom `inside` holds, by number; columns the roll does not have are left out."""
    select = exp.select(*reading.known("client_id", *columns)).from_("roll").where(exp.and_(reading.visible(), inside)).order_by("client_id")
    return reading.roll.arrow((select.limit(limit) if limit is not None else select).sql(dialect=DIALECT))


def sizes(scheme: Scheme, reading: Reading) -> list[dict[str, Any]]:
    """Every segment's clients, value and churn, in the scheme's order, and how many its rule alone would hold.

    An exclusive scheme's sizes add up to the clients in scope. `matching` above `clients` says that earlier rules took some; `clients` 0 with
    `matching` above 0 that the rule is never reached; `matching` 0 that it is empty. A sum is None where no client of the segment has a number.
    """
    matching = _matching(scheme, reading)
    held = _held(scheme, reading) if scheme.is_exclusive else [_alone(reading, segment) for segment in scheme.segments]
    in_scope = matching.pop("in_scope")
    return [
        {
            "code": segment.code,
            "clients": row.get("clients") or 0,
            "matching": matching[segment.code],
            "share": (row.get("clients") or 0) / in_scope if in_scope else 0.0,
            **{name: (row.get(name) if row.get("clients") else 0) if name in reading.roll.columns else None for name in TOTALS},
            "mean_churn": row.get("mean_churn"),
        }
        for segment, row in zip(scheme.segments, held, strict=True)
    ]


def figures_of(reading: Reading, figures: Mapping[str, str], among: exp.Expr) -> dict[str, Any]:
    """Aggregates (SQL by name) over the clients in scope for whom `among` holds."""
    select = exp.select(*(f"{sql} AS {name}" for name, sql in figures.items()), dialect=DIALECT).from_("roll").where(exp.and_(reading.visible(), among))
    return dict(reading.roll.arrow(select.sql(dialect=DIALECT)).to_pylist()[0])


def figures_of_segments(scheme: Scheme, reading: Reading, figures: Mapping[str, str], among: exp.Expr) -> dict[str, dict[str, Any]]:
    """Aggregates (SQL by name) over every segment's clients in scope for whom `among` holds; an exclusive scheme is read in one pass.

    A segment without any has 0 for counts and None for the others.
    """
    if not scheme.is_exclusive:
        return {one.code: figures_of(reading, figures, exp.and_(among, members(scheme, one, reading))) for one in scheme.segments}
    selected = exp.select(exp.alias_(placed(scheme, reading), "placed"), *(f"{sql} AS {name}" for name, sql in figures.items()), dialect=DIALECT)
    parted = selected.from_("roll").where(exp.and_(reading.visible(), among)).group_by(exp.column("placed"))
    found = {row.pop("placed"): row for row in reading.roll.arrow(parted.sql(dialect=DIALECT)).to_pylist()}
    nobody = {name: 0 if sql.startswith("count(") else None for name, sql in figures.items()}
    return {one.code: found.get(one.code, nobody) for one in scheme.segments}


def _matching(scheme: Scheme, reading: Reading) -> dict[str, int]:
    """Clients each rule alone would hold, by code, and all clients in scope under `in_scope`."""
    rules = [
        exp.alias_(
            exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=reading.predicate(segment.when) if segment.when else exp.true())), f"m{place}"
        )
        for place, segment in enumerate(scheme.segments)
    ]
    row = reading.roll.arrow(exp.select("count(*) AS in_scope", *rules).from_("roll").where(reading.visible()).sql(dialect=DIALECT)).to_pylist()[0]
    return {"in_scope": row["in_scope"], **{segment.code: row[f"m{place}"] for place, segment in enumerate(scheme.segments)}}


def _held(scheme: Scheme, reading: Reading) -> list[dict[str, Any]]:
    """Figures of every segment of an exclusive scheme, in one pass over the clients."""
    figures = _figures(reading)
    select = exp.select(exp.alias_(placed(scheme, reading), "placed"), *figures, dialect=DIALECT).from_("roll").where(reading.visible())
    rows = reading.roll.arrow(select.group_by(exp.Literal.number(1)).sql(dialect=DIALECT)).to_pylist()
    by_code = {row["placed"]: row for row in rows}
    return [by_code.get(segment.code, {}) for segment in scheme.segments]


def _alone(reading: Reading, segment: SegmentRule) -> dict[str, Any]:
    """Figures of one segment of an overlapping scheme."""
    inside = reading.predicate(segment.when) if segment.when else exp.true()
    select = exp.select(*_figures(reading), dialect=DIALECT).from_("roll").where(exp.and_(reading.visible(), inside))
    row: dict[str, Any] = reading.roll.arrow(select.sql(dialect=DIALECT)).to_pylist()[0]
    return row


def _figures(reading: Reading) -> list[str]:
    known = reading.roll.columns
    return [
        "count(*) AS clients",
        *(f"sum({name})::BIGINT AS {name}" for name in TOTALS if name in known),
        *(["avg(churn) AS mean_churn"] if "churn" in known else []),
    ]


def _changed(reading: Reading, both: exp.Subquery, changed: exp.Expr) -> dict[str, Any]:
    names = reading.known("client_id", "name", "tier")
    in_all = exp.alias_(exp.Window(this=exp.Count(this=exp.Star())), "in_all")
    rows = reading.roll.arrow(exp.select(*names, in_all).from_(both.copy()).where(changed).order_by("client_id").limit(SAMPLE).sql(dialect=DIALECT)).to_pylist()
    return {"clients": rows[0]["in_all"] if rows else 0, "sample": [{name: value for name, value in row.items() if name != "in_all"} for row in rows]}
