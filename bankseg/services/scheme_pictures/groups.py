"""One figure across groups: who holds a product, who took it in a year, how likely a target is, by age or any other way to part the clients."""

from dataclasses import dataclass

from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import NotFoundError
from bankseg.domain.extracts import PRODUCTS
from bankseg.domain.people import Scope
from bankseg.segments.arrays import numbers
from bankseg.segments.compare import Group, by_group
from bankseg.segments.compiler import DIALECT
from bankseg.services.scheme_pictures.axes import Axis, axes, axis
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings

SOLD_WITHIN_DAYS = 365
MOST_GROUPS = 40
FIRST = "holds:savings"  # what the page begins with, where there is savings


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure one may compare: `holds:<product>` and `sold:<product>` are shares, `p:<target>` means of a probability, `value` a mean in minor units."""

    code: str
    expression: exp.Expr

    @property
    def subject(self) -> str:
        """Product or target."""
        return self.code.partition(":")[2]

    @property
    def kind(self) -> str:
        """`holds`, `sold`, `p`, `value`, `churn` or `complained`."""
        return self.code.partition(":")[0]


@dataclass(frozen=True, slots=True)
class GroupsPage:
    """A figure in every group of active clients, in the axis's order, with the figures and axes one may choose; `left_out` groups beyond the forty largest."""

    stamp: Stamp
    currency: str
    figure: Figure
    axis: Axis
    groups: list[Group]
    figures: list[Figure]
    axes: list[Axis]
    left_out: int


def groups_page(settings: Settings, session: Session, scope: Scope, figure: str = "", by: str = "") -> GroupsPage:
    """A figure across the groups of active clients in scope, each against all others, Holm-corrected.

    Raises
    ------
    NotFoundError
        When there is no such figure or axis for this person.
    InputError
        When nobody has a value and a group.
    """
    sight = look(settings, session, scope)
    known = figures(sight)
    chosen = (
        next((one for one in known if one.code == figure), None) if figure else next((one for one in known if one.code == FIRST), known[0] if known else None)
    )
    if chosen is None:
        raise NotFoundError(f"no figure {figure[:60]!r}", "one of the list", "choose one of the list")
    found = axis(sight, by or ("age_band" if "age_years" in sight.reading.roll.columns else "kind"))
    relation = exp.select(
        exp.alias_(found.place.expression.copy(), "grouped"),
        exp.alias_(chosen.expression.copy(), "figure"),
        exp.alias_(sight.reading.visible(), "is_visible"),
        "status",
    ).from_("roll")
    table = sight.reading.roll.arrow(
        exp.select("grouped", "figure").from_(relation.subquery("parted")).where("is_visible AND status = 'active'").sql(dialect=DIALECT)
    )
    names = table.column("grouped").to_pylist()
    sizes: dict[str, int] = {}
    for name in names:
        if name is not None:
            sizes[name] = sizes.get(name, 0) + 1
    kept = set(sorted(sizes, key=lambda name: -sizes[name])[:MOST_GROUPS])
    place = {code: number for number, code in enumerate(found.place.order)}
    told = by_group(numbers(table, "figure"), [name if name in kept else None for name in names])
    told.sort(key=lambda group: (place.get(group.name, len(place)), group.name))
    return GroupsPage(sight.stamp, sight.currency, chosen, found, told, known, axes(sight), len(sizes) - len(kept))


def figures(sight: Sight) -> list[Figure]:
    """Figures the roll has: holding and taking of each product, propensities, churn, contribution, complaints."""
    columns = sight.reading.roll.columns
    products = [name for name in PRODUCTS if f"holds_{name}" in columns and name != "other"]
    holds = [Figure(f"holds:{name}", exp.cast(exp.column(f"holds_{name}"), "double")) for name in products]
    sold = [Figure(f"sold:{name}", _within_a_year(f"days_since_opening_{name}")) for name in products if f"days_since_opening_{name}" in columns]
    targets = [Figure(name, exp.column(name, quoted=True)) for name in columns if name.startswith("p:")]
    others = [Figure(code, expression) for code, (column, expression) in _OTHERS.items() if column in columns]
    return [*holds, *sold, *others, *targets]


def _within_a_year(column: str) -> exp.Expr:
    days = exp.column(column)
    recent = exp.LT(this=days, expression=exp.Literal.number(SOLD_WITHIN_DAYS))
    return exp.cast(exp.func("coalesce", exp.paren(recent), exp.false(), dialect=DIALECT), "double")


_OTHERS: dict[str, tuple[str, exp.Expr]] = {
    "value": ("value_12m_minor", exp.cast(exp.column("value_12m_minor"), "double")),
    "churn": ("churn", exp.cast(exp.column("churn"), "double")),
    "complained": ("complaints_365d", exp.cast(exp.paren(exp.GT(this=exp.column("complaints_365d"), expression=exp.Literal.number(0))), "double")),
}
