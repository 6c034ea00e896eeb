"""The risk team's review queue."""

import json
from collections import Counter
from dataclasses import dataclass, field, replace

from sqlmodel import Session, select

from bankseg.domain.errors import InputError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.services import cursor
from bankseg.services.client_page import parsed
from bankseg.services.contact_log import today_of
from bankseg.services.kept import kept
from bankseg.services.stamp import Stamp, stamp
from bankseg.storage import risk_queue as store
from bankseg.storage.person import Person
from bankseg.storage.portfolio import PAGE, Row
from bankseg.storage.risk_queue import QueueFilter
from bankseg.storage.risk_review import DECIDED, OPEN, WAITING

SEVERITIES = (3, 2, 1)  # stage 3, red, amber
TO_REVIEW, MINE, OVERDUE, EVERY = "", "mine", "overdue", "all"
VIEWS = (TO_REVIEW, MINE, OVERDUE, WAITING, DECIDED, EVERY)
LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class QueueAsked:
    """What a person asks of the queue: a view, and what narrows it."""

    severity: int | None = None
    view: str = TO_REVIEW
    code: str = ""
    branch_id: str = ""


@dataclass(frozen=True, slots=True)
class RiskQueuePage:
    """One page of the queue with its counts by severity, of the cases to review; `people`: names of those cases are assigned to."""

    stamp: Stamp
    rows: list[Row]
    counts: dict[int, int]
    asked: QueueAsked
    next_after: str | None
    people: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RiskOverview:
    """The queue counted: by state of the review, by trigger, and by branch and severity; the last two of every case."""

    stamp: Stamp
    states: dict[str, int]
    triggers: dict[str, int]
    branches: dict[str, dict[int, int]]
    cases: int


def risk_queue_page(session: Session, scope: Scope, asked: QueueAsked | None = None, *, after: str = "", limit: int = PAGE) -> RiskQueuePage:
    """One page, gravest first.

    Raises
    ------
    InputError
        When there is no such view.
    """
    require(scope, Right.RISK_QUEUE)
    asked = asked or QueueAsked(view=EVERY)
    run, wanted = stamp(session), max(1, min(limit, LARGEST_PAGE))
    position: tuple[int, int, str] | None = None
    if after:
        grave, exposure, client_id = cursor.read(after, (int, int, str))
        position = (grave, exposure, client_id)
    rows = store.page(session, scope, filter_of(session, scope, asked), after=position, limit=wanted + 1)
    shown = rows[:wanted]
    last = shown[-1] if len(rows) > wanted else None
    following = cursor.write(last["severity"], last["exposure_minor"] or 0, last["client_id"]) if last else None
    counts: Counter[int] = Counter()
    for severity, state, _, cases in store.counts(session, scope):
        counts[severity] += cases if asked.view == EVERY or state in {OPEN, WAITING} else 0
    holders = {row["assigned_to"] for row in shown if row["assigned_to"]}
    people = {person.id or 0: person.display_name for person in session.exec(select(Person)) if person.id in holders}
    return RiskQueuePage(run, [parsed(row) for row in shown], dict(counts), asked, following, people)


def filter_of(session: Session, scope: Scope, asked: QueueAsked) -> QueueFilter:
    """What a view asks of the store; "overdue" is by the day of the database's clock.

    Raises
    ------
    InputError
        When there is no such view.
    """
    if asked.view not in VIEWS:
        raise InputError(f"view {asked.view[:20]!r}", ", ".join(view for view in VIEWS if view), "choose one of these, or none for the cases to review")
    narrowed = QueueFilter(asked.severity, code=asked.code, branch_id=asked.branch_id)
    if asked.view == MINE:
        return replace(narrowed, assigned_to=scope.person_id)
    if asked.view == OVERDUE:
        return replace(narrowed, due_before=today_of(session).isoformat())
    return replace(narrowed, state=asked.view)


def risk_overview(session: Session, scope: Scope) -> RiskOverview:
    """The queue in figures, of the clients in scope."""
    require(scope, Right.RISK_QUEUE)
    states: Counter[str] = Counter()
    branches: dict[str, dict[int, int]] = {}
    for severity, state, branch, cases in store.counts(session, scope):
        states[state] += cases
        held = branches.setdefault(branch, {})
        held[severity] = held.get(severity, 0) + cases
    fired = kept(session, scope, "risk_triggers", lambda: _fired(session, scope))
    return RiskOverview(stamp(session), dict(states), dict(fired), dict(sorted(branches.items())), sum(states.values()))


def _fired(session: Session, scope: Scope) -> dict[str, int]:
    """Cases by the code of a trigger; a case counts once for each of its codes."""
    fired: Counter[str] = Counter()
    for text in store.triggers(session, scope):
        fired.update({str(one["code"]) for one in json.loads(text)})
    return dict(sorted(fired.items()))
