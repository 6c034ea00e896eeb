"""A relationship manager's contacts: recorded in one click, taken back, kept off the list, promised for a day, sent to the lake."""

import csv
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import select, update

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.services import contact_log, portfolio
from bankseg.services.contact_log import Contact
from bankseg.services.portfolio import Worklist
from bankseg.storage.audit import AuditEntry
from bankseg.storage.client_contact import ClientContact
from bankseg.storage.database import reading, transaction
from bankseg.storage.person import Person
from tests.web.conftest import Browsers, token_of

DAY = Worklist(20, 14)


@pytest.fixture
def alice(engine: Engine) -> Scope:
    with transaction(engine) as session:
        row = Person(login="alice", display_name="Alice Martin", role=Role.RELATIONSHIP_MANAGER, rm_id="RM1", password_hash="x")
        session.add(row)
        session.flush()
        return row.scope


def today(engine: Engine):
    with reading(engine) as session:
        return contact_log.today_of(session)


def listed(engine: Engine, scope: Scope, worklist: Worklist = DAY) -> tuple[list[str], list[str]]:
    with reading(engine) as session:
        day = portfolio.my_day(session, scope, worklist)
    return [row["client_id"] for row in day.promised], [row["client_id"] for row in day.calls]


def age(engine: Engine, days: int, **again) -> None:
    """Let the contacts have happened some days ago."""
    before = (today(engine) - timedelta(days=days)).isoformat()
    with transaction(engine) as session:
        session.exec(update(ClientContact).values(contact_on=before, **again))


def test_who_was_contacted_rests_and_comes_back_after_the_quiet_days(engine: Engine, alice: Scope) -> None:
    contact_log.record(engine, alice, "C1", Contact("reached"))

    assert listed(engine, alice) == ([], ["C2"])
    age(engine, 14)
    assert listed(engine, alice) == ([], ["C1", "C2"])


def test_a_call_back_comes_first_on_its_day_and_not_before(engine: Engine, alice: Scope) -> None:
    contact_log.record(engine, alice, "C2", Contact("call_back", again_on=today(engine) + timedelta(days=3)))
    assert listed(engine, alice) == ([], ["C1"])

    age(engine, 3, again_on=today(engine).isoformat())
    assert listed(engine, alice) == (["C2"], ["C1"])
    assert listed(engine, alice, Worklist(1, 14)) == (["C2"], [])

    contact_log.record(engine, alice, "C2", Contact("sold", product="savings"))
    assert listed(engine, alice) == ([], ["C1"])


def test_a_slip_is_taken_back_by_its_author_alone(engine: Engine, alice: Scope) -> None:
    number = contact_log.record(engine, alice, "C1", Contact("not_relevant"))
    other = Scope(alice.person_id + 1, Role.RELATIONSHIP_MANAGER, rm_id="RM1")

    with pytest.raises(NotFoundError):
        contact_log.withdraw(engine, other, number)
    assert contact_log.withdraw(engine, alice, number) == "C1"

    assert listed(engine, alice) == ([], ["C1", "C2"])
    with reading(engine) as session:
        assert contact_log.contacts_of(session, alice, "C1") == []
        assert session.exec(select(AuditEntry.action)).all() == ["contact_recorded", "contact_withdrawn"]


def test_a_contact_cannot_be_taken_back_after_a_day(engine: Engine, alice: Scope) -> None:
    number = contact_log.record(engine, alice, "C1", Contact("reached"))
    with transaction(engine) as session:
        session.exec(update(ClientContact).values(at=ClientContact.at - 25 * 3600))

    with pytest.raises(NotFoundError):
        contact_log.withdraw(engine, alice, number)


@pytest.mark.parametrize(
    "made", [Contact("charmed"), Contact("reached", channel="pigeon"), Contact("call_back"), Contact("later"), Contact("reached", note="x" * 2001)]
)
def test_a_contact_that_does_not_hold_is_refused(engine: Engine, alice: Scope, made: Contact) -> None:
    with pytest.raises(InputError):
        contact_log.record(engine, alice, "C1", made)


def test_a_call_back_is_for_a_day_to_come(engine: Engine, alice: Scope) -> None:
    for wrong in (today(engine), today(engine) + timedelta(days=401)):
        with pytest.raises(InputError, match="a day after"):
            contact_log.record(engine, alice, "C1", Contact("call_back", again_on=wrong))


def test_anothers_client_and_another_role_record_nothing(engine: Engine, alice: Scope) -> None:
    with pytest.raises(NotFoundError):
        contact_log.record(engine, alice, "C3", Contact("reached"))
    with pytest.raises(NotFoundError):
        contact_log.record(engine, Scope(9, Role.RISK_OFFICER), "C1", Contact("reached"))


def test_a_note_is_for_its_author_and_the_head_of_the_branch(engine: Engine, alice: Scope) -> None:
    contact_log.record(engine, alice, "C1", Contact("reached", note="moves house in May"))

    notes = {}
    with reading(engine) as session:
        for name, scope in {
            "own": alice,
            "colleague": Scope(99, Role.RELATIONSHIP_MANAGER, rm_id="RM1"),
            "head": Scope(98, Role.BRANCH_HEAD, branch_id="B1"),
        }.items():
            notes[name] = contact_log.contacts_of(session, scope, "C1")[0]["note"]
    assert notes == {"own": "moves house in May", "colleague": "", "head": "moves house in May"}


def test_contacts_leave_as_an_extract_of_interactions_without_notes(engine: Engine, alice: Scope, tmp_path: Path) -> None:
    contact_log.record(engine, alice, "C1", Contact("interested", channel="branch", product="life_insurance", note="secret"))
    contact_log.record(engine, alice, "C2", Contact("later", again_on=today(engine) + timedelta(days=5)))
    withdrawn = contact_log.record(engine, alice, "C2", Contact("reached"))
    contact_log.withdraw(engine, alice, withdrawn)

    rows = contact_log.export_contacts(engine, tmp_path / "contacts.csv", today(engine), today(engine))

    found = list(csv.DictReader((tmp_path / "contacts.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert rows == len(found) == 1
    assert {name: found[0][name] for name in ("client_id", "kind", "channel", "reason", "outcome")} == {
        "client_id": "C1", "kind": "visit", "channel": "branch", "reason": "life_insurance", "outcome": "interested",
    }  # fmt: skip
    assert "secret" not in (tmp_path / "contacts.csv").read_text(encoding="utf-8-sig")


def test_a_day_holds_a_sensible_number_of_calls(engine: Engine, alice: Scope) -> None:
    assert listed(engine, alice, Worklist(1, 14)) == ([], ["C1"])
    for wrong in (0, 201):
        with pytest.raises(InputError):
            listed(engine, alice, Worklist(wrong, 14))


def test_an_outcome_is_recorded_on_the_page_and_undone(own: Browsers) -> None:
    http = own.of("alice")
    token = token_of(http.get("/my-day").text)

    done = http.post("/clients/C1/contacts", data={"form_token": token, "outcome": "interested", "channel": "phone", "product": "life_insurance"})
    assert done.location.startswith("/my-day?recorded=")
    page = http.get(done.location).text
    assert "Recorded." in page
    assert 'href="/clients/C1"' not in page
    assert "Interested" in http.get("/clients/C1").text

    http.post(f"/contacts/{done.location.split('=')[1]}/withdraw", data={"form_token": token})
    assert 'href="/clients/C1"' in http.get("/my-day").text
    assert http.post("/clients/C3/contacts", data={"form_token": token, "outcome": "reached"}).status_code == 404
    assert http.post("/clients/C1/contacts", data={"form_token": token, "outcome": "call_back"}).status_code == 400
    assert http.get("/my-day?calls=0").status_code == 400
