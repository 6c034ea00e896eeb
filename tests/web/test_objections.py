"""A client who objects to marketing: off every list and out of every offer from the next read on, and back by their own word alone."""

import csv
import io
import json
import zipfile

import pytest

from tests.web.conftest import Browsers, token_of
from tests.web.programs import Program

OBJECTION = "/clients/C1/objection"


@pytest.fixture
def alice(own: Browsers) -> Program:
    return Program(own, "alice")


@pytest.fixture
def mark(own: Browsers) -> Program:
    return Program(own, "mark")


def offered(mark: Program) -> list[str]:
    """The clients on marketing's list of a product."""
    return [row["client_id"] for row in mark("GET", "/cross-sell/life_insurance").json["clients"]]


def to_retain(mark: Program) -> dict[str, object]:
    """The funnel of a list to retain, by e-mail and without a control group."""
    return mark("POST", "/lists/count", {"action": "retain", "channel": "email", "control_share": 0}).json["funnel"]


def table_of(answer) -> list[dict[str, str]]:
    """The rows of a CSV answer."""
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))


def test_it_counts_at_once_on_every_list_and_ends_with_the_clients_word(alice: Program, mark: Program) -> None:
    before, funnel = offered(mark), to_retain(mark)
    assert "C1" in before

    assert alice("PUT", OBJECTION).status_code == 204
    assert alice("PUT", OBJECTION).status_code == 204  # said twice, it is one

    counted = mark("GET", "/cross-sell/life_insurance").json["funnel"]
    assert offered(mark) == [client for client in before if client != "C1"]
    assert counted["removed"]["objection"] == 1
    assert counted["candidates"] == counted["kept"] + sum(counted["removed"].values()) == 4
    after = to_retain(mark)
    assert after["candidates"] == funnel["candidates"]
    assert after["removed"]["objection"] == 1
    assert after["candidates"] == after["treated"] + sum(after["removed"].values())

    assert alice("DELETE", OBJECTION).status_code == 204

    assert (offered(mark), to_retain(mark)) == (before, funnel)
    assert alice("DELETE", OBJECTION).status_code == 409


def test_nothing_is_offered_on_the_pages_of_who_objects(own: Browsers, alice: Program) -> None:
    assert alice("GET", "/clients/C1").json["client"]["best_product"] == "life_insurance"

    alice("PUT", OBJECTION)

    found = alice("GET", "/clients/C1").json
    assert found["client"]["best_product"] is None
    assert [found["client"][name] for name in ("best_propensity", "best_margin_minor")] == [None, None]
    rows = {row["client_id"]: row for row in alice("GET", "/clients").json["clients"]}
    assert rows["C1"]["best_product"] is None
    assert rows["C2"]["best_product"] == "life_insurance"
    page = own.of("alice").get("/clients/C1").text
    assert "life insurance" not in page.lower()
    assert [row["client_id"] for row in alice("GET", "/clients?product=life_insurance").json["clients"]] == ["C2"]


def test_a_marketer_finds_them_in_no_segment_while_their_manager_does(alice: Program, mark: Program) -> None:
    path = "/schemes/value_tiers/segments/gold/clients"

    def members(who: Program) -> set[str]:
        return {row["client_id"] for row in who("GET", path).json["rows"]}

    assert "C1" in members(mark)
    alice("PUT", OBJECTION)
    assert "C1" not in members(mark)
    assert "C1" in members(alice)


def test_a_list_frozen_before_leaves_them_out_when_it_is_exported(own: Browsers, alice: Program, mark: Program) -> None:
    assert [row["client_id"] for row in table_of(mark("GET", "/lists/1/members"))] == ["C1"]

    alice("PUT", OBJECTION)

    assert table_of(mark("GET", "/lists/1/members")) == []
    left_out = {row["client_id"]: row["stage"] for row in table_of(mark("GET", "/lists/1/exclusions"))}
    assert left_out == {"C1": "objection", "C2": "control_group", "C3": "not_to_be_offered", "C4": "consent"}
    assert ">C1<" not in own.of("mark").get("/lists/1").text


def test_a_strangers_and_a_colleagues_client_is_none(own: Browsers, alice: Program) -> None:
    missing = Program(own, "bob")("PUT", "/clients/NOBODY/objection")
    foreign = Program(own, "bob")("PUT", OBJECTION)

    assert (foreign.status_code, foreign.data) == (missing.status_code, missing.data) == (404, missing.data)
    assert own.stranger().put(f"/api/v1{OBJECTION}").status_code == 401
    assert alice("GET", OBJECTION).json["stands"] is False


def test_the_page_records_it_and_says_so(own: Browsers) -> None:
    http = own.of("alice")
    page = http.get("/clients/C1").text

    answer = http.post("/clients/C1/objection", data={"form_token": token_of(page)})

    assert answer.status_code == 303
    assert "objects to marketing" in http.get("/clients/C1").text.lower()


def test_subject_access_holds_everything_of_one_client_and_nothing_of_another(own: Browsers, alice: Program) -> None:
    alice("PUT", OBJECTION)
    answer = Program(own, "bea")("GET", "/clients/C1/subject-access")

    with zipfile.ZipFile(io.BytesIO(answer.data)) as file:
        assert sorted(file.namelist()) == ["subject-access.en.html", "subject-access.fr.html", "subject-access.json"]
        document = json.loads(file.read("subject-access.json"))
        english, french = (file.read(f"subject-access.{language}.html").decode() for language in ("en", "fr"))
    assert (document["client_id"], document["as_of"]) == ("C1", "2025-12-31")
    assert {row["product"]: row["propensity"] for row in document["store"]["product_propensity"]} == {"life_insurance": 0.3, "savings": 0.08}
    assert document["store"]["published_client"][0]["value_12m_minor"] == 45_600
    assert [row["withdrawn_at"] for row in document["store"]["client_objection"]].count(None) == 1
    assert document["attributes"]["deposits_mean_12m_minor"] == 765_432
    assert document["lists"] == [{"list": 1, "name": "Winter calls", "state": "released", "as_of": "2025-12-31", "arm": "treated"}]
    assert "objection_recorded" in [entry["action"] for entry in document["trail"]]
    assert {reason["about"] for reason in document["reasons"]} == {"churn", "best"}
    assert all(reason["en"] and reason["fr"] and reason["en"] != reason["fr"] for reason in document["reasons"])
    whole = json.dumps(document) + english + french
    assert not [other for other in ("C2", "C3", "C4", "Zoé") if other in whole]
    assert Program(own, "rita")("GET", "/clients/C1/subject-access").status_code == 200
    assert alice("GET", "/clients/C1/subject-access").status_code == 404
