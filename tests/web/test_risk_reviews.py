"""Risk cases as the risk team works them: decided with a reason, signed by a second person, opened again when graver."""

import json
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.services import risk_queue, risk_review
from bankseg.services.risk_queue import QueueAsked
from bankseg.services.risk_review import Decision
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import reading, transaction
from bankseg.storage.person import Person
from bankseg.storage.run import Run
from tests.web import builders
from tests.web.conftest import Browsers, token_of

REASON = "Arrears explained by a late refund, seen on the statement"


@pytest.fixture
def officers(engine: Engine) -> tuple[Scope, Scope]:
    """Two risk officers of the small bank."""
    with transaction(engine) as session:
        rows = [Person(login=name, display_name=name.title(), role=Role.RISK_OFFICER, password_hash="x") for name in ("rita", "ralf")]
        for row in rows:
            session.add(row)
        session.flush()
        return rows[0].scope, rows[1].scope


def state(engine: Engine, scope: Scope, client_id: str = "C2") -> tuple[str, str]:
    with reading(engine) as session:
        page = risk_review.review_page(session, scope, client_id)
    return page.state, page.opened_because


def queue(engine: Engine, scope: Scope, **asked: object) -> list[str]:
    with reading(engine) as session:
        return [row["client_id"] for row in risk_queue.risk_queue_page(session, scope, QueueAsked(**asked)).rows]


def after_a_run(engine: Engine, triggers: list[str] | None, severity: int = 2, as_of: str = "2026-01-31") -> dict[str, int]:
    """What a later run makes of the reviews when it finds C2 with these triggers, or no case at all."""
    with transaction(engine) as session:
        run = Run(key=f"run:{as_of}:{severity}:{triggers}", as_of=as_of)
        session.add(run)
        session.flush()
        if triggers is not None:
            client = builders.a_client(session, run, "C2")
            told = json.dumps([{**builders.TRIGGERS[0], "code": code} for code in triggers])
            builders.a_case(session, client, severity, triggers=told)
            session.flush()
        return risk_review.open_again(session, run.id or 0, as_of)


def test_a_decision_with_its_reason_takes_the_case_off_the_list_and_into_the_history(engine: Engine, officers) -> None:
    rita, _ = officers
    assert queue(engine, rita) == ["C3", "C2"]

    assert risk_review.decide(engine, rita, "C2", Decision("keep", REASON)) == "decided"

    assert queue(engine, rita) == ["C3"]
    assert queue(engine, rita, view="decided") == ["C2"]
    assert queue(engine, rita, view="all") == ["C3", "C2"]
    with reading(engine) as session:
        told = risk_review.review_page(session, rita, "C2").history[0]
        actions = session.exec(select(AuditEntry.action)).all()
    assert (told["decision"], told["reason"], told["decided_by"], told["codes"], told["severity"]) == ("keep", REASON, "Rita", ["R1"], 2)
    assert "risk_decided" in actions


@pytest.mark.parametrize(
    "made",
    [
        Decision("forgive", REASON), Decision("keep", "too short"), Decision("watch", REASON), Decision("watch", REASON, date(2025, 12, 31)), Decision("restrict", REASON),
        Decision("restrict", REASON, None, ["low_score"]), Decision("restrict", REASON, None, ["bankruptcy", "collateral", "garnishment", "foreclosure", "collection"]),
    ],
)  # fmt: skip
def test_a_decision_that_does_not_hold_is_refused(engine: Engine, officers, made: Decision) -> None:
    with pytest.raises(InputError):
        risk_review.decide(engine, officers[0], "C2", made)
    assert state(engine, officers[0]) == ("open", "")


def test_to_restrict_waits_for_another_persons_signature(engine: Engine, officers) -> None:
    rita, ralf = officers

    assert risk_review.decide(engine, rita, "C2", Decision("restrict", REASON, None, ["poor_performance"])) == "waiting"

    assert queue(engine, rita, view="waiting") == ["C2"]
    with pytest.raises(InputError, match="your own decision"):
        risk_review.sign(engine, rita, "C2", REASON, approve=True)
    with pytest.raises(InputError, match="waits for its second signature"):
        risk_review.decide(engine, ralf, "C2", Decision("keep", REASON))
    risk_review.sign(engine, ralf, "C2", "I agree after a call with the branch", approve=True)
    assert state(engine, rita) == ("decided", "")
    with pytest.raises(InputError, match="no decision that waits"):
        risk_review.sign(engine, ralf, "C2", REASON, approve=True)


def test_a_decision_sent_back_opens_the_case(engine: Engine, officers) -> None:
    rita, ralf = officers
    risk_review.decide(engine, rita, "C2", Decision("restrict", REASON, None, ["poor_performance"]))

    risk_review.sign(engine, ralf, "C2", "The refund came in yesterday", approve=False)

    assert state(engine, rita) == ("open", "not_signed")
    assert queue(engine, rita) == ["C3", "C2"]


@pytest.mark.parametrize(
    ("triggers", "severity", "as_of", "found"),
    [
        (["R1"], 2, "2026-01-31", ("decided", "")), (["R1"], 3, "2026-01-31", ("open", "graver")), (["R1", "R6"], 2, "2026-01-31", ("open", "new_trigger")),
        (["R1"], 1, "2026-03-31", ("open", "due_again")), (None, 2, "2026-01-31", ("left", "")),
    ],
)  # fmt: skip
def test_a_later_run_opens_what_is_graver_newly_triggered_or_due_and_settles_what_left(engine: Engine, officers, triggers, severity, as_of, found) -> None:
    rita, _ = officers
    risk_review.decide(engine, rita, "C2", Decision("watch", REASON, date(2026, 3, 1)))

    changed = after_a_run(engine, triggers, severity, as_of)

    assert state(engine, rita) == found
    assert sum(changed.values()) == (0 if found[0] == "decided" else 1)


def test_a_client_who_comes_back_into_the_queue_is_looked_at_again(engine: Engine, officers) -> None:
    risk_review.decide(engine, officers[0], "C2", Decision("keep", REASON))
    after_a_run(engine, None)

    assert after_a_run(engine, ["R1"], 1, "2026-02-28") == {"came_back": 1}
    assert state(engine, officers[0]) == ("open", "came_back")


def test_cases_are_assigned_to_those_who_decide_and_found_again(engine: Engine, officers) -> None:
    rita, ralf = officers

    risk_review.assign(engine, rita, "C2", ralf.person_id)

    assert queue(engine, ralf, view="mine") == ["C2"]
    assert queue(engine, rita, view="mine") == []
    with pytest.raises(InputError):
        risk_review.assign(engine, rita, "C2", 99)
    risk_review.assign(engine, rita, "C2", None)
    assert queue(engine, ralf, view="mine") == []


def test_the_queue_is_narrowed_by_trigger_branch_and_day(engine: Engine, officers) -> None:
    rita, _ = officers

    assert queue(engine, rita, code="R1") == ["C3", "C2"]
    assert queue(engine, rita, code="R2") == []
    assert queue(engine, rita, branch_id="B2") == ["C3"]
    assert queue(engine, rita, view="overdue") == ["C3", "C2"]  # both were due on 8 January 2026
    with reading(engine) as session:
        counted = risk_queue.risk_overview(session, rita)
    assert (counted.cases, counted.states, counted.triggers, counted.branches) == (2, {"open": 2}, {"R1": 2}, {"B1": {2: 1}, "B2": {3: 1}})


def test_nobody_decides_about_a_client_out_of_the_queue_or_without_the_right(engine: Engine, officers) -> None:
    alice = Scope(1, Role.RELATIONSHIP_MANAGER, rm_id="RM1")

    with pytest.raises(NotFoundError):
        risk_review.decide(engine, officers[0], "C1", Decision("keep", REASON))
    with pytest.raises(NotFoundError):
        risk_review.decide(engine, alice, "C2", Decision("keep", REASON))
    with reading(engine) as session, pytest.raises(NotFoundError):
        risk_review.review_page(session, alice, "C3")


def test_a_case_is_decided_on_its_page_and_a_slip_is_told_there(own: Browsers) -> None:
    http = own.of("rita")
    token = token_of(http.get("/risk/cases/C2").text)

    slip = http.post("/risk/cases/C2/decide", data={"form_token": token, "decision": "watch", "reason": REASON})
    assert (slip.status_code, "a client to watch without a day" in slip.text, REASON in slip.text) == (400, True, True)
    later = (date.today() + timedelta(days=30)).isoformat()
    done = http.post("/risk/cases/C2/decide", data={"form_token": token, "decision": "watch", "reason": REASON, "again_on": later})
    assert done.location == "/risk/cases/C2"

    page = http.get("/risk/cases/C2").text
    assert REASON in page
    assert "Decided" in page
    assert "/risk/cases/C2" not in http.get("/risk").text
    assert "/risk/cases/C2" in http.get("/risk?view=decided").text
    assert http.get("/risk?view=nonsense").status_code == 400
    assert "Decide</h2>" not in own.of("alice").get("/risk/cases/C2").text
    assert http.get("/api/v1/risk-queue?view=decided").json["cases"][0]["client_id"] == "C2"
