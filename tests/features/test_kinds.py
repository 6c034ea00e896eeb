"""Filtered aggregates taken by kinds of rows are those the engine answers, with nulls, however the kinds and counts are packed."""

from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.features import kinds
from bankseg.features.reduction import execute, plan
from bankseg.features.relation import Rows

TABLE = "transactions"
FILTERS = {
    "fees": "type = 'fee'",
    "others": "type <> 'fee'",
    "some": "type IN ('fee', 'salary') AND channel = 'web'",
    "elsewhere": "NOT (channel = 'web') OR amount_minor > 10",
    "nowhere": "channel IS NULL",
    "somewhere": "channel IS NOT NULL AND amount_minor < 0",
    "between": "amount_minor BETWEEN -5 AND 5",
    "never": "type = 'of another bank'",
}
SQL = f"""WITH s AS (
    SELECT client_id,
        {", ".join(f"count(*) FILTER (WHERE {where}) AS n_{name}, sum(amount_minor) FILTER (WHERE {where}) AS sum_{name}" for name, where in FILTERS.items())},
        {", ".join(f"max(amount_minor) FILTER (WHERE {where}) AS max_{name}, min(amount_minor) FILTER (WHERE {where}) AS min_{name}" for name, where in FILTERS.items())}
    FROM transactions GROUP BY client_id)
SELECT * FROM s"""  # noqa: S608  # our own filters
ROWS = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from(["fee", "salary", "transfer_in", None]), st.sampled_from(["web", "branch", None]), st.integers(-20, 20)),
    min_size=1,
    max_size=40,
)


def table_of(drawn: list[tuple[Any, ...]]) -> pa.Table:
    client, kind, channel, amount = zip(*sorted(drawn, key=lambda one: one[0]), strict=True)
    texts = {name: pa.array(values, pa.string()).dictionary_encode() for name, values in (("client_id", client), ("type", kind), ("channel", channel))}
    return pa.table({**texts, "amount_minor": pa.array(amount, pa.int64())})


def by_engine(rows: pa.Table) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        connection.register(TABLE, rows)
        found = connection.sql(SQL).to_arrow_table().to_pylist()
    return sorted(({name: value if value is None or name == "client_id" else int(value) for name, value in one.items()} for one in found), key=str)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from([(21, 4096), (2, 4096), (31, 4096), (21, 4)]))
def test_kinds_answer_as_the_engine_does(drawn: list[tuple[Any, ...]], packing: tuple[int, int]) -> None:
    rows, planned = table_of(drawn), plan(SQL, TABLE)
    assert planned is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "COUNT_BITS", packing[0])
        patch.setattr(kinds, "MOST_KINDS", packing[1])
        found = execute(planned, TABLE, Rows.of(rows), {})["s"].to_pylist()

    assert sorted(found, key=str) == by_engine(rows)
