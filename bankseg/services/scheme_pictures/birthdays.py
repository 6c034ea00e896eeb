"""Birthdays within so many days: who, when, and whether the bank may greet them. Who was born on 29 February is greeted on the 28th in other years."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlglot import exp
from sqlmodel import Session

from bankseg.delivery.columns import Column, Format
from bankseg.domain.errors import InputError, MissingDataError
from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.segments.compiler import DIALECT
from bankseg.segments.reading import CHANNELS
from bankseg.services.export_list import Exported
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.scheme_pictures.taken import File, taken
from bankseg.services.segment_designer import LISTED
from bankseg.services.segments_desk import EXPORTED
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage.database import reading

FIRST_DAYS, MOST_DAYS = 30, 366
SHOWN = 200
OWN = (Column("birthday_on", "birthday_on"), Column("is_reachable", "is_reachable", "boolean"))


@dataclass(frozen=True, slots=True)
class BirthdaysPage:
    """Clients whose birthday comes within `days`, soonest first; `reachable` of them consented to a channel."""

    stamp: Stamp
    currency: str
    days: int
    least_loyalty: int
    clients: int
    reachable: int
    rows: list[dict[str, Any]]
    has_loyalty: bool


def birthdays_page(settings: Settings, session: Session, scope: Scope, days: int = FIRST_DAYS, least_loyalty: int = 0) -> BirthdaysPage:
    """Birthdays of the active clients in scope, of those with a loyalty index of so many points or more.

    Raises
    ------
    InputError
        When the days are not 0 to 366, or the points not 0 to 100.
    MissingDataError
        When no birth date is known.
    """
    sight = look(settings, session, scope)
    rows = _rows(sight, days, least_loyalty)
    return BirthdaysPage(
        sight.stamp, sight.currency, days, least_loyalty, len(rows), sum(bool(row["is_reachable"]) for row in rows), rows[:SHOWN],
        "loyalty_index" in sight.reading.roll.columns,
    )  # fmt: skip


def export_birthdays(settings: Settings, engine: Engine, scope: Scope, days: int, least_loyalty: int, path: Path, *, file_format: Format = "csv") -> Exported:
    """Write the same clients to a file and record who took them."""
    with reading(engine) as session:
        sight = look(settings, session, scope)
        rows, stamp = _rows(sight, days, least_loyalty), sight.stamp
    told = ({**row, "currency": sight.currency} for row in rows)
    return taken(engine, scope, stamp, (*OWN, *EXPORTED), told, File(path, file_format, f"birthdays:{days}"))


def _rows(sight: Sight, days: int, least_loyalty: int) -> list[dict[str, Any]]:
    if not 0 <= days <= MOST_DAYS or not 0 <= least_loyalty <= 100:
        raise InputError(f"{days} days and {least_loyalty} points", f"0 to {MOST_DAYS} days and 0 to 100 points", "choose others")
    known = sight.reading.roll.columns
    if "days_to_birthday" not in known:
        raise MissingDataError("no birth date is known", "birth_date in the extract of clients", "map it and load clients again")
    names = [name for name in LISTED if sees(sight.scope.role, name)]
    channels = [f"consents_{channel} = 1" for channel in CHANNELS if f"consents_{channel}" in known]
    reachable = exp.alias_(exp.condition(" OR ".join(channels) or "FALSE", dialect=DIALECT), "is_reachable")
    where = [sight.reading.visible(), exp.condition("status = 'active'"), exp.LTE(this=exp.column("days_to_birthday"), expression=exp.Literal.number(days))]
    if least_loyalty and "loyalty_index" in known:
        where.append(exp.GTE(this=exp.column("loyalty_index"), expression=exp.Literal.number(least_loyalty)))
    select = exp.select(*sight.reading.known("client_id", *names, "days_to_birthday", "loyalty_index"), reachable).from_("roll").where(exp.and_(*where))
    found = sight.reading.roll.arrow(select.order_by("days_to_birthday", "client_id").sql(dialect=DIALECT)).to_pylist()
    return [{**row, "birthday_on": (sight.roll.as_of + timedelta(days=row["days_to_birthday"])).isoformat()} for row in found]
