"""Clients by place: how many, what they bring, how their number grew, which products they hold, and where there is room."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlglot import exp
from sqlmodel import Session

from bankseg.delivery.columns import Column, Format
from bankseg.domain.errors import MissingDataError
from bankseg.domain.extracts import PRODUCTS
from bankseg.domain.people import Scope
from bankseg.segments.compiler import DIALECT
from bankseg.segments.geography import Opportunity, Spot, opportunities
from bankseg.services.export_list import Exported
from bankseg.services.scheme_pictures.axes import Axis, axis
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.scheme_pictures.taken import File, taken
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage.database import reading

LEVELS = ("city", "department", "region", "branch_id")
YEAR_DAYS = 365
EXPORTED = (
    Column("level", "level"), Column("place", "place"), Column("clients", "clients", "integer"),
    Column("clients_before", "clients_a_year_before", "integer"), Column("growth", "growth", "number"), Column("value_12m_minor", "value_12m", "money"),
    Column("opportunity_minor", "opportunity", "money"), Column("currency", "currency"), Column("product", "product_lacking_most"), Column("contracts", "contracts_lacking", "integer"),
)  # fmt: skip
NOT_SOLD = frozenset({"overdraft", "other", "current_account"})  # granted, a remainder, or what makes one a client


@dataclass(frozen=True, slots=True)
class GeographyPage:
    """Places of one level with enough clients, most opportunity first; `hidden_clients` of `hidden_places` places too small to be told apart; `unplaced` have no place."""

    stamp: Stamp
    currency: str
    level: Axis
    levels: list[Axis]
    products: list[str]
    spots: list[Spot]
    opportunities: dict[str, Opportunity]
    least_clients: int
    hidden_places: int
    hidden_clients: int
    unplaced: int


def geography_page(settings: Settings, session: Session, scope: Scope, level: str = "") -> GeographyPage:
    """The places of the clients in scope.

    Raises
    ------
    MissingDataError
        When the extract of clients brings no place.
    """
    sight = look(settings, session, scope)
    coverage = sight.reading.roll.coverage
    levels = [axis(sight, name) for name in LEVELS if name in sight.attributes and coverage.get(name)]
    if not levels:
        raise MissingDataError(
            "no client has a city, a department or a region", "one of these columns in the extract of clients", "map it and load clients again"
        )
    chosen = next((one for one in levels if one.code == level), levels[0])
    products = [name for name in PRODUCTS if name not in NOT_SOLD and f"holds_{name}" in sight.reading.roll.columns]
    least = int(sight.policy.section("pictures")["least_place_clients"])
    found = [_spot(row, products) for row in _rows(sight, chosen.code, products)]
    told = [spot for spot in found if spot.code and spot.clients >= least]
    hidden = [spot for spot in found if spot.code and spot.clients < least]
    room = {one.code: one for one in opportunities(told)}
    told.sort(key=lambda spot: (-(room[spot.code].value_minor or 0), -spot.clients, spot.code))
    return GeographyPage(
        sight.stamp, sight.currency, chosen, levels, products, told, room, least, len(hidden), sum(spot.clients for spot in hidden),
        sum(spot.clients for spot in found if not spot.code),
    )  # fmt: skip


def export_places(settings: Settings, engine: Engine, scope: Scope, level: str, path: Path, *, file_format: Format = "csv") -> Exported:
    """Write the places of a level to a file, as many as the page tells, and record who took it."""
    with reading(engine) as session:
        page = geography_page(settings, session, scope, level)
    columns = (*EXPORTED, *(Column(name, f"share_{name}", "number") for name in page.products))
    mark = {"currency": page.currency, "level": page.level.code}
    rows = ({**mark, **_told(spot, page.opportunities[spot.code])} for spot in page.spots)
    return taken(engine, scope, page.stamp, columns, rows, File(path, file_format, f"places:{page.level.code}"))


def _told(spot: Spot, room: Opportunity) -> dict[str, Any]:
    return {
        "place": spot.code, "clients": spot.clients, "clients_before": spot.clients_before, "growth": spot.growth, "value_12m_minor": spot.value_minor,
        "opportunity_minor": room.value_minor, "product": room.product, "contracts": room.contracts, **spot.shares,
    }  # fmt: skip


def _rows(sight: Sight, level: str, products: list[str]) -> list[dict[str, Any]]:
    """Active clients by place; a client of a year before is one who had joined by then and had not left, or left since."""
    columns = sight.reading.roll.columns
    year_ago = sight.roll.as_of - timedelta(days=YEAR_DAYS)
    left = f"(status = 'former' AND days_since_last_closing < {YEAR_DAYS})" if "days_since_last_closing" in columns else "FALSE"
    before = f"joined_on <= DATE '{year_ago.isoformat()}' AND (status = 'active' OR {left})" if "joined_on" in columns else "FALSE"
    figures = [
        "count(*) FILTER (WHERE status = 'active') AS clients",
        f"count(*) FILTER (WHERE {before}) AS clients_before",
        *(["count(value_12m_minor) AS valued", "sum(value_12m_minor)::BIGINT AS value"] if "value_12m_minor" in columns else []),
        *(f"count(*) FILTER (WHERE status = 'active' AND holds_{name} = 1) AS {name}" for name in products),
    ]
    place = exp.alias_(exp.column(level, quoted=True), "place")
    select = exp.select(place, *figures, dialect=DIALECT).from_("roll").where(sight.reading.visible()).group_by("place").order_by("place")
    return sight.reading.roll.arrow(select.sql(dialect=DIALECT)).to_pylist()


def _spot(row: dict[str, Any], products: list[str]) -> Spot:
    clients, valued = int(row["clients"]), int(row.get("valued") or 0)
    return Spot(
        str(row["place"] or ""),
        clients,
        int(row["clients_before"]),
        valued,
        row["value"] if valued else None,
        {name: row[name] / clients if clients else 0.0 for name in products},
    )
