"""Snapshots: hand-computed features, and nothing later than the as-of date."""

import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bankseg.domain.horizon import Horizon
from bankseg.features.build import build_snapshot
from bankseg.lake.local import LocalBucket
from tests.small_lake import SmallLake

AS_OF = date(2025, 8, 31)
PRODUCTS = ["current_account", "savings"]


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    lake = SmallLake(tmp_path / "lake", buckets=1)
    lake.add("clients", {"client_id": "A", "joined_on": AS_OF - timedelta(days=1000)}, {"client_id": "B"})
    lake.add(
        "accounts",
        {"account_id": "a1", "client_id": "A"},
        {"account_id": "b1", "client_id": "B", "closed_on": AS_OF + timedelta(days=3), "close_reason": "client_request"},
    )
    return lake


def snapshot_of(lake: SmallLake, as_of: date = AS_OF) -> dict[str, dict[str, Any]]:
    with LocalBucket(lake.at_now(), 0, as_of) as bucket:
        return {row["client_id"]: row for row in build_snapshot(bucket, Horizon(as_of), PRODUCTS).to_pylist()}


def movement(number: int, days_ago: int, **fields: Any) -> dict[str, Any]:
    return {
        "transaction_id": f"t{number}",
        "account_id": "a1",
        "client_id": "A",
        "booked_on": AS_OF - timedelta(days=days_ago),
        "amount_minor": -1000,
        **fields,
    }


def test_windows_count_client_initiated_movements_only(lake: SmallLake) -> None:
    lake.add(
        "transactions",
        movement(1, 1, type="fee"),
        movement(2, 5, amount_minor=-250),
        movement(3, 29, amount_minor=100_000, type="salary"),
        movement(4, 30),
        movement(5, 100),
        movement(6, 400),
    )

    client = snapshot_of(lake)["A"]

    assert client["recency_days"] == 5
    assert [client[f"counted_{window}"] for window in ("30d", "90d", "180d", "365d")] == [2, 3, 4, 4]
    assert client["credit_minor_30d"] == 100_000
    assert client["debit_minor_90d"] == 1_250
    assert client["active_days_365d"] == 4
    assert client["longest_gap_days"] == 70
    assert client["income_months_12m"] == 1
    assert client["fee_minor_365d"] == 1_000


def test_features_of_a_missing_extract_are_absent_not_zero(lake: SmallLake) -> None:
    client = snapshot_of(lake)["A"]

    assert "tenure_days" in client
    assert "recency_days" not in client
    assert "credit_score" not in client


def test_a_client_without_rows_in_a_loaded_extract_is_null(lake: SmallLake) -> None:
    lake.add("transactions", movement(1, 5))

    assert snapshot_of(lake)["B"]["recency_days"] is None


def test_a_closing_after_the_date_is_not_yet_known(lake: SmallLake) -> None:
    assert snapshot_of(lake)["B"]["open_accounts"] == 1
    assert snapshot_of(lake, AS_OF + timedelta(days=3))["B"]["open_accounts"] == 0


def test_balance_trends_follow_the_months(lake: SmallLake) -> None:
    lake.add("accounts", {"account_id": "a2", "client_id": "A", "product": "savings"})
    months = [(date(2025, 8, 31), 50_000), (date(2025, 7, 31), 100_000), (date(2025, 6, 30), 150_000)]
    lake.add(
        "balances",
        *(
            {"account_id": account, "client_id": "A", "balance_on": day, "balance_minor": minor, "recorded_on": day}
            for day, minor in months
            for account in ("a1", "a2")
        ),
    )

    client = snapshot_of(lake)["A"]

    assert client["deposits_minor"] == 100_000
    assert client["savings_minor"] == 50_000
    assert client["deposits_ratio_1m"] == pytest.approx(0.5)
    assert client["deposits_ratio_3m_mean"] == pytest.approx(0.5)
    assert client["deposits_share_of_max_12m"] == pytest.approx(1 / 3)
    assert client["deposits_slope_3m"] == pytest.approx(-0.5)


def test_one_month_has_no_slope_and_no_feature_is_other_than_a_number(lake: SmallLake) -> None:
    lake.add("balances", {"account_id": "a1", "client_id": "A", "balance_on": date(2025, 8, 31), "balance_minor": 50_000, "recorded_on": date(2025, 8, 31)})

    client = snapshot_of(lake)["A"]

    assert client["deposits_minor"] == 50_000
    assert [client[f"deposits_slope_{months}m"] for months in (3, 6, 12)] == [None, None, None]
    assert [name for name, value in client.items() if isinstance(value, float) and not math.isfinite(value)] == []


def test_interest_margin_is_average_balance_times_spread(lake: SmallLake) -> None:
    lake.add("balances", *({"account_id": "a1", "client_id": "A", "balance_on": date(2025, month, 28), "balance_minor": 1_200_000} for month in range(1, 9)))

    client = snapshot_of(lake)["A"]

    assert client["interest_margin_12m_minor"] == round(1_200_000 * 8 / 12 * 0.024)
    assert client["account_cost_12m_minor"] == 1_200


def test_a_correction_learned_later_does_not_change_the_past(lake: SmallLake) -> None:
    learned = AS_OF + timedelta(days=10)
    lake.add(
        "transactions",
        movement(1, 5, amount_minor=-500, recorded_until_on=learned),
        movement(1, 5, amount_minor=-900, recorded_on=learned),
    )

    assert snapshot_of(lake)["A"]["debit_minor_30d"] == 500
    assert snapshot_of(lake, learned)["A"]["debit_minor_30d"] == 900


def test_balances_come_from_movements_when_there_is_no_balance_extract(lake: SmallLake) -> None:
    lake.add("transactions", movement(1, 5, balance_after_minor=7_000), movement(2, 1, balance_after_minor=9_000))

    assert snapshot_of(lake)["A"]["deposits_minor"] == 9_000


LATER = st.lists(
    st.tuples(st.sampled_from(["transactions", "balances", "interactions", "digital_events", "credit_scores", "accounts"]), st.integers(1, 400), st.booleans()),
    min_size=1,
    max_size=6,
)


def _later_row(number: int, table: str, days: int, *, is_late_news: bool) -> dict[str, Any]:
    """A fact that happens after the date, or happened before it and is learned after."""
    day = AS_OF - timedelta(days=days) if is_late_news else AS_OF + timedelta(days=days)
    clocks = {"recorded_on": AS_OF + timedelta(days=days)} if is_late_news else {}
    row: dict[str, Any] = {
        "transactions": movement(1000 + number, 0, booked_on=day, amount_minor=-777, type="salary"),
        "balances": {"account_id": "a1", "client_id": "A", "balance_on": day, "balance_minor": 1},
        "interactions": {"interaction_id": f"i{number}", "client_id": "A", "occurred_on": day},
        "digital_events": {"client_id": "A", "event_on": day},
        "credit_scores": {"client_id": "A", "scored_on": day, "score": 300.0},
        "accounts": {"account_id": f"n{number}", "client_id": "A", "opened_on": day},
    }[table]
    return {**row, **clocks}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(later=LATER)
def test_rows_after_the_date_never_move_the_snapshot(tmp_path_factory: pytest.TempPathFactory, later: list[tuple[str, int, bool]]) -> None:
    lake = SmallLake(tmp_path_factory.mktemp("lake") / "lake", buckets=1)
    lake.add("clients", {"client_id": "A"}).add("accounts", {"account_id": "a1", "client_id": "A"})
    lake.add("transactions", movement(1, 5), movement(2, 50, type="salary", amount_minor=200_000))
    lake.add("balances", {"account_id": "a1", "client_id": "A", "balance_on": AS_OF, "balance_minor": 5_000})
    lake.add("interactions", {"interaction_id": "i", "client_id": "A", "occurred_on": AS_OF - timedelta(days=3)})
    lake.add("digital_events", {"client_id": "A", "event_on": AS_OF})
    lake.add("credit_scores", {"client_id": "A", "scored_on": AS_OF - timedelta(days=40), "score": 700.0})
    before = snapshot_of(lake)

    for number, (table, days, is_late_news) in enumerate(later):
        lake.add(table, _later_row(number, table, days, is_late_news=is_late_news))

    assert snapshot_of(lake) == before


def test_a_closed_account_holds_nothing_and_an_open_one_its_last_known_balance(lake: SmallLake) -> None:
    """Mid-month, with the latest month ends behind: what was closed is gone, what is quiet is still there."""
    lake.add(
        "accounts",
        {"account_id": "a2", "client_id": "A", "product": "savings", "closed_on": date(2025, 6, 15), "close_reason": "client_request"},
        {"account_id": "a3", "client_id": "A", "product": "personal_loan"},
        {"account_id": "b2", "client_id": "B", "product": "savings", "closed_on": date(2025, 6, 15)},
    )
    for account, client, day, minor in (
        ("a1", "A", date(2025, 3, 31), 40_000),
        ("a1", "A", date(2025, 5, 31), 10_000),
        ("a2", "A", date(2025, 5, 31), 90_000),
        ("a3", "A", date(2025, 7, 31), -70_000),
        ("b2", "B", date(2025, 5, 31), 5_000),
    ):
        lake.add("balances", {"account_id": account, "client_id": client, "balance_on": day, "balance_minor": minor})

    clients = snapshot_of(lake, date(2025, 9, 15))

    a = clients["A"]
    assert (a["balance_minor"], a["savings_minor"], a["debt_minor"], a["exposure_minor"]) == (10_000, 0, 70_000, 70_000)
    assert a["credit_balance_ratio_6m"] == pytest.approx(10_000 / 40_000)
    assert (clients["B"]["balance_minor"], clients["B"]["savings_minor"], clients["B"]["invested_minor"]) == (0, 0, None)
