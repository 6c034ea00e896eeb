"""Unfinished applications: who began one online, let it lie for more than two days, and holds no such contract since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlglot import exp
from sqlmodel import Session

from bankseg.delivery.columns import Column, Format
from bankseg.domain.errors import InputError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require, sees
from bankseg.segments.compiler import DIALECT
from bankseg.segments.reading import CHANNELS
from bankseg.services.application_files import applications_of
from bankseg.services.credit_kept_back import kept_from_credit
from bankseg.services.export_list import Exported
from bankseg.services.rolls import OpenRoll, open_for
from bankseg.services.scheme_pictures.taken import File, taken
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage.database import reading

REST_DAYS = 2  # an application this young may still go on by itself
FIRST_DAYS, MOST_DAYS = 30, 365
SHOWN = 200
COLUMNS = (
    Column("client_id", "client_id"), Column("name", "name"), Column("product", "product"), Column("first_on", "first_on"), Column("last_on", "last_on"),
    Column("last_type", "last_sign"), Column("times", "times", "integer"), Column("propensity", "propensity", "number"), Column("consents", "may_be_contacted_by"),
    Column("tier", "tier"), Column("segment", "segment"), Column("branch_id", "branch_id"), Column("rm_id", "rm_id"), Column("last_interaction_on", "last_interaction_on"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ApplicationsPage:
    """Unfinished applications in scope, the latest first.

    `rows` None: digital events were never loaded. `by_product` counts them all; `kept_back` are those for a credit product of clients in risk review or vulnerable, who are
    proposed no credit; `reachable` consented to a channel.
    """

    stamp: Stamp
    days: int
    product: str
    rows: list[dict[str, Any]] | None
    applications: int
    reachable: int
    kept_back: int
    by_product: dict[str, int]


def applications_page(settings: Settings, session: Session, scope: Scope, days: int = FIRST_DAYS, product: str = "") -> ApplicationsPage:
    """Applications that rest since more than two and at most so many days, of one product where it is named.

    Raises
    ------
    InputError
        When the days are not 3 to 365.
    """
    require(scope, Right.CROSS_SELL)
    if not REST_DAYS < days <= MOST_DAYS:
        raise InputError(f"{days} days", f"{REST_DAYS + 1} to {MOST_DAYS} days", "choose others")
    roll = open_for(settings, session, scope)
    shown = Stamp(roll.run.id or 0, roll.as_of, roll.run.published_at)
    found = _rows(settings, roll, days)
    if found is None:
        return ApplicationsPage(shown, days, product, None, 0, 0, 0, {})
    counts: dict[str, int] = {}
    for row in found:
        if not row["is_kept_back"]:
            counts[row["product"]] = counts.get(row["product"], 0) + 1
    asked = [row for row in found if product in {"", row["product"]}]
    rows = [{name: value for name, value in row.items() if name != "is_kept_back"} for row in asked if not row["is_kept_back"]]
    reachable = sum(bool(row["consents"]) for row in rows)
    by_product = dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))
    return ApplicationsPage(shown, days, product, rows, len(rows), reachable, len(asked) - len(rows), by_product)


def export_applications(settings: Settings, engine: Engine, scope: Scope, days: int, product: str, path: Path, *, file_format: Format = "csv") -> Exported:
    """The same as a file, recorded with who took it."""
    with reading(engine) as session:
        page = applications_page(settings, session, scope, days, product)
    rows = ({**row, "first_on": row["first_on"].isoformat(), "last_on": row["last_on"].isoformat()} for row in page.rows or ())
    return taken(engine, scope, page.stamp, [column for column in COLUMNS if sees(scope.role, column.field)], rows, File(path, file_format, "applications"))


def _rows(settings: Settings, roll: OpenRoll, days: int) -> list[dict[str, Any]] | None:
    path = applications_of(settings, roll.run)
    if path is None:
        return None
    known = roll.reading.roll.columns
    names = ("client_id", "name", "kind", "tier", "segment", "branch_id", "rm_id", "last_interaction_on")
    told = [exp.column(name, table="roll", quoted=True) for name in names if name in known]
    select = exp.select(
        *told, "a.product", "a.first_on", "a.last_on", "a.last_type", "a.times", exp.alias_(_consents(known), "consents"), exp.alias_(_propensity(known), "propensity"),
        exp.alias_(kept_from_credit(settings, known, exp.column("product", table="a")), "is_kept_back"), dialect=DIALECT,
    )  # fmt: skip
    visible = exp.select("*").from_("roll").where(roll.reading.visible()).subquery("roll")  # whoever is left out is named without a table
    select = select.from_(visible).join("read_parquet($applications) AS a ON a.client_id = roll.client_id", dialect=DIALECT)
    select = select.where("status = 'active'", "a.last_on > $after", "a.last_on < $before", dialect=DIALECT)
    window = {"applications": str(path), "after": roll.as_of - timedelta(days=days), "before": roll.as_of - timedelta(days=REST_DAYS)}
    return roll.reading.roll.arrow(select.order_by("a.last_on DESC", "roll.client_id", "a.product").sql(dialect=DIALECT), window).to_pylist()


def _consents(known: Mapping[str, str]) -> exp.Expr:
    """The channels a client consented to, as text; empty where there is none."""
    held = [f"CASE WHEN consents_{channel} = 1 THEN '{channel}' END" for channel in CHANNELS if f"consents_{channel}" in known]
    return exp.condition(f"concat_ws(' ', {', '.join(held)})" if held else "''", dialect=DIALECT)


def _propensity(known: Mapping[str, str]) -> exp.Expr:
    """The propensity for the product of the application; null where it has no model."""
    case = exp.Case(this=exp.column("product", table="a"))
    models = [name for name in known if name.startswith("p:cross_sell:")]
    for name in models:
        case = case.when(exp.Literal.string(name.removeprefix("p:cross_sell:")), exp.column(name, table="roll", quoted=True))
    return case if models else exp.cast(exp.null(), "double")
