"""Crossing two ways to part the clients: how many are in every cell, what they bring, how likely they are to leave, and who they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlglot import exp

from bankseg.segments.compiler import DIALECT
from bankseg.segments.places import Place
from bankseg.segments.reading import Reading

MEASURES = ("value_12m_minor", "churn")


@dataclass(frozen=True, slots=True)
class Condition:
    """Clients whose code under a place is this one (None: not known), or is not it where `holds` is false."""

    place: Place
    code: str | None
    holds: bool = True


def crossed(reading: Reading, rows: Place, columns: Place | None = None, where: Sequence[Condition] = ()) -> list[dict[str, Any]]:
    """Every cell of one or two places over the clients in scope.

    Returns
    -------
    list of dict
        `row`, `column` (codes, None where not known), `clients`, `value_12m_minor` with the `valued` clients it is the sum of, `mean_churn` with the `scored`
        clients it is the mean of; sums and means are None where nobody has a number.
    """
    inner = _parted(reading, MEASURES, [rows, *([columns] if columns else [])], where)
    known = reading.roll.columns
    figures = [
        "count(*) AS clients",
        *(["sum(value_12m_minor)::BIGINT AS value_12m_minor", "count(value_12m_minor) AS valued"] if "value_12m_minor" in known else []),
        *(["avg(churn) AS mean_churn", "count(churn) AS scored"] if "churn" in known else []),
    ]
    codes = ["place_0", *(["place_1"] if columns else [])]
    select = exp.select(*codes, *figures, dialect=DIALECT).from_(inner).where(_inside(where, len(codes))).group_by(*codes).order_by(*codes)
    found = reading.roll.arrow(select.sql(dialect=DIALECT)).to_pylist()
    return [
        {
            "row": row["place_0"], "column": row.get("place_1"), "clients": row["clients"], "value_12m_minor": row.get("value_12m_minor"),
            "valued": row.get("valued", 0), "mean_churn": row.get("mean_churn"), "scored": row.get("scored", 0),
        }
        for row in found
    ]  # fmt: skip


def chosen(reading: Reading, where: Sequence[Condition], columns: Sequence[str], *, limit: int | None = None) -> pa.Table:
    """The clients in scope who meet every condition, by number; columns the roll does not have are left out."""
    names = ["client_id", *columns]
    kept = reading.known(*names)
    select = exp.select(*kept).from_(_parted(reading, names, [], where)).where(_inside(where, 0)).order_by("client_id")
    return reading.roll.arrow((select.limit(limit) if limit is not None else select).sql(dialect=DIALECT))


def counted_where(reading: Reading, where: Sequence[Condition]) -> int:
    """How many clients in scope meet every condition."""
    select = exp.select("count(*) AS clients").from_(_parted(reading, ["client_id"], [], where)).where(_inside(where, 0))
    return int(reading.roll.arrow(select.sql(dialect=DIALECT)).to_pylist()[0]["clients"])


def _parted(reading: Reading, names: Sequence[str], places: Sequence[Place], where: Sequence[Condition]) -> exp.Subquery:
    """The whole roll with the code of each place: a place may rank all clients, so the scope is applied outside."""
    codes = [place.expression for place in (*places, *(condition.place for condition in where))]
    marks = [exp.alias_(expression.copy(), f"place_{number}") for number, expression in enumerate(codes)]
    return exp.select(*reading.known(*names), exp.alias_(reading.visible(), "is_visible"), *marks).from_("roll").subquery("parted")


def _inside(where: Sequence[Condition], first: int) -> exp.Expr:
    parts: list[exp.Expr] = [exp.column("is_visible")]
    for number, condition in enumerate(where, start=first):
        code = exp.column(f"place_{number}")
        same = exp.NullSafeEQ(this=code, expression=exp.null() if condition.code is None else exp.Literal.string(condition.code))
        parts.append(same if condition.holds else exp.not_(exp.paren(same)))
    return exp.and_(*parts)
