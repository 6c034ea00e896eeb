"""Point-in-time views: what a bucket shows on a day."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.extracts import EXTRACTS
from bankseg.lake.local import LocalBucket, LocalEngine
from bankseg.lake.views import as_of_view, instant_after
from tests.small_lake import SmallLake

AS_OF = date(2025, 8, 31)
DAY = timedelta(days=1)


@pytest.fixture
def lake(tmp_path):
    return SmallLake(tmp_path / "lake", buckets=1).add("clients", {"client_id": "A"})


def rows(lake, sql, as_of=AS_OF, outcome=None, bucket=0):
    with LocalBucket(lake.at_now(), bucket, as_of, outcome) as connection:
        return connection.arrow(sql).to_pylist()


def movement(number, booked_on, **clocks):
    return {"transaction_id": f"t{number}", "account_id": "a", "client_id": "A", "booked_on": booked_on, "amount_minor": -number, **clocks}


def seen(lake, as_of=AS_OF, outcome=None, view="transactions"):
    return {row["transaction_id"] for row in rows(lake, f"SELECT transaction_id FROM {view}", as_of, outcome)}  # noqa: S608  # a name of this test


def test_a_row_is_seen_when_it_has_happened_and_is_recorded_by_the_end_of_the_day(lake):
    lake.add(
        "transactions",
        movement(1, AS_OF, recorded_on=AS_OF),
        movement(2, AS_OF, recorded_on=AS_OF + DAY),
        movement(3, AS_OF + DAY, recorded_on=AS_OF),
        movement(4, AS_OF - DAY, recorded_on=AS_OF),
    )

    assert seen(lake) == {"t1", "t4"}
    assert seen(lake, AS_OF + DAY) == {"t1", "t2", "t3", "t4"}


def test_a_replaced_row_is_seen_until_the_day_before_its_correction(lake):
    lake.add("transactions", movement(1, AS_OF - 9 * DAY, recorded_until_on=AS_OF), movement(2, AS_OF - 9 * DAY, recorded_on=AS_OF))

    assert seen(lake, AS_OF - DAY) == {"t1"}
    assert seen(lake, AS_OF) == {"t2"}


@settings(max_examples=200, deadline=None)
@given(recorded=st.integers(0, 40), length=st.integers(0, 40), as_of=st.integers(-5, 100))
def test_at_any_day_one_version_of_a_row_is_visible_and_none_before_it_is_recorded(recorded, length, as_of):
    """The two versions of a corrected row partition time: the intervals [recorded, until) that the views test."""
    first, changed = AS_OF + recorded * DAY, AS_OF + (recorded + length) * DAY
    known_before = instant_after(AS_OF + as_of * DAY).date()

    old = first < known_before and changed >= known_before
    new = changed < known_before

    assert old + new == (first < known_before)


def test_what_is_learned_later_is_null_until_then(lake):
    closed = AS_OF + 3 * DAY
    lake.add("accounts", {"account_id": "a", "client_id": "A", "closed_on": closed, "close_reason": "client_request"})
    lake.add("instalments", {"account_id": "a", "client_id": "A", "due_on": AS_OF, "amount_minor": 5, "paid_on": closed, "paid_minor": 5, "recorded_on": AS_OF})
    sql = "SELECT closed_on, close_reason, paid_on, paid_minor FROM accounts JOIN instalments USING (account_id)"

    assert rows(lake, sql) == [{"closed_on": None, "close_reason": None, "paid_on": None, "paid_minor": None}]
    assert rows(lake, sql, closed) == [{"closed_on": closed, "close_reason": "client_request", "paid_on": closed, "paid_minor": 5}]


def test_every_column_learned_on_a_date_is_masked_and_no_other():
    for extract in EXTRACTS:
        sql = as_of_view(extract.name, ("x.parquet",), event_until=AS_OF, known_on=AS_OF)
        masked = {column.stored_name for column in extract.columns if f"END AS {column.stored_name}" in sql}
        assert masked == {column.stored_name for column in extract.columns if column.learned_on}


def test_outcome_views_reach_to_the_end_of_the_window_and_only_labels_get_them(lake):
    end = AS_OF + 90 * DAY
    lake.add("transactions", movement(1, AS_OF, recorded_on=AS_OF), movement(2, end), movement(3, end + DAY, recorded_on=end))

    assert seen(lake, outcome=(end, end + DAY)) == {"t1"}
    assert seen(lake, outcome=(end, end + DAY), view="outcome_transactions") == {"t1", "t2"}
    assert seen(lake, outcome=(end, end), view="outcome_transactions") == {"t1"}
    with pytest.raises(Exception, match="outcome_transactions"):
        seen(lake, view="outcome_transactions")


def test_an_empty_bucket_keeps_its_columns_and_shows_no_row_of_another(tmp_path):
    lake = SmallLake(tmp_path / "lake", buckets=64).add("clients", {"client_id": "A"})
    place = next(bucket for bucket in range(64) if not rows(lake, "SELECT client_id FROM clients", bucket=bucket))

    with LocalBucket(lake.at_now(), place, AS_OF) as bucket:
        table = bucket.arrow("SELECT * FROM clients")
    assert table.num_rows == 0
    assert "client_id" in table.column_names
    assert sum(len(rows(lake, "SELECT 1 AS n FROM clients", bucket=bucket)) for bucket in range(64)) == 1


def test_a_table_never_loaded_has_no_view(lake):
    with LocalBucket(lake.at_now(), 0, AS_OF) as bucket:
        assert bucket.tables == {"clients"}


def test_balances_follow_from_movements_and_an_extract_of_balances_wins(lake):
    lake.add("transactions", movement(1, AS_OF, recorded_on=AS_OF, balance_after_minor=70), movement(2, AS_OF, recorded_on=AS_OF, balance_after_minor=90))
    sql = "SELECT balance_minor, balance_on FROM balances"

    assert rows(lake, sql) == [{"balance_minor": 90, "balance_on": AS_OF}]

    lake.add("balances", {"account_id": "a", "client_id": "A", "balance_on": AS_OF, "balance_minor": 5, "recorded_on": AS_OF})
    assert rows(lake, sql) == [{"balance_minor": 5, "balance_on": AS_OF}]


def test_parameters_a_statement_does_not_name_are_left_out(lake):
    with LocalBucket(lake.at_now(), 0, AS_OF) as bucket:
        assert bucket.arrow("SELECT $as_of AS day", {"as_of": AS_OF, "gap": 7}).to_pylist() == [{"day": AS_OF}]
        assert bucket.arrow("SELECT 1 AS n", {"as_of": AS_OF}).to_pylist() == [{"n": 1}]


def test_the_engine_does_every_task():
    assert sorted(LocalEngine().map_buckets(pow, [(2, 3), (3, 2)])) == [8, 9]


def test_the_engine_does_every_task_in_processes_of_its_own_and_tells_a_failure():
    assert sorted(LocalEngine(2).map_buckets(pow, [(2, 3), (3, 2), (2, 2)])) == [4, 8, 9]
    with pytest.raises(TypeError):
        list(LocalEngine(2).map_buckets(pow, [("two", 3)]))
