"""Reading a scheme on a roll: who is in which segment, counted, described, listed, or compared with another version."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import pyarrow as pa
from sqlglot import exp

from bankseg.domain.schemes import Scheme, SegmentRule
from bankseg.domain.segment_rules import Rule
from bankseg.domain.settled_rules import Cuts, Share, settle
from bankseg.segments.compiler import DIALECT, first_match, predicate

CHANNELS = ("email", "phone", "sms", "post")
SAMPLE = 10
TOTALS = ("value_12m_minor", "balance_minor", "expected_loss_minor")
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
    selected = ["count(*) AS of_all", "count(*) FILTER (WHERE inside) AS clients"]
    selected += [f"coalesce(sum({name}) FILTER (WHERE inside), 0)::BIGINT AS {name}" for name in TOTALS if name in columns]
    selected += ["avg(churn) FILTER (WHERE inside) AS mean_churn"] if "churn" in columns else []
    selected += [f"count(*) FILTER (WHERE inside AND risk_band = '{band}') AS risk_{band}" for band in RISK_BANDS if "risk_band" in columns]
    reach = [channel for channel in CHANNELS if f"consents_{channel}" in columns]
    selected += [f"count(*) FILTER (WHERE inside AND consents_{channel} = 1) AS reach_{channel}" for channel in reach]
    if reach:
        selected.append(f"count(*) FILTER (WHERE inside AND ({' OR '.join(f'consents_{channel} = 1' for channel in reach)})) AS reach_any")
    means = [_mean(f"p:{target}") for target in targets if f"p:{target}" in columns]
    held = exp.select(exp.Star(), exp.alias_(inside, "inside")).from_("roll").where(reading.visible()).subquery("held")
    row = reading.roll.arrow(exp.select(*selected, *means, dialect=DIALECT).from_(held).sql(dialect=DIALECT)).to_pylist()[0]
    return {
        "clients": row["clients"],
        "of": row["of_all"],
        **{name: row.get(name) for name in TOTALS},
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
    `matching` above 0 that the rule is never reached; `matching` 0 that it is empty.
    """
    totals = [name for name in (*TOTALS, "churn") if name in reading.roll.columns]
    held = [exp.alias_(reading.predicate(segment.when) if segment.when else exp.true(), f"holds_{place}") for place, segment in enumerate(scheme.segments)]
    place_of = placed(scheme, reading) if scheme.is_exclusive else exp.cast(exp.null(), "varchar")
    base = exp.select(*reading.known(*totals), *held, exp.alias_(place_of, "placed")).from_("roll").where(reading.visible()).subquery("held")
    counted = ["count(*) AS in_scope"]
    for place, segment in enumerate(scheme.segments):
        inside = f"placed = '{segment.code}'" if scheme.is_exclusive else f"holds_{place}"
        counted += [f"count(*) FILTER (WHERE {inside}) AS clients_{place}", f"count(*) FILTER (WHERE holds_{place}) AS matching_{place}"]
        counted += [
            f"avg(churn) FILTER (WHERE {inside}) AS churn_{place}"
            if name == "churn"
            else f"coalesce(sum({name}) FILTER (WHERE {inside}), 0)::BIGINT AS {name}_{place}"
            for name in totals
        ]
    row = reading.roll.arrow(exp.select(*counted, dialect=DIALECT).from_(base).sql(dialect=DIALECT)).to_pylist()[0]
    return [
        {
            "code": segment.code,
            "clients": row[f"clients_{place}"],
            "matching": row[f"matching_{place}"],
            "share": row[f"clients_{place}"] / row["in_scope"] if row["in_scope"] else 0.0,
            **{name: row.get(f"{name}_{place}") for name in TOTALS},
            "mean_churn": row.get(f"churn_{place}"),
        }
        for place, segment in enumerate(scheme.segments)
    ]


def _changed(reading: Reading, both: exp.Subquery, changed: exp.Expr) -> dict[str, Any]:
    names = reading.known("client_id", "name", "tier")
    in_all = exp.alias_(exp.Window(this=exp.Count(this=exp.Star())), "in_all")
    rows = reading.roll.arrow(exp.select(*names, in_all).from_(both.copy()).where(changed).order_by("client_id").limit(SAMPLE).sql(dialect=DIALECT)).to_pylist()
    return {"clients": rows[0]["in_all"] if rows else 0, "sample": [{name: value for name, value in row.items() if name != "in_all"} for row in rows]}


def _mean(column: str) -> exp.Expr:
    average = exp.Filter(this=exp.Avg(this=exp.column(column, quoted=True)), expression=exp.Where(this=exp.column("inside")))
    return exp.alias_(average, column, quoted=True)
