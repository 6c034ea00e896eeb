"""Reviewing risk cases: a person decides with a reason, a second one signs what restricts a client, and a graver case opens again."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, select

from bankseg.domain import adverse_reasons
from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import ROLES_WITH, Right, may, require
from bankseg.services.client_page import parsed
from bankseg.services.stamp import Stamp, stamp
from bankseg.storage import audit, portfolio, risk_queue, risk_review
from bankseg.storage.database import database_time, transaction
from bankseg.storage.person import Person
from bankseg.storage.portfolio import Row
from bankseg.storage.risk_review import DECIDED, LEFT, OPEN, WAITING, RiskDecision, RiskReview

KEEP, WATCH, CONTACT, RESTRICT, REFER = DECISIONS = ("keep", "watch", "contact", "restrict", "refer")
NEEDS_SECOND = frozenset({RESTRICT})
SHORTEST_REASON, LONGEST_REASON = 10, 2_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decides: `again_on` is the day on which the case is looked at again, and must be named for a client who is watched."""

    decision: str
    reason: str
    again_on: date | None = None
    adverse: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """One case with its history. `case` is null when the client is in the queue no longer; `may_sign`: whether the decision waits for this person. `Any`: JSON."""

    stamp: Stamp
    client: Row
    case: Row | None
    state: str
    opened_because: str
    again_on: str | None
    assigned_to: int | None
    history: list[dict[str, Any]]
    officers: list[tuple[int, str]]
    suggested: list[str]
    may_decide: bool
    may_sign: bool


def review_page(session: Session, scope: Scope, client_id: str) -> ReviewPage:
    """The case of one client in scope.

    Raises
    ------
    NotFoundError
        When the client is not in scope, or was never in the queue: the two look the same.
    """
    require(scope, Right.RISK_QUEUE)
    client = portfolio.one(session, scope, client_id)
    case = risk_queue.of_client(session, scope, client_id)
    review, history = risk_review.of_client(session, scope, client_id), risk_review.history(session, scope, client_id)
    if client is None or (case is None and not history):
        raise NotFoundError("nothing here")
    state = review.state if review else OPEN
    codes = _codes(case) if case else []
    decides = may(scope.role, Right.DECIDE_RISK)
    waits_for_another = bool(history) and history[0].decided_by != scope.person_id
    names = {row.id or 0: row.display_name for row in session.exec(select(Person))}
    return ReviewPage(
        stamp=stamp(session), client=parsed(client), case=parsed(case) if case else None, state=state, opened_because=review.opened_because if review else "",
        again_on=review.again_on if review else None, assigned_to=review.assigned_to if review else None, history=[_told(row, names) for row in history],
        officers=_officers(session), suggested=adverse_reasons.suggested(codes), may_decide=decides and case is not None and state != WAITING,
        may_sign=decides and state == WAITING and waits_for_another,
    )  # fmt: skip


def decide(engine: Engine, scope: Scope, client_id: str, made: Decision) -> str:
    """Record a decision and return where the review stands: decided, or waiting for a second person where the decision restricts the client.

    Raises
    ------
    InputError
        When the decision, its reason, its date or its specific reasons do not hold, or one waits for a signature already.
    NotFoundError
        When the client is not in the queue, or not in scope.
    """
    require(scope, Right.DECIDE_RISK)
    if made.decision not in DECISIONS:
        raise InputError(f"decision {made.decision[:20]!r}", ", ".join(DECISIONS), "choose one of these")
    reason = _reason(made.reason)
    adverse = adverse_reasons.checked(made.adverse, is_adverse=made.decision == RESTRICT)
    with transaction(engine) as session:
        case = _case(session, scope, client_id)
        run = stamp(session)
        if made.decision == WATCH and made.again_on is None:
            raise InputError("a client to watch without a day", "the day on which the case is looked at again", "give it")
        if made.again_on is not None and made.again_on <= run.as_of:
            raise InputError(f"a day of {made.again_on}", f"a day after {run.as_of}", "choose a later one")
        known = risk_review.of_client(session, scope, client_id)
        if known is not None and known.state == WAITING:
            raise InputError("a decision that waits for its second signature", "it to be signed or sent back first", "ask a second person")
        codes = " ".join(_codes(case))
        row = RiskDecision(
            client_id=client_id, run_id=run.run_id, severity=case["severity"], codes=codes, decision=made.decision, reason=reason, adverse=adverse,
            decided_by=scope.person_id, decided_at=database_time(session),
        )  # fmt: skip
        session.add(row)
        session.flush()
        state = WAITING if made.decision in NEEDS_SECOND else DECIDED
        again_on = made.again_on.isoformat() if made.again_on else None
        risk_review.kept(session, scope, client_id, state=state, severity=row.severity, codes=codes, decision_id=row.id, again_on=again_on, opened_because="")
        audit.record(session, "risk_decided", f"client:{client_id}", person_id=scope.person_id, decision=made.decision, decision_id=row.id, run_id=run.run_id)
    return state


def sign(engine: Engine, scope: Scope, client_id: str, reason: str, *, approve: bool) -> None:
    """Sign a decision that waits, or send it back; never by the person who took it.

    Raises
    ------
    InputError
        When no decision waits, it is one's own, or the reason is too short.
    """
    require(scope, Right.DECIDE_RISK)
    said = _reason(reason)
    with transaction(engine) as session:
        _in_scope(session, scope, client_id)
        row = risk_review.waiting_decision(session, scope, client_id)
        if row is None:
            raise InputError("no decision that waits", "a decision that needs a second signature", "open the case again: somebody was faster")
        if row.decided_by == scope.person_id:
            raise InputError("your own decision", "another person's signature", "ask a colleague")
        row.second_by, row.second_at, row.second_reason = scope.person_id, database_time(session), said
        row.second_answer = "approved" if approve else "rejected"
        session.add(row)
        risk_review.kept(session, scope, client_id, state=DECIDED if approve else OPEN, opened_because="" if approve else "not_signed")
        audit.record(session, "risk_signed" if approve else "risk_sent_back", f"client:{client_id}", person_id=scope.person_id, decision_id=row.id)


def assign(engine: Engine, scope: Scope, client_id: str, to: int | None) -> None:
    """Give a case to a risk officer, or to nobody.

    Raises
    ------
    InputError
        When the person decides no risk cases.
    """
    require(scope, Right.DECIDE_RISK)
    with transaction(engine) as session:
        _case(session, scope, client_id)
        if to is not None and to not in {person_id for person_id, _ in _officers(session)}:
            raise InputError(f"person {to}", "somebody who decides risk cases", "choose from the list")
        risk_review.kept(session, scope, client_id, assigned_to=to)
        audit.record(session, "risk_assigned", f"client:{client_id}", person_id=scope.person_id, to=to)


def open_again(session: Session, run_id: int, as_of: str) -> dict[str, int]:
    """After a run: settle the reviews of clients who left the queue, and open those whose case is graver, has another trigger, is due again or came back.

    Returns
    -------
    dict
        How many reviews changed, by why.
    """
    changed: dict[str, int] = {}
    for review, case in risk_review.settled_with_cases(session, run_id):
        why = _why_open(review, case.severity, _codes({"triggers": case.triggers}), as_of) if case is not None else LEFT
        if case is None and review.state == LEFT:
            continue
        if why:
            review.state, review.opened_because = (LEFT, "") if why == LEFT else (OPEN, why)
            session.add(review)
            changed[why] = changed.get(why, 0) + 1
    if changed:
        audit.record(session, "risk_reviews_updated", f"run {run_id}", **changed)
    return changed


def _why_open(review: RiskReview, severity: int, codes: Collection[str], as_of: str) -> str:
    if review.state == LEFT:
        return "came_back"
    if severity > review.severity:
        return "graver"
    if not set(codes) <= set(review.codes.split()):
        return "new_trigger"
    return "due_again" if review.again_on is not None and review.again_on <= as_of and review.state == DECIDED else ""


def _case(session: Session, scope: Scope, client_id: str) -> Row:
    case = risk_queue.of_client(session, scope, client_id)
    if case is None:
        raise NotFoundError("nothing here")
    return case


def _in_scope(session: Session, scope: Scope, client_id: str) -> None:
    if portfolio.one(session, scope, client_id) is None:
        raise NotFoundError("nothing here")


def _codes(case: Row) -> list[str]:
    found = case["triggers"]
    return sorted({str(one["code"]) for one in (json.loads(found) if isinstance(found, str) else found)})


def _reason(text: str) -> str:
    said = text.strip()
    if not SHORTEST_REASON <= len(said) <= LONGEST_REASON:
        raise InputError(f"a reason of {len(said)} characters", f"{SHORTEST_REASON} to {LONGEST_REASON}", "say what you saw and why you decide so")
    return said


def _officers(session: Session) -> list[tuple[int, str]]:
    rows = session.exec(select(Person).where(Person.is_active))
    return sorted(((row.id or 0, row.display_name) for row in rows if row.role in ROLES_WITH[Right.DECIDE_RISK]), key=lambda row: row[1])


def _told(row: RiskDecision, names: dict[int, str]) -> dict[str, Any]:
    return {
        "id": row.id, "decision": row.decision, "reason": row.reason, "adverse": row.adverse, "severity": row.severity, "codes": row.codes.split(), "run_id": row.run_id,
        "decided_by": names.get(row.decided_by), "decided_at": row.decided_at, "second_by": names.get(row.second_by or 0), "second_at": row.second_at,
        "second_answer": row.second_answer, "second_reason": row.second_reason, "needs_second": row.decision in NEEDS_SECOND,
    }  # fmt: skip
