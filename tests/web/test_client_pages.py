"""The pages behind a client's page: each number with its rows, each role with what it may see."""

import re
from datetime import date

import pytest

from bankseg.services.client_movements import days_of_month
from bankseg.storage.database import make_engine, transaction
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.segment_event import SegmentEvent
from tests.small_lake import SmallLake
from tests.web import builders
from tests.web.conftest import Browsers


@pytest.fixture
def told(own: Browsers) -> Browsers:
    """The small bank with facts of C1 in its lake and an earlier published run."""
    lake = SmallLake(own.settings.home / "lake", buckets=1)
    lake.add("accounts", {"account_id": "a1", "client_id": "C1", "rate_pct": 1.25})
    lake.add(
        "accounts",
        {
            "account_id": "a2",
            "client_id": "C1",
            "product": "savings",
            "opened_on": date(2021, 1, 1),
            "closed_on": date(2025, 6, 30),
            "close_reason": "maturity",
        },
    )
    lake.add("balances", {"account_id": "a1", "client_id": "C1", "balance_on": date(2025, 12, 30), "balance_minor": 777_700})
    moves = [
        {"transaction_id": f"t{n:03}", "account_id": "a1", "client_id": "C1", "booked_on": date(2025, 12, 1 + n % 28), "amount_minor": 1_001} for n in range(60)
    ]
    lake.add(
        "transactions",
        *moves,
        {"transaction_id": "tx", "account_id": "a1", "client_id": "C1", "booked_on": date(2025, 11, 5), "amount_minor": -2_500_050, "type": "transfer_out"},
    )
    lake.add("consents", {"client_id": "C1", "purpose": "marketing_email", "decided_on": date(2023, 3, 1), "is_granted": True, "proof": "PROOF-7"})
    lake.add(
        "interactions", {"interaction_id": "i1", "client_id": "C1", "occurred_on": date(2025, 10, 2), "kind": "complaint", "channel": "phone", "reason": "fees"}
    )
    lake.add("surveys", {"client_id": "C1", "wave": "2025S2", "question": "NPS", "answered_on": date(2025, 9, 9), "answer": "3", "answer_value": 3.0})
    lake.add("campaign_contacts", {"campaign_contact_id": "k1", "client_id": "C1", "campaign": "SPRING-1", "contacted_on": date(2025, 4, 4)})
    lake.add(
        "credit_scores", *({"client_id": "C1", "scored_on": day, "score": score} for day, score in ((date(2025, 6, 30), 612.0), (date(2025, 12, 30), 655.0)))
    )
    engine = make_engine(own.settings.store)
    with transaction(engine) as session:
        shown = session.get_one(builders.CurrentRun, builders.PORTFOLIO).run_id
        before = builders.a_run(session, key="run:2025-06-30", as_of="2025-06-30")
        builders.a_client(session, before, "C1", tier="silver", churn=0.11, propensities='{"dormancy": 0.02}')
        session.get_one(builders.CurrentRun, builders.PORTFOLIO).run_id = shown
        session.add(
            SegmentEvent(
                code="lifecycle",
                version=0,
                run_id=shown,
                client_id="C1",
                from_segment="new",
                to_segment="developing",
                from_as_of="2025-06-30",
                as_of="2025-12-31",
                rm_id="RM1",
                branch_id="B1",
            )
        )
    engine.dispose()
    return own  # fmt: skip


def test_the_activity_page_shows_contracts_and_events_with_their_rows(told: Browsers) -> None:
    page = told.of("alice").get("/clients/C1/activity").text

    for shown in ("Current account", "1.25 %", "€7,777", "term reached", "Complaint", "Large transfer out", "-€25,000", "Credit score changed", "612 → 655"):
        assert shown in page
    assert "/clients/C1/movements?from=2025-11-05&amp;until=2025-11-05" in page
    assert page.count("<rect class=") == 2
    only = told.of("alice").get("/clients/C1/activity?kind=complaint").text
    assert "Large transfer out</span></th>" not in only
    assert told.of("alice").get("/clients/C1/activity?kind=party").status_code == 400


def test_movements_add_up_to_the_sums_and_page_on(told: Browsers) -> None:
    http = told.of("alice")
    first = http.get("/clients/C1/movements?month=2025-12").text

    assert "€600.60" in first  # sixty of 10.01
    assert first.count("€10.01") == 50
    following = first.split('rel="next" class="button"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert http.get(following).text.count("€10.01") == 10
    assert "No movement in these days" in http.get("/clients/C1/movements?month=2024-02").text
    for wrong in ("month=December", "from=2025-12-31&until=2025-12-01", "month=2025-12&after=xyz"):
        assert http.get(f"/clients/C1/movements?{wrong}").status_code == 400


def test_the_relationship_page_shows_consent_with_proof_satisfaction_and_offers(told: Browsers) -> None:
    page = told.of("alice").get("/clients/C1/ties").text

    for shown in ("PROOF-7", "1 Mar 2023", "<strong>3</strong> / 10", "1 not resolved", "SPRING-1", "This extract was never loaded: "):
        assert shown in page
    assert "PROOF-7" in told.of("mark").get("/clients/C1/ties").text


def test_groups_and_scores_go_back_to_earlier_runs(told: Browsers) -> None:
    page = told.of("alice").get("/clients/C1/past").text

    assert page.count('class="badge tier-') == 2
    assert "Tier unchanged since 31 Dec 2025, segment since 30 Jun 2025" in page
    assert "2.0%" in page
    assert 'class="spark"' in page
    assert "655" in page
    assert re.search(r'href="/segments/[^"]*lifecycle[^"]*C1[^"]*"', page)


def test_a_portfolio_handed_over_brings_its_past_and_leaves_nothing(told: Browsers) -> None:
    engine = make_engine(told.settings.store)
    with transaction(engine) as session:
        run_id = session.get_one(builders.CurrentRun, builders.PORTFOLIO).run_id
        session.get_one(PublishedClient, (run_id, "C1")).rm_id = "RM2"
    engine.dispose()

    assert told.of("bob").get("/clients/C1/past").text.count('class="badge tier-') == 2
    for page in ("activity", "ties", "past", "movements"):
        assert told.of("alice").get(f"/clients/C1/{page}").status_code == 404


def test_a_marketer_sees_no_amount_rating_or_movement(told: Browsers) -> None:
    http = told.of("mark")

    activity, past = (re.sub(r'name="form_token" value="\w+"', "", http.get(f"/clients/C1/{page}").text) for page in ("activity", "past"))
    for hidden in ("€7,777", "1.25", "612", "655", "Large transfer out", "25,000"):
        assert hidden not in activity
        assert hidden not in past
    assert "Complaint" in activity
    assert http.get("/clients/C1/movements").status_code == 404


def test_a_bank_without_a_lake_says_no_data(browsers: Browsers) -> None:
    for page in ("activity", "ties", "movements"):
        assert "never loaded" in browsers.of("alice").get(f"/clients/C1/{page}").text


def test_a_month_ends_on_its_last_day() -> None:
    assert days_of_month("2025-12") == (date(2025, 12, 1), date(2025, 12, 31))
