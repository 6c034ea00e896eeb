"""The portfolio: a page of clients, whom to call today, and the figures over them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlmodel import Session

from bankseg.domain.errors import InputError
from bankseg.domain.money import minor_digits
from bankseg.domain.people import Role, Scope
from bankseg.domain.rights import Right, require, sees
from bankseg.services import book, cursor
from bankseg.services.contact_log import today_of
from bankseg.services.kept import kept
from bankseg.services.stamp import Stamp, stamp
from bankseg.storage import client_contact, portfolio_moves, published_counts
from bankseg.storage import portfolio as store
from bankseg.storage import run as runs
from bankseg.storage.portfolio import PortfolioFilter, Position, Row

FIRST_SORT = "-churn"
LARGEST_PAGE = 200
# Columns of the list that a person may choose, and the field each reveals.
COLUMNS = {
    "tier": "tier", "moved": "tier", "value": "value_12m_minor", "balance": "balance_minor", "churn": "churn", "loss": "expected_loss_minor", "product": "best_product", "segment": "segment",
    "city": "city", "rm": "rm_id", "contact": "last_interaction_on",
}  # fmt: skip
FIRST_COLUMNS = ("tier", "value", "balance", "churn", "loss", "moved", "product", "segment", "contact")
FILTER_FIELDS = {"tier": "tier", "status": "status", "segment": "segment", "churn_band": "churn_band", "product": "best_product"}


@dataclass(frozen=True, slots=True)
class PortfolioPage:
    """One page with what is needed to go on, to narrow it and to trust it."""

    stamp: Stamp
    rows: list[Row]
    sort: str
    found: PortfolioFilter
    next_after: str | None
    total: int = 0
    in_scope: int = 0
    choices: dict[str, list[str]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    before: dict[str, Row] = field(default_factory=dict)
    before_as_of: str | None = None


@dataclass(frozen=True, slots=True)
class Worklist:
    """How much a day holds: calls, and the days for which a contacted client is left alone."""

    calls_a_day: int
    quiet_days: int


@dataclass(frozen=True, slots=True)
class MyDay:
    """A relationship manager's morning: calls promised for today or before come first, then the largest expected losses, as many as the day holds."""

    stamp: Stamp
    promised: list[Row]
    calls: list[Row]
    room: int
    care: list[Row]
    tiers: dict[str, int]


def clients_page(session: Session, scope: Scope, found: PortfolioFilter, *, sort: str = FIRST_SORT, after: str = "", limit: int = store.PAGE) -> PortfolioPage:
    """One page of the clients in scope that match, without counts: what a program asks for again and again."""
    require(scope, Right.CLIENTS)
    run, key, wanted = stamp(session), checked_sort(scope, sort), max(1, min(limit, LARGEST_PAGE))
    checked_filter(scope, found)
    rows = store.page(session, scope, found, key, after=_position(after, key), limit=wanted + 1)
    shown = rows[:wanted]
    following = cursor.write(key, shown[-1]["sorted_by"], shown[-1]["client_id"]) if len(rows) > wanted else None
    return PortfolioPage(run, shown, key, found, following)


def portfolio_page(
    session: Session, scope: Scope, found: PortfolioFilter, *, sort: str = FIRST_SORT, after: str = "", columns: Sequence[str] = ()
) -> PortfolioPage:
    """The same page with the counts and the choices that a screen shows, the columns asked for, and what was in the run before."""
    page, cells = clients_page(session, scope, found, sort=sort, after=after), book.cells(session, scope)
    shown = checked_columns(scope, columns)
    earlier = runs.published_before(session, page.stamp.as_of.isoformat()) if "moved" in shown else None
    before = portfolio_moves.before(session, scope, earlier.id, [row["client_id"] for row in page.rows]) if earlier and earlier.id else {}
    return replace(
        page,
        total=book.clients(book.matching(found, cells)) if found.is_counted_by_cells else store.count(session, scope, found),
        in_scope=book.clients(cells),
        choices={name: book.choices(column, cells) for name, column in FILTER_FIELDS.items()} | _holders(session, scope),
        columns=shown,
        before=before,
        before_as_of=earlier.as_of if earlier else None,
    )


def my_day(session: Session, scope: Scope, worklist: Worklist) -> MyDay:
    """Whom to call today, and the portfolio in a few figures.

    Raises
    ------
    InputError
        When the day is to hold fewer than one call or more than a page of the portfolio.
    """
    require(scope, Right.CALL_LIST)
    if not 1 <= worklist.calls_a_day <= LARGEST_PAGE:
        raise InputError(f"a day of {worklist.calls_a_day} calls", f"1 to {LARGEST_PAGE}", "choose how many you can make")
    today = today_of(session)
    quiet_since = (today - timedelta(days=worklist.quiet_days)).isoformat()
    columns = store.visible_columns(scope, store.CALL_FIELDS)
    promised = client_contact.due_again(session, scope, today.isoformat(), columns, worklist.calls_a_day)
    held = {row["client_id"] for row in promised}
    calls = store.call_list(session, scope, worklist.calls_a_day, client_contact.is_at_rest(today.isoformat(), quiet_since))
    calls = [row for row in calls if row["client_id"] not in held][: worklist.calls_a_day - len(promised)]
    cells = [cell for cell in book.cells(session, scope) if cell["status"] in {None, "active"}]
    tiers = book.by("tier", cells)
    return MyDay(
        stamp(session),
        promised,
        calls,
        worklist.calls_a_day,
        [_care(scope, currency, held) for currency, held in sorted(book.by("currency", cells).items())],
        {tier: book.clients(tiers[tier]) for tier in book.in_tier_order(tiers)},
    )


def checked_sort(scope: Scope, sort: str) -> str:
    """A sort the role may use; ordering by a field one may not see would reveal it.

    Raises
    ------
    InputError
        When there is no such sort, or none for this role.
    """
    usable = [key for key, (revealed, _) in store.SORTS.items() if sees(scope.role, revealed)]
    if sort.removeprefix("-") not in usable:
        raise InputError(f"sort {sort[:40]!r}", ", ".join(usable), "choose one of these, with - in front for descending")
    return sort


def checked_filter(scope: Scope, found: PortfolioFilter) -> None:
    """Refuse a condition on a field this role may not see: who is left would reveal it.

    Raises
    ------
    InputError
        Naming the condition.
    """
    has_balance = found.balance_at_least_minor is not None or found.balance_at_most_minor is not None
    for asked, field_name in ((has_balance, "balance_minor"), (found.in_risk, "is_high_risk")):
        if asked and not sees(scope.role, field_name):
            raise InputError("a condition this list does not have", "those of the form", "take it out of the address")


def checked_columns(scope: Scope, asked: Sequence[str]) -> tuple[str, ...]:
    """The columns to show, in the order of the list: those asked for, or the usual ones, as far as the role sees them.

    Raises
    ------
    InputError
        When there is no such column for this role.
    """
    usable = usable_columns(scope)
    unknown = [name for name in asked if name not in usable]
    if unknown:
        raise InputError(f"column {unknown[0][:40]!r}", ", ".join(usable), "choose among these")
    wanted = asked or FIRST_COLUMNS
    return tuple(name for name in COLUMNS if name in wanted and name in usable)


def usable_columns(scope: Scope) -> tuple[str, ...]:
    """The columns this role may choose."""
    return tuple(name for name, reveals in COLUMNS.items() if sees(scope.role, reveals))


def in_minor(session: Session, units: int) -> int:
    """An amount in units of the bank's currency, in minor units."""
    run = runs.current(session)
    return int(units * 10 ** minor_digits(str(run.summary.get("currency") or "EUR") if run else "EUR"))


def _holders(session: Session, scope: Scope) -> dict[str, list[str]]:
    """Branches and relationship managers to choose from: the latter within a branch, the former over the whole book."""
    if scope.role is Role.BRANCH_HEAD:
        return {"rm": kept(session, scope, "holders", lambda: store.holders(session, scope))["rm_id"]}
    if not scope.sees_whole_book:
        return {}
    return {"branch": kept(session, scope, "holders", lambda: published_counts.holders(session) or store.holders(session, scope))["branch_id"]}


def _care(scope: Scope, currency: str, held: list[Row]) -> Row:
    """What is under care in one currency."""
    sums = {name: book.total(name, held) for name in ("clients", "high_risk", *store.CELL_SUMS) if sees(scope.role, name)}
    return {"currency": currency or None, **sums}


def _position(after: str, sort: str) -> Position | None:
    if not after:
        return None
    key, value, client_id = cursor.read(after, (str, (str, int, float, type(None)), str))
    if key != sort:
        raise InputError("a page position of another order", "the position given by this list", "start again from the first page")
    return Position(value, client_id)
