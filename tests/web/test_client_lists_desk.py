"""Marketing's lists on their pages and over the API."""

import csv
import io
import re
from typing import Any

import pytest
from sqlmodel import select

from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import make_engine, transaction
from bankseg.storage.person import Person
from tests.web import builders
from tests.web.conftest import Browsers, token_of
from tests.web.test_who_may_open_what import HIDDEN_FROM_MARKETING

DRAFT = {"about": "action:retain", "channel": "email", "control": "10", "name": "Stay with us"}


@pytest.fixture
def two(own: Browsers) -> Browsers:
    """The staff with a second marketer."""
    with transaction(make_engine(own.settings.store)) as session:
        session.add(Person(login="mia", display_name="Mia Roux", role="marketer", password_hash=builders._password_hash()))
    return own


def post(browsers: Browsers, login: str, path: str, **fields: Any) -> Any:
    http = browsers.of(login)
    return http.post(path, data={"form_token": token_of(http.get("/lists/new").text), **fields})


def ask(browsers: Browsers, login: str, path: str, body: dict[str, Any] | None = None) -> Any:
    http = browsers.of(login)
    return http.post(path, json=body or {}, headers={"X-Form-Token": token_of(http.get("/lists/new").text)})


def test_the_builder_counts_whatever_the_address_asks(browsers: Browsers) -> None:
    page = browsers.of("mark").get("/lists/new?about=action:retain&tier=gold&control=20").text

    assert re.search(r"Candidates</th><td class=\"num\">3<", page)
    assert "3 candidates = 0 to contact + 3 left out" in page
    assert 'value="gold" checked' in page


def test_a_number_that_is_none_is_said_beside_the_form(browsers: Browsers) -> None:
    page = browsers.of("mark").get("/lists/new?about=action:retain&least=often").text

    assert "often" in page
    assert "a number such as 20" in page


def test_the_form_token_is_in_no_address(browsers: Browsers) -> None:
    page = browsers.of("mark").get("/lists/new").text

    assert '<input type="hidden" name="form_token"' not in page.split("<main")[1]


def test_a_list_goes_from_draft_to_closed_through_two_persons(two: Browsers) -> None:
    kept = post(two, "mark", "/lists/new", **DRAFT)
    path = kept.location

    assert kept.status_code == 303
    assert post(two, "mia", f"{path}/release", reason="Agreed by everybody").status_code == 409
    assert post(two, "mark", f"{path}/freeze").status_code == 303
    assert post(two, "mark", f"{path}/release", reason="Agreed by everybody").status_code == 409
    assert two.of("mark").get(f"{path}/export").status_code == 409
    assert post(two, "mia", f"{path}/release", reason="short").status_code == 400
    assert post(two, "mia", f"{path}/release", reason="Agreed by everybody").status_code == 303
    assert two.of("mark").get(f"{path}/export", buffered=True).status_code == 200
    assert "released by Mia Roux" in two.of("mark").get(path).text
    assert post(two, "mark", f"{path}/close").status_code == 303
    assert two.of("mark").get(f"{path}/export").status_code == 409


def test_a_list_without_a_name_is_refused_beside_its_terms(own: Browsers) -> None:
    answer = post(own, "mark", "/lists/new", **{**DRAFT, "name": " "})

    assert answer.status_code == 400
    assert "a name of 0 characters" in answer.text


def test_a_list_of_another_branch_or_of_the_whole_book_looks_like_none(own: Browsers) -> None:
    whole = post(own, "mark", "/lists/new", **DRAFT).location

    assert own.of("bea").get(whole).status_code == own.of("bea").get("/lists/999").status_code == 404
    assert "Stay with us" not in own.of("bea").get("/lists/").text
    assert own.of("alice").get("/lists/1").status_code == 404


def exported(browsers: Browsers) -> list[str]:
    """What the audit trail says was exported, in order."""
    with transaction(make_engine(browsers.settings.store)) as session:
        return list(session.exec(select(AuditEntry.subject).where(AuditEntry.action == "export").order_by(AuditEntry.id)))


def test_the_files_carry_basis_and_message_and_the_export_is_recorded(own: Browsers) -> None:
    before = len(exported(own))
    members = list(csv.DictReader(io.StringIO(own.of("mark").get("/lists/1/export", buffered=True).text)))
    left_out = list(csv.DictReader(io.StringIO(own.of("mark").get("/lists/1/exclusions", buffered=True).text)))

    assert [(row["client_id"], row["legal_basis"], row["legal_basis_detail"], row["consented_on"], row["message_fr"]) for row in members] == [
        ("C1", "consent", "P-1", "2024-05-06", "Un mot de nous")
    ]
    assert {row["client_id"]: row["stage"] for row in left_out} == {"C2": "control_group", "C3": "not_to_be_offered", "C4": "consent"}
    assert "risk" in own.of("bea").get("/lists/1/exclusions", buffered=True).text
    assert exported(own)[before:] == ["list:1:members", "list:1:exclusions", "list:1:exclusions"]


@pytest.mark.parametrize("path", ["/lists/1", "/lists/", "/lists/new", "/lists/1/export", "/lists/1/exclusions", "/api/v1/lists/1"])
def test_marketing_reads_no_credit_balance_or_reason_on_a_list(browsers: Browsers, path: str) -> None:
    text = re.sub(r"\b[0-9a-f]{64}\b", "", browsers.of("mark").get(path, buffered=True).text)

    assert [hidden for hidden in HIDDEN_FROM_MARKETING if hidden in text] == []


def test_results_that_have_not_matured_say_until_when(browsers: Browsers) -> None:
    assert "outcomes count from 31 Dec 2025 to 31 Mar 2026" in browsers.of("mark").get("/lists/1").text
    assert browsers.of("mark").get("/api/v1/lists/1").json["results"]["state"] == "not_matured"


def test_the_api_does_what_the_pages_do(two: Browsers) -> None:
    counted = ask(two, "mark", "/api/v1/lists/count", {"action": "retain"}).json
    kept = ask(two, "mark", "/api/v1/lists", {"action": "retain", "name": "By the API"})
    number = kept.json["list"]["id"]
    frozen = ask(two, "mark", f"/api/v1/lists/{number}/freeze")
    own_release = ask(two, "mark", f"/api/v1/lists/{number}/release", {"reason": "Agreed by everybody"})
    released = ask(two, "mia", f"/api/v1/lists/{number}/release", {"reason": "Agreed by everybody", "contact_on": "2026-01-05"})

    assert counted["funnel"]["candidates"] == counted["funnel"]["treated"] + sum(counted["funnel"]["removed"].values()) == 4
    assert (kept.status_code, frozen.json["list"]["state"], own_release.status_code) == (201, "frozen", 409)
    assert (released.json["list"]["state"], released.json["list"]["contact_on"]) == ("released", "2026-01-05")
    assert two.of("mark").get(f"/api/v1/lists/{number}/members", buffered=True).text.startswith("list_id,")
    assert [one["name"] for one in two.of("mark").get("/api/v1/lists").json["lists"]] == ["By the API", "Winter calls"]
