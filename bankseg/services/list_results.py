"""What a list brought: treated against control by intention to treat, once a later run has seen the whole window."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from bankseg.domain.jobs import RunState
from bankseg.economics.comparisons import CONFIDENCE, Interval, compare_rates, wilson
from bankseg.economics.realised import Z_95
from bankseg.segments import list_pool
from bankseg.services.list_builder import members_path
from bankseg.services.rolls import open_of_run
from bankseg.settings import Settings
from bankseg.storage.client_list import ClientList
from bankseg.storage.run import Run

NOT_RELEASED, NOT_MATURED, MATURED = "not_released", "not_matured", "matured"


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm as the later run finds it; `rate` is that of the wished-for outcome with its 95 % interval."""

    arm: str
    clients: int
    outcomes: int
    contacted: int
    found: int
    rate: Interval


@dataclass(frozen=True, slots=True)
class ListResults:
    """Where the results stand. Money in minor units, null while not matured or where no worth of an outcome is known; `incremental` counts outcomes."""

    state: str
    first_on: date | None = None
    last_on: date | None = None
    run_id: int | None = None
    arms: tuple[Arm, ...] = ()
    uplift: Interval | None = None
    p_value: float | None = None
    incremental: Interval | None = None
    cost_minor: int | None = None
    gain_minor: Interval | None = None


def results_of(settings: Settings, session: Session, row: ClientList) -> ListResults:
    """The results of a list: of the first published run whose date is not before the window's last day."""
    if row.contact_on is None:
        return ListResults(NOT_RELEASED)
    first = date.fromisoformat(row.contact_on)
    last = first + timedelta(days=int(row.manifest["window_days"]))
    run = _run_after(session, last)
    if run is None:
        return ListResults(NOT_MATURED, first, last)
    return compared(row, first, last, run.id or 0, arms_on(settings, row, run, first, last))


def arms_on(settings: Settings, row: ClientList, run: Run, first: date, last: date, members: Path | None = None) -> dict[str, Arm]:
    """Both arms on the roll of a run; days are counted from the day after the first contact, as the outcome window is. `members` may name finer arms than the list's."""
    later = date.fromisoformat(run.as_of)
    parameters = {"members": str(members or members_path(settings, row.id or 0)), "later": _day(later), "first_day": _day(first) + 1, "last_day": _day(last)}
    found = list_pool.outcomes(open_of_run(settings, run, None).reading, str(row.terms["product"]), parameters)
    outcome = "sold" if row.terms["product"] else "stayed"
    return {
        one["arm"]: Arm(one["arm"], one["clients"], one[outcome], one["contacted"], one["found"], wilson(one[outcome], one["clients"], CONFIDENCE))
        for one in found
    }


def compared(row: ClientList, first: date, last: date, run_id: int, arms: dict[str, Arm]) -> ListResults:
    """The difference of the arms, what it makes in outcomes and in money: uplift x treated x worth - cost of contacts."""
    told = tuple(arms[name] for name in ("treated", "control") if name in arms)
    cost = int(row.manifest["contact_cost_minor"]) * (arms["treated"].clients if "treated" in arms else 0)
    if len(told) < 2:
        return ListResults(MATURED, first, last, run_id, told, cost_minor=cost)
    treated, control = told
    difference = compare_rates(treated.outcomes, treated.clients, control.outcomes, control.clients)
    uplift = Interval(difference.effect, difference.effect - Z_95 * difference.error, difference.effect + Z_95 * difference.error)
    incremental = _times(uplift, treated.clients)
    worth = row.manifest["worth_minor"]
    gain = None if worth is None else _less(_times(incremental, worth), cost)
    return ListResults(MATURED, first, last, run_id, told, uplift, difference.p_value, incremental, cost, gain)


def document(found: ListResults) -> dict[str, Any]:
    """The results as JSON."""

    def interval(one: Interval | None) -> dict[str, float] | None:
        return None if one is None else {"value": one.value, "low": one.low, "high": one.high}

    return {
        "state": found.state, "first_on": found.first_on and found.first_on.isoformat(), "last_on": found.last_on and found.last_on.isoformat(), "run_id": found.run_id,
        "arms": [
            {"arm": arm.arm, "clients": arm.clients, "outcomes": arm.outcomes, "contacted": arm.contacted, "found": arm.found, "rate": interval(arm.rate)}
            for arm in found.arms
        ],
        "uplift": interval(found.uplift), "p_value": found.p_value, "incremental": interval(found.incremental), "cost_minor": found.cost_minor,
        "gain_minor": interval(found.gain_minor),
    }  # fmt: skip


def _run_after(session: Session, day: date) -> Run | None:
    statement = select(Run).where(Run.state == RunState.PUBLISHED, Run.as_of >= day.isoformat())
    return session.exec(statement.order_by(col(Run.as_of), col(Run.id).desc()).limit(1)).one_or_none()


def _day(day: date) -> int:
    return day.toordinal()


def _times(one: Interval, factor: float) -> Interval:
    return Interval(one.value * factor, one.low * factor, one.high * factor)


def _less(one: Interval, cost: float) -> Interval:
    return Interval(one.value - cost, one.low - cost, one.high - cost)
