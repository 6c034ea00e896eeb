"""One hash places a client, in SQL and in Python."""

from collections import Counter

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.buckets import BUCKET_SQL, bucket_of

CLIENT_IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30)


@settings(max_examples=30, deadline=None)
@given(client_ids=st.lists(CLIENT_IDS, min_size=1, max_size=40, unique=True), buckets=st.integers(1, 1024))
def test_sql_and_python_place_every_client_alike(client_ids, buckets):
    with duckdb.connect(config={"threads": 1}) as connection:
        rows = connection.execute(f"SELECT client_id, {BUCKET_SQL} FROM unnest($ids) AS t (client_id)", {"ids": client_ids, "buckets": buckets}).fetchall()  # noqa: S608  # the frozen expression

    assert dict(rows) == {client_id: bucket_of(client_id, buckets) for client_id in client_ids}


def test_the_hash_is_frozen():
    assert [bucket_of(f"C{number:06d}", 16) for number in range(6)] == [2, 10, 14, 7, 9, 11]


def test_clients_spread_evenly():
    counts = Counter(bucket_of(f"C{number:06d}", 16) for number in range(16_000))

    assert set(counts) == set(range(16))
    assert max(counts.values()) < 1.25 * min(counts.values())
