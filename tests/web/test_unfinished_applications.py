"""Applications begun online and not ended: who is listed, who is kept back, and what a file of them holds."""

from datetime import date

import pytest

from bankseg.lake.files import table_versions
from bankseg.storage.database import make_engine, transaction
from bankseg.storage.run import Run
from tests.small_lake import SmallLake
from tests.web.conftest import Browsers, token_of


@pytest.fixture
def begun(own: Browsers) -> Browsers:
    """C1 began savings and a loan and took out a card it began; C2, in risk review, began a loan; C3 began savings yesterday, C4 half a year ago."""
    lake = SmallLake(own.settings.home / "lake", buckets=1)
    begins = (("C1", "savings", 10), ("C1", "personal_loan", 12), ("C1", "card", 9), ("C2", "personal_loan", 14), ("C3", "savings", 30))
    of = {"type": "application_started", "device": "phone"}
    lake.add("digital_events", *({**of, "client_id": client, "page": page, "event_on": date(2025, 12, day)} for client, page, day in begins))
    lake.add("digital_events", {**of, "client_id": "C4", "page": "savings", "event_on": date(2025, 7, 1), "type": "application_abandoned"})
    lake.add("accounts", {"account_id": "a1", "client_id": "C1", "product": "card", "opened_on": date(2025, 12, 11)})
    engine = make_engine(own.settings.store)
    with transaction(engine) as session:
        run = session.get_one(Run, 1)
        run.table_versions = table_versions(own.settings.lake)
        session.add(run)
    engine.dispose()
    return own


def listed(browsers: Browsers, login: str, query: str = "") -> list[tuple[str, str]]:
    rows = browsers.of(login).get(f"/api/v1/applications{query}").get_json()["rows"]
    return [(row["client_id"], row["product"]) for row in rows]


def test_what_rests_for_more_than_two_days_without_a_contract_since_is_listed(begun: Browsers) -> None:
    assert listed(begun, "mark") == [("C1", "personal_loan"), ("C1", "savings")]
    assert listed(begun, "mark", "?days=365") == [("C1", "personal_loan"), ("C1", "savings"), ("C4", "savings")]
    assert listed(begun, "mark", "?product=savings") == [("C1", "savings")]
    assert begun.of("mark").get("/applications/?days=2").status_code == 400


def test_credit_is_not_pursued_with_clients_in_risk_review(begun: Browsers) -> None:
    told = begun.of("mark").get("/api/v1/applications").get_json()

    assert (told["kept_back"], told["applications"], told["by_product"]) == (1, 2, {"personal_loan": 1, "savings": 1})
    page = begun.of("mark").get("/applications/").text
    assert "1 for credit are left out" in page
    assert "Client C2" not in page


def test_each_sees_the_own_clients_alone(begun: Browsers) -> None:
    assert listed(begun, "alice") == [("C1", "personal_loan"), ("C1", "savings")]
    assert listed(begun, "bob", "?days=365") == []


def test_the_file_holds_them_all_and_is_recorded(begun: Browsers) -> None:
    file = begun.of("mark").get("/applications/export?format=csv", buffered=True)

    lines = file.text.strip().splitlines()
    assert [line.split(",")[2] for line in lines[1:]] == ["C1", "C1"]
    assert "applications" in begun.of("axel").get("/administration/audit").text


def test_a_bank_without_digital_events_says_no_data(browsers: Browsers) -> None:
    assert browsers.of("mark").get("/api/v1/applications").get_json()["rows"] is None
    assert "never loaded" in browsers.of("alice").get("/applications/").text


def test_whoever_objects_to_marketing_is_left_out_and_the_page_still_opens(begun: Browsers) -> None:
    http = begun.of("alice")
    token = token_of(http.get("/clients/C1").text)
    assert http.post("/clients/C1/objection", data={"form_token": token}).status_code == 303

    assert listed(begun, "mark", "?days=365") == [("C4", "savings")]
    assert "Client C1" not in begun.of("mark").get("/applications/").text
