"""How one client uses the bank: months with their marks, habits, what is sought, and what may not be shown."""

from datetime import date

import pytest

from tests.small_lake import SmallLake
from tests.web.conftest import Browsers


@pytest.fixture
def used(own: Browsers) -> Browsers:
    """C1 is paid on the 27th or so, travelled in August, ended November below zero, and looked at savings."""
    lake = SmallLake(own.settings.home / "lake", buckets=1)
    lake.add("accounts", {"account_id": "a1", "client_id": "C1"})
    of = {"account_id": "a1", "client_id": "C1"}
    lake.add("balances", *({**of, "balance_on": day, "balance_minor": least} for day, least in ((date(2025, 11, 30), -12_300), (date(2025, 12, 30), 45_000))))
    paid = [{**of, "transaction_id": f"s{m}", "booked_on": date(2025, m, 26 + m % 3), "amount_minor": 200_000, "type": "salary"} for m in (10, 11, 12)]
    bought = [{**of, "transaction_id": f"c{n}", "booked_on": date(2025, 12, n), "amount_minor": -1_000, "mcc": "5411"} for n in (2, 4, 6, 8, 11)]
    away = {**of, "transaction_id": "f", "booked_on": date(2025, 8, 9), "amount_minor": -9_000, "mcc": "4511"}
    fee = {**of, "transaction_id": "fee", "booked_on": date(2025, 12, 20), "amount_minor": -500, "type": "fee"}
    lake.add("transactions", *paid, *bought, away, fee)
    seen = {"client_id": "C1", "type": "simulation", "page": "savings", "device": "tablet", "count": 3}
    lake.add(
        "digital_events",
        {**seen, "event_on": date(2025, 12, 5)},
        {"client_id": "C1", "event_on": date(2025, 12, 6), "device": "phone", "page": "home", "count": 9},
    )
    return own  # fmt: skip


def test_months_habits_and_pages_are_those_of_the_rows(used: Browsers) -> None:
    told = used.of("alice").get("/api/v1/clients/C1/usage").get_json()

    months = {row["month"]: row for row in told["months"]}
    assert [months["2025-12"][name] for name in ("movements", "card_purchases", "card_minor", "lowest_minor")] == [6, 5, 5_000, 45_000]
    assert (months["2025-08"]["journeys"], months["2025-07"]["movements"], months["2025-11"]["lowest_minor"]) == (1, 0, -12_300)
    assert told["payday"] == 27
    assert told["trend"] == pytest.approx(31 / 35)  # 0, 1, 0, 1, 1, 6: sum of (x - 2.5)(y - 1.5) is 15.5, of (x - 2.5)^2 17.5
    assert told["rhythm"]["debit_3m_minor"] == 1_000
    assert told["rhythm"]["credit_12m_minor"] == 200_000
    assert told["sessions"] == {"30d": 9, "90d": 9, "365d": 9}
    assert told["devices"] == {"phone": 9, "tablet": 3}
    assert told["pages"] == [{"page": "savings", "times": {"simulation": 3}, "last_on": "2025-12-05"}]
    assert told["interests"] == {"groceries": 0.4, "travel": 0.1}


def test_the_page_tells_the_marks_and_leads_to_the_rows(used: Browsers) -> None:
    page = used.of("alice").get("/clients/C1/usage").text

    for shown in (
        "below zero at the month end",
        "travel or abroad (1)",
        "paid 28 Nov 2025",
        "day 27 of the month",
        "Groceries",
        "/clients/C1/movements?month=2025-12",
    ):
        assert shown in page


def test_a_marketer_sees_counts_and_no_amount_payday_or_overdraft(used: Browsers) -> None:
    told = used.of("mark").get("/api/v1/clients/C1/usage").get_json()
    page = used.of("mark").get("/clients/C1/usage").text

    assert {row["card_minor"] for row in told["months"]} == {row["lowest_minor"] for row in told["months"]} == {None}
    assert told["payday"] is None
    assert not [name for name in told["rhythm"] if name.endswith("_minor")]
    assert "below zero" not in page
    assert "travel or abroad" in page


def test_who_refused_profiling_is_left_alone(used: Browsers) -> None:
    SmallLake(used.settings.home / "lake", buckets=1).add(
        "consents", {"client_id": "C1", "purpose": "profiling", "decided_on": date(2025, 6, 1), "is_granted": False}
    )

    told = used.of("alice").get("/api/v1/clients/C1/usage").get_json()

    assert (told["refuses_browsing"], told["sessions"], told["devices"], told["pages"]) == (True, None, {}, [])
    assert "refused profiling" in used.of("alice").get("/clients/C1/usage").text


def test_a_bank_without_movements_says_no_data_and_never_zero(browsers: Browsers) -> None:
    told = browsers.of("alice").get("/api/v1/clients/C1/usage").get_json()

    assert {row["movements"] for row in told["months"]} == {None}
    assert (told["trend"], told["rhythm"], told["sessions"]) == (None, None, None)
    assert [one["is_sought"] for one in told["benefits"]] == [None] * 4
    assert "never loaded" in browsers.of("alice").get("/clients/C1/usage").text
