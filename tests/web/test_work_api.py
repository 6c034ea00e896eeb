"""Daily work through the API, with a token: contacts recorded and taken back, cases decided, signed and given to somebody."""

from datetime import date, timedelta

import pytest

from bankseg.domain.people import Role
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.person import Person, by_login
from tests.web.conftest import Browsers
from tests.web.programs import Program

REASON = "Arrears explained by a late refund, seen on the statement"


@pytest.fixture
def ralf(own: Browsers) -> None:
    """A second risk officer."""
    with transaction(make_engine(own.settings.store)) as session:
        session.add(Person(login="ralf", display_name="Ralf Second", role=Role.RISK_OFFICER, password_hash="x"))


def test_a_contact_is_recorded_read_and_taken_back(own: Browsers) -> None:
    alice = Program(own, "alice", "log_contact", "clients")

    made = alice("POST", "/clients/C1/contacts", {"outcome": "interested", "product": "life_insurance", "note": "call in May"})
    assert made.status_code == 201
    told = alice("GET", "/clients/C1/contacts").json["contacts"]
    assert [(one["outcome"], one["product"], one["note"]) for one in told] == [("interested", "life_insurance", "call in May")]
    assert alice("DELETE", f"/contacts/{made.json['contact_id']}").status_code == 204
    assert alice("GET", "/clients/C1/contacts").json["contacts"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"outcome": "charmed"}, 422),
        ({"outcome": "call_back"}, 400),
        ({"outcome": "reached", "who": "me"}, 422),
        ({"outcome": "reached", "channel": "pigeon"}, 422),
    ],
)
def test_a_contact_that_does_not_hold_is_a_problem(own: Browsers, body: dict, status: int) -> None:
    answer = Program(own, "alice", "log_contact")("POST", "/clients/C1/contacts", body)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_what_a_token_was_not_given_and_anothers_client_are_not_there(own: Browsers) -> None:
    alice = Program(own, "alice", "clients")

    assert alice("POST", "/clients/C1/contacts", {"outcome": "reached"}).status_code == 404
    assert Program(own, "alice", "log_contact")("POST", "/clients/C3/contacts", {"outcome": "reached"}).status_code == 404
    assert Program(own, "alice", "risk_queue")("POST", "/risk-queue/C2/decisions", {"decision": "keep", "reason": REASON}).status_code == 404


def test_a_case_is_decided_signed_and_given_to_somebody(own: Browsers, ralf: None) -> None:
    rita, second = Program(own, "rita", "risk_queue", "decide_risk"), Program(own, "ralf", "risk_queue", "decide_risk")

    decided = rita("POST", "/risk-queue/C2/decisions", {"decision": "restrict", "reason": REASON, "adverse": ["poor_performance"]})
    assert (decided.status_code, decided.json) == (201, {"state": "waiting"})
    assert rita("POST", "/risk-queue/C2/signature", {"answer": "approve", "reason": REASON}).status_code == 400
    assert second("POST", "/risk-queue/C2/signature", {"answer": "approve", "reason": REASON}).json == {"state": "decided"}

    told = rita("GET", "/risk-queue/C2").json
    assert (told["state"], told["history"][0]["second_by"], told["history"][0]["adverse"]) == ("decided", "Ralf Second", ["poor_performance"])
    with reading(make_engine(own.settings.store)) as session:
        person = by_login(session, "ralf")
    assert second("PUT", "/risk-queue/C3/assignment", {"person_id": person.id}).json == {"state": "open"}
    assert rita("GET", "/risk-queue/C3").json["assigned_to"] == person.id


def test_a_day_to_watch_is_a_day_to_come(own: Browsers) -> None:
    rita = Program(own, "rita", "decide_risk")

    assert rita("POST", "/risk-queue/C2/decisions", {"decision": "watch", "reason": REASON, "again_on": "2020-01-01"}).status_code == 400
    later = (date.today() + timedelta(days=9)).isoformat()
    assert rita("POST", "/risk-queue/C2/decisions", {"decision": "watch", "reason": REASON, "again_on": later}).json == {"state": "decided"}
