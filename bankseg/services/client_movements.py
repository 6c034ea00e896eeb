"""The rows behind a client's numbers: movements of a month or of some days, a page at a time, with sums that reconcile."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from bankseg.domain.errors import InputError
from bankseg.domain.horizon import add_months
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.services import cursor
from bankseg.services.client_facts import client_in_scope, open_facts
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage.portfolio import Row

PAGE = 50
TABLES = ("accounts", "transactions")
AFTER_EVERY_DAY = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class MovementsPage:
    """Movements of the days from `first_on` to `last_on`, newest first. `sums` cover all of them, not the page alone; null where transactions were never loaded."""

    stamp: Stamp
    client: Row
    first_on: date
    last_on: date
    rows: list[dict[str, Any]]
    sums: dict[str, int] | None
    next_after: str | None
    earlier: str
    later: str | None


def days_of_month(month: str) -> tuple[date, date]:
    """First and last day of a month.

    Raises
    ------
    InputError
        When it is no month.

    Examples
    --------
    >>> days_of_month("2024-02")
    (datetime.date(2024, 2, 1), datetime.date(2024, 2, 29))
    """
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise InputError(f"month {month[:20]!r}", "a month such as 2025-12", "choose one of the months") from error
    return first, add_months(first, 1) - timedelta(days=1)


def movements_page(settings: Settings, session: Session, scope: Scope, client_id: str, days: tuple[date, date] | None = None, after: str = "") -> MovementsPage:
    """Movements of one client in scope, by default of the last month of the run.

    Raises
    ------
    NotFoundError
        When there is no such client in scope, or the role sees no movements.
    InputError
        When the days are in the wrong order, or the place in the list cannot be read.
    """
    require(scope, Right.MOVEMENTS)
    shown, client = client_in_scope(session, scope, client_id)
    first_on, last_on = days or days_of_month(f"{shown.as_of:%Y-%m}")
    if first_on > last_on:
        raise InputError(f"days from {first_on} to {last_on}", "a first day that is not after the last one", "swap them")
    before_on, before_id = _place(after)
    window = {"first_on": first_on, "last_on": last_on}
    with open_facts(settings, session, client_id, TABLES) as record:
        rows = record.rows("movements", **window, before_on=before_on, before_id=before_id, most=PAGE + 1)
        sums = None if "transactions" in record.lacks else record.rows("movement_sums", **window)[0]
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return MovementsPage(
        shown, client, first_on, last_on, rows[:PAGE], sums, cursor.write(last["booked_on"].isoformat(), last["transaction_id"]) if last else None,
        f"{add_months(first_on, -1):%Y-%m}", f"{add_months(first_on, 1):%Y-%m}" if add_months(first_on, 1) <= shown.as_of else None,
    )  # fmt: skip


def _place(after: str) -> tuple[date, str]:
    if not after:
        return AFTER_EVERY_DAY, ""
    day, transaction_id = cursor.read(after, (str, str))
    try:
        return date.fromisoformat(day), transaction_id
    except ValueError as error:
        raise InputError("a page position that cannot be read", "the value given by the page before", "start again from the first page") from error
