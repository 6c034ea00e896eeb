"""One client's record: rows of its own bucket as known on the day, and what was never loaded said so."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from bankseg.lake.client_record import ClientRecord
from bankseg.lake.files import table_versions
from tests.small_lake import SmallLake

AS_OF = date(2025, 12, 31)


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    return SmallLake(tmp_path / "lake", buckets=1).add("accounts", {"account_id": "a", "client_id": "A"}, {"account_id": "b", "client_id": "B"})


def moved(number: int, booked_on: date, amount_minor: int, client_id: str = "A", **changes):
    return {
        "transaction_id": f"t{number}",
        "account_id": client_id.lower(),
        "client_id": client_id,
        "booked_on": booked_on,
        "amount_minor": amount_minor,
        **changes,
    }


def record(lake: SmallLake, *tables: str) -> ClientRecord:
    return ClientRecord(lake.root, table_versions(lake.root), "A", AS_OF, tables)


def test_movements_are_those_of_the_client_newest_first_and_go_on_from_a_place(lake: SmallLake) -> None:
    day = date(2025, 12, 3)
    lake.add("transactions", moved(1, day, 100), moved(2, day, -40), moved(3, day - timedelta(days=9), -7), moved(4, day, 999, "B"))
    window = {"first_on": date(2025, 12, 1), "last_on": AS_OF, "most": 10}

    with record(lake, "accounts", "transactions") as one:
        first = one.rows("movements", **window, before_on=date(9999, 1, 1), before_id="")
        after = one.rows("movements", **window, before_on=day, before_id="t2")

    assert [row["transaction_id"] for row in first] == ["t2", "t1"]
    assert [row["transaction_id"] for row in after] == ["t1"]
    assert first[0]["product"] == "current_account"


def test_sums_leave_transfers_between_own_accounts_out_and_count_them_apart(lake: SmallLake) -> None:
    day = date(2025, 12, 3)
    lake.add("transactions", moved(1, day, 100), moved(2, day, -40), moved(3, day, -7, type="internal_transfer"), moved(4, day, 9, type="reversal"))

    with record(lake, "accounts", "transactions") as one:
        sums = one.rows("movement_sums", first_on=day, last_on=day)

    assert sums == [{"movements": 4, "left_out": 2, "credits_minor": 100, "debits_minor": 40}]


def test_a_transfer_is_large_when_it_reaches_the_least_and_a_mean_month(lake: SmallLake) -> None:
    # Money in over the year: 12 x 1,500.00 = 18,000.00, a mean month of 1,500.00.
    salaries = [moved(month, date(2025, month, 5), 150_000, type="salary") for month in range(1, 13)]
    lake.add("transactions", *salaries, moved(20, date(2025, 6, 1), -150_000, type="transfer_out"), moved(21, date(2025, 6, 2), -149_999, type="transfer_out"))

    with record(lake, "accounts", "transactions", "interactions", "consents", "campaign_contacts", "surveys", "credit_scores") as one:
        events = one.rows("events", large_minor=100_000)
        unreached = one.rows("events", large_minor=150_001)
        lacks = one.lacks

    assert [row["reference"] for row in events if row["kind"] == "large_out"] == ["t20"]
    assert sum(row["kind"] == "income" for row in events) == 12
    assert not any(row["kind"] == "large_out" for row in unreached)
    assert lacks == {"interactions", "consents", "campaign_contacts", "surveys", "credit_scores"}


def test_a_consent_counts_since_the_answer_last_changed(lake: SmallLake) -> None:
    days = [date(2020, 1, 1), date(2022, 1, 1), date(2023, 1, 1), date(2024, 1, 1)]
    answers = [True, False, True, True]
    lake.add(
        "consents",
        *({"client_id": "A", "purpose": "profiling", "decided_on": day, "is_granted": granted, "proof": f"P{day.year}"} for day, granted in zip(days, answers, strict=True)),
        {"client_id": "A", "purpose": "profiling", "decided_on": AS_OF + timedelta(days=1), "is_granted": False, "proof": "later"},
    )  # fmt: skip

    with record(lake, "consents") as one:
        assert one.rows("consents") == [
            {"purpose": "profiling", "is_granted": True, "decided_on": date(2024, 1, 1), "proof": "P2024", "since": date(2023, 1, 1)}
        ]


def test_a_rating_that_stays_the_same_is_no_event(lake: SmallLake) -> None:
    scores = [(date(2024, 6, 30), 700.0), (date(2025, 3, 31), 700.0), (date(2025, 6, 30), 690.0)]
    lake.add("credit_scores", *({"client_id": "A", "scored_on": day, "score": score} for day, score in scores))

    with record(lake, "accounts", "transactions", "interactions", "consents", "campaign_contacts", "surveys", "credit_scores") as one:
        events = one.rows("events", large_minor=1)

    assert [(row["kind"], row["score_before"], row["score"]) for row in events] == [("credit_score", 700.0, 690.0)]


def test_a_holding_shows_its_latest_balance_and_none_where_none_is_known(lake: SmallLake) -> None:
    lake.add("accounts", {"account_id": "c", "client_id": "A", "product": "card", "opened_on": date(2021, 5, 5)})
    lake.add("balances", *({"account_id": "a", "client_id": "A", "balance_on": date(2025, month, 28), "balance_minor": month * 100} for month in (10, 11)))

    with record(lake, "accounts", "balances") as one:
        found = {row["account_id"]: (row["balance_minor"], row["balance_on"]) for row in one.rows("holdings")}

    assert found == {"a": (1100, date(2025, 11, 28)), "c": (None, None)}


def test_an_empty_lake_lacks_everything_and_holds_nothing(tmp_path: Path) -> None:
    with ClientRecord(str(tmp_path / "nowhere"), {}, "A", AS_OF, ("accounts", "balances")) as one:
        assert one.rows("holdings") == []
        assert one.lacks == {"accounts", "balances"}


def test_months_of_balance_and_flows_are_added_up_by_hand(lake: SmallLake) -> None:
    day = date(2025, 12, 3)
    lake.add("transactions", moved(1, day, 250), moved(2, day, -40), moved(3, day, -7, type="internal_transfer"), moved(4, day, 999, "B"))
    lake.add("balances", {"account_id": "a", "client_id": "A", "balance_on": date(2025, 11, 30), "balance_minor": 700})

    assert months(lake) == [(11, 700, 0, 0), (12, None, 250, 40)]


def test_balances_come_from_the_movements_where_the_bank_sends_none(lake: SmallLake) -> None:
    lake.add("transactions", moved(1, date(2025, 12, 3), 250, balance_after_minor=950), moved(2, date(2025, 12, 4), -50, balance_after_minor=900))

    assert months(lake) == [(12, 900, 250, 50)]


def test_a_record_reads_the_versions_it_is_given_whatever_was_loaded_since(lake: SmallLake) -> None:
    lake.add("transactions", moved(1, date(2025, 12, 3), 250))
    before = table_versions(lake.root)
    lake.add("transactions", moved(2, date(2025, 12, 4), 1))

    with ClientRecord(lake.root, before, "A", AS_OF, ("accounts", "transactions")) as one:
        assert one.rows("movement_sums", first_on=date(2025, 12, 1), last_on=AS_OF)[0]["movements"] == 1
    with record(lake, "accounts", "transactions") as one:
        assert one.rows("movement_sums", first_on=date(2025, 12, 1), last_on=AS_OF)[0]["movements"] == 2


def test_a_client_of_a_bucket_without_files_has_nothing_and_lacks_nothing(tmp_path: Path) -> None:
    far = SmallLake(tmp_path / "far", buckets=64).add("accounts", {"account_id": "b", "client_id": "B"})

    with record(far, "accounts", "balances") as one:
        assert one.rows("holdings") == []
        assert one.lacks == {"balances"}


def months(lake: SmallLake) -> list[tuple[int, int | None, int, int]]:
    with record(lake, "accounts", "balances", "transactions") as one:
        rows = one.rows("history", as_of_month=2025 * 12 + 11, months=24, savings=["current_account"])
    return [(row["month"], row["balance_minor"], row["credits_minor"], row["debits_minor"]) for row in rows]
