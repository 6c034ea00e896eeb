"""How one client uses the bank: month by month with its marks, rhythm, channels, kinds of shop, what is sought, devices and pages."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import linear_regression, median_low
from typing import Any

from sqlmodel import Session

from bankseg.domain.benefits_sought import ATTRIBUTES, Benefit, benefits_sought
from bankseg.domain.errors import MissingDataError
from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.domain.segment_rules import Test
from bankseg.segments.reading import listing
from bankseg.services.client_facts import client_in_scope, open_facts
from bankseg.services.rolls import open_for
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage.portfolio import Row

TABLES = ("transactions", "balances", "accounts", "digital_events", "consents")
SPENDING = "spend_share_"
TOP = 5
MONTHS, TREND_MONTHS = 12, 6
BROWSING_CONSENT = "profiling"
# Days that a window reaches back from the day, the day included.
WINDOWS = {"after_30d": 30, "after_90d": 90, "after_3m": 91, "after_6m": 182}


@dataclass(frozen=True, slots=True)
class UsageMonth:
    """One month; `movements` 0: the client did nothing, null: movements were never loaded. `lowest_minor` is the least balance of a current account as the month ended."""

    month: str
    movements: int | None
    card_purchases: int | None
    card_minor: int | None
    paid_on: date | None
    journeys: int
    lowest_minor: int | None

    @property
    def is_overdrawn(self) -> bool:
        """Whether a current account ended the month below zero."""
        return self.lowest_minor is not None and self.lowest_minor < 0


@dataclass(frozen=True, slots=True)
class PageUse:
    """How often one page or product was looked at in a year, by type of event, and when last."""

    page: str
    times: dict[str, int]
    last_on: date


@dataclass(frozen=True, slots=True)
class UsagePage:
    """The usage of one client; figures that hang on an extract that was never loaded (`lacks`) are null.

    `trend` is movements gained or lost a month over the last six; `interests` the five largest shares of card spending; `refuses_browsing`: the client said no to profiling, and
    no digital event is shown.
    """

    stamp: Stamp
    client: Row
    months: list[UsageMonth]
    trend: float | None
    payday: int | None
    rhythm: dict[str, Any] | None
    channels: dict[str, int]
    interests: dict[str, float]
    benefits: list[Benefit]
    sessions: dict[str, int] | None
    devices: dict[str, int]
    pages: list[PageUse]
    refuses_browsing: bool
    lacks: frozenset[str]


def usage_page(settings: Settings, session: Session, scope: Scope, client_id: str) -> UsagePage:
    """The usage of one client in scope; who sees no balance sees no amount, payday or overdraft.

    Raises
    ------
    NotFoundError
        When there is no such client in scope.
    """
    shown, client = client_in_scope(session, scope, client_id)
    attributes = _attributes(settings, session, scope, client_id)
    days = {name: shown.as_of - timedelta(days=reach) for name, reach in WINDOWS.items()}
    with open_facts(settings, session, client_id, TABLES) as record:
        lacks = record.lacks
        has_movements = "transactions" not in lacks
        months = whole_year(record.rows("usage_months", home=attributes.get("country")), shown.as_of, has_movements=has_movements)
        rhythm = record.rows("usage_rhythm", **days)[0] if has_movements else None
        channels = {row["channel"]: row["movements"] for row in record.rows("usage_channels")}
        refuses = any(row["purpose"] == BROWSING_CONSENT and not row["is_granted"] for row in record.rows("consents"))
        visits = [] if refuses else record.rows("usage_visits", **days)
    if not sees(scope.role, "balance_minor"):
        months = [UsageMonth(one.month, one.movements, one.card_purchases, None, None, one.journeys, None) for one in months]
        rhythm = rhythm and {name: value for name, value in rhythm.items() if not name.endswith("_minor")}
    knows_visits = "digital_events" not in lacks and not refuses
    return UsagePage(
        shown, client, months, trend([one.movements for one in months]), payday([one.paid_on for one in months]), rhythm, channels, top_interests(attributes),
        benefits_sought({name: attributes.get(name) for name in ATTRIBUTES}), sessions(visits) if knows_visits else None, devices(visits), pages(visits), refuses, lacks,
    )  # fmt: skip


def whole_year(rows: list[dict[str, Any]], as_of: date, *, has_movements: bool) -> list[UsageMonth]:
    """Twelve months up to the day, oldest first; one without a row is a month in which nothing was done."""
    by_month = {row["month"]: row for row in rows}
    found = []
    for back in range(MONTHS - 1, -1, -1):
        number = as_of.year * 12 + as_of.month - 1 - back
        month = f"{number // 12:04}-{number % 12 + 1:02}"
        row = by_month.get(month, {})
        movements, purchases, paid = (row.get(name) or 0 if has_movements else None for name in ("movements", "card_purchases", "card_minor"))
        found.append(UsageMonth(month, movements, purchases, paid, row.get("paid_on"), row.get("journeys") or 0, row.get("lowest_minor")))
    return found


def trend(counts: list[int | None]) -> float | None:
    """Slope of the least-squares line through the last six months, in counts a month; None where one is not known.

    Examples
    --------
    >>> trend([9, 9, 1, 2, 3, 4, 5, 6])
    1.0
    """
    last = [count for count in counts[-TREND_MONTHS:] if count is not None]
    return float(linear_regression(range(TREND_MONTHS), last).slope) if len(last) == TREND_MONTHS else None


def payday(days: list[date | None]) -> int | None:
    """The usual day of the month of a salary or pension, the middle one of three or more.

    Examples
    --------
    >>> payday([date(2025, 1, 27), None, date(2025, 3, 28), date(2025, 4, 30)]), payday([None])
    (28, None)
    """
    known = [day.day for day in days if day is not None]
    return median_low(known) if len(known) >= 3 else None


def top_interests(attributes: dict[str, Any]) -> dict[str, float]:
    """The largest shares of card spending by kind of shop, at most five, those above zero."""
    shares = {name.removeprefix(SPENDING): float(value) for name, value in attributes.items() if name.startswith(SPENDING) and value}
    return dict(sorted(shares.items(), key=lambda one: (-one[1], one[0]))[:TOP])


def sessions(visits: list[dict[str, Any]]) -> dict[str, int]:
    """Sign-ins of 30, 90 and 365 days."""
    return {days: sum(row[f"times_{days}"] for row in visits if row["type"] == "login") for days in ("30d", "90d", "365d")}


def devices(visits: list[dict[str, Any]]) -> dict[str, int]:
    """Events of a year by device, most used first."""
    found: Counter[str] = Counter()
    for row in visits:
        found[row["device"]] += row["times_365d"]
    return dict(found.most_common())


def pages(visits: list[dict[str, Any]]) -> list[PageUse]:
    """What was looked at besides signing in, latest first."""
    found: dict[str, tuple[Counter[str], date]] = {}
    for row in visits:
        if row["type"] != "login":
            times, last_on = found.get(row["page"], (Counter(), row["last_on"]))
            times[row["type"]] += row["times_365d"]
            found[row["page"]] = (times, max(last_on, row["last_on"]))
    return sorted((PageUse(page, dict(times), last_on) for page, (times, last_on) in found.items()), key=lambda one: (-one.last_on.toordinal(), one.page))


def _attributes(settings: Settings, session: Session, scope: Scope, client_id: str) -> dict[str, Any]:
    """What the roll tells of the client; nothing when the run kept none."""
    try:
        reading = open_for(settings, session, scope).reading
    except MissingDataError:
        return {}
    names = ["country", *ATTRIBUTES, *(name for name in reading.roll.columns if name.startswith(SPENDING))]
    found = listing(reading, reading.predicate(Test("client_id", "equals", client_id)), names).to_pylist()
    return dict(found[0]) if found else {}
