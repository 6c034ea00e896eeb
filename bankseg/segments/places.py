"""Places: ways to part the clients of a roll, each giving every client one code, by an attribute, a scheme, or a figure cut into bands."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

from sqlglot import exp

from bankseg.domain.schemes import Scheme, SegmentRule
from bankseg.segments.compiler import DIALECT
from bankseg.segments.reading import Reading, members, placed

INSIDE, OUTSIDE = "inside", "outside"
DECILES = 10
AGES = (18, 25, 35, 45, 55, 65, 75)  # first year of each band
SECTOR_DIGITS = 2  # of a NAF code: its division
INTERESTS = ("groceries", "restaurants", "travel", "car", "fashion", "home", "children", "leisure")
SCORES = ("5", "4", "3", "2", "1")


@dataclass(frozen=True, slots=True)
class Place:
    """One way to part the clients.

    `expression` gives each client's code as a text over the whole roll, null where it is not known; `order` are the codes in the order they are shown,
    any others follow by name.
    """

    code: str
    expression: exp.Expr
    order: tuple[str, ...] = ()


def of_attribute(name: str, order: tuple[str, ...] = ()) -> Place:
    """By the value of an attribute."""
    return Place(name, exp.cast(exp.column(name, quoted=True), "varchar"), order)


def of_scheme(scheme: Scheme, reading: Reading) -> Place:
    """By the segment of an exclusive scheme."""
    return Place(f"scheme:{scheme.code}", placed(scheme, reading), tuple(segment.code for segment in scheme.segments))


def of_segment(scheme: Scheme, segment: SegmentRule, reading: Reading) -> Place:
    """Inside or outside one segment of any scheme."""
    inside = exp.Case().when(members(scheme, segment, reading), exp.Literal.string(INSIDE)).else_(exp.Literal.string(OUTSIDE))
    return Place(f"member:{scheme.code}:{segment.code}", inside, (INSIDE, OUTSIDE))


def of_holding(code: str, column: str) -> Place:
    """With (inside) or without (outside) a product, by the column that says 1 of its holders."""
    held = exp.EQ(this=exp.column(column, quoted=True), expression=exp.Literal.number(1))
    return Place(code, exp.Case().when(held, exp.Literal.string(INSIDE)).else_(exp.Literal.string(OUTSIDE)), (INSIDE, OUTSIDE))


def of_frequency_and_amount(code: str, amount_score: str) -> Place:
    """By the mean of the frequency and the amount score, whole points down: 4 holds means of 4 and 4.5 (definitions 1).

    A client with a recency and without frequency or amount has 1 for it, as its three digits do.
    """
    scores = (exp.func("coalesce", exp.column(name), exp.Literal.number(1), dialect=DIALECT) for name in ("frequency_score", amount_score))
    mean = exp.IntDiv(this=exp.paren(exp.Add(this=next(scores), expression=next(scores))), expression=exp.Literal.number(2))
    known = exp.column("recency_score").is_(exp.null()).not_()
    return Place(code, exp.Case().when(known, exp.cast(mean, "varchar")), SCORES)


def of_age() -> Place:
    """By age band; firms have none."""
    names = ("under 18", *(f"{low}-{high - 1}" for low, high in pairwise(AGES)), "75 and over")
    age = exp.column("age_years")
    case = exp.Case().when(age.is_(exp.null()), exp.null())
    for name, limit in zip(names[:-1], AGES, strict=True):
        case = case.when(exp.LT(this=age.copy(), expression=exp.Literal.number(limit)), exp.Literal.string(name))
    return Place("age_band", case.else_(exp.Literal.string(names[-1])), names)


def of_sector() -> Place:
    """By the division of the firm's activity, the first two digits of its NAF code; people have none."""
    return Place("sector", exp.func("left", exp.column("naf_code"), exp.Literal.number(SECTOR_DIGITS), dialect=DIALECT))


def of_value_decile() -> Place:
    """By tenth of contribution within the kind of client, 1 the most profitable; equal contributions in the order of their number."""
    value = exp.column("value_12m_minor")
    tenth = exp.Window(
        this=exp.func("ntile", exp.Literal.number(DECILES), dialect=DIALECT),
        partition_by=[exp.column("kind"), value.is_(exp.null())],
        order=exp.Order(expressions=[exp.Ordered(this=value.copy(), desc=True), exp.Ordered(this=exp.column("client_id"))]),
    )
    return Place("value_decile", _where_known(value, exp.cast(tenth, "varchar")), tuple(str(tenth) for tenth in range(1, DECILES + 1)))


def of_contribution_class(large_pct: int, medium_pct: int) -> Place:
    """Small, medium or large by movable cut-offs, as `pmg.classes` does: the fewest who bring the first per cent of positive contribution within a kind are large."""
    value = exp.column("value_12m_minor")
    positive = exp.func("greatest", value.copy(), exp.Literal.number(0), dialect=DIALECT)
    kind = exp.column("kind")
    order = exp.Order(expressions=[exp.Ordered(this=value.copy(), desc=True, nulls_first=False), exp.Ordered(this=exp.column("client_id"))])
    rows = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    gained = exp.Window(this=exp.Sum(this=positive), partition_by=[kind], order=order, spec=rows)
    before = exp.paren(exp.Sub(this=gained, expression=positive.copy()))
    total = exp.Window(this=exp.Sum(this=positive.copy()), partition_by=[kind.copy()])

    def within(pct: int) -> exp.Expr:
        part = exp.Mul(this=total.copy(), expression=exp.Literal.number(pct))
        return exp.LT(this=exp.Mul(this=before.copy(), expression=exp.Literal.number(100)), expression=part)

    case = exp.Case().when(exp.LTE(this=value.copy(), expression=exp.Literal.number(0)), exp.Literal.string("small"))
    case = case.when(within(large_pct), exp.Literal.string("large")).when(within(medium_pct), exp.Literal.string("medium")).else_(exp.Literal.string("small"))
    return Place(f"class:{large_pct}:{medium_pct}", _where_known(value, case), ("large", "medium", "small"))


def of_interest(columns: Collection[str]) -> Place:
    """By the kind of shop that takes the largest part of a year's card spending; ties go to the first in the list, no card spending has none."""
    known = [name for name in INTERESTS if f"spend_share_{name}" in columns]
    shares = [exp.column(f"spend_share_{name}") for name in known]
    largest = exp.func("greatest", *shares, dialect=DIALECT) if shares else exp.null()
    case = exp.Case().when(exp.func("coalesce", largest, exp.Literal.number(0), dialect=DIALECT).eq(0), exp.null())
    for name, share in zip(known, shares, strict=True):
        case = case.when(exp.EQ(this=share.copy(), expression=largest.copy()), exp.Literal.string(name))
    return Place("top_interest", case.else_(exp.null()), INTERESTS)


def _where_known(value: exp.Column, code: exp.Expr) -> exp.Expr:
    return exp.Case().when(value.copy().is_(exp.null()).not_(), code)
