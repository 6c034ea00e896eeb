"""What is reduced in memory is what the engine answers to the same statement, whatever the rows."""

from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from bankseg.domain.extracts import CHANNELS, TRANSACTION_TYPES
from bankseg.domain.horizon import Horizon
from bankseg.features import reduction, relation
from bankseg.features.build import sql_parameters
from bankseg.features.catalogue import groups
from bankseg.features.expand import expand
from bankseg.features.reduction import execute, plan
from bankseg.features.relation import Rows
from bankseg.features.vectors import UnsupportedError, Vector, chained
from bankseg.lake.known_rows import known_rows
from bankseg.lake.local import LocalBucket
from tests.small_lake import SmallLake

AS_OF = date(2024, 12, 31)  # the last day of a leap year: twelve months are longer than 365 days
PARAMETERS = sql_parameters(Horizon(AS_OF))
REDUCED = ("transactions", "income", "value_activity")
TABLE = "transactions"

movements = st.fixed_dictionaries(
    {
        "client_id": st.sampled_from(["A", "B", "C", "D"]),
        "days_ago": st.integers(0, 800) | st.sampled_from([29, 30, 31, 89, 90, 91, 179, 180, 181, 364, 365, 366]),
        "amount_minor": st.integers(-(10**9), 10**9) | st.sampled_from([0, -1, 1]),
        "type": st.sampled_from(TRANSACTION_TYPES),
        "channel": st.none() | st.sampled_from(CHANNELS),
        "learned_after": st.integers(0, 40),
        "closed_after": st.none() | st.integers(0, 60),
    }
)


def sql_of(name: str) -> str:
    return expand(next(group.sql for group in groups() if group.name == name), ("current_account",))


def row(number: int, drawn: dict[str, Any]) -> dict[str, Any]:
    booked_on = AS_OF - timedelta(days=drawn["days_ago"])
    known_on = booked_on + timedelta(days=drawn["learned_after"])
    closed = None if drawn["closed_after"] is None else known_on + timedelta(days=drawn["closed_after"] + 1)
    kept = {name: drawn[name] for name in ("client_id", "amount_minor", "type", "channel")}
    return {"transaction_id": f"t{number}", "account_id": "a1", "booked_on": booked_on, **kept, "recorded_on": known_on, "recorded_until_on": closed}


def answers(table: pa.Table) -> list[dict[str, Any]]:
    plain = [{name: float(value) if not isinstance(value, str) and value is not None else value for name, value in one.items()} for one in table.to_pylist()]
    return sorted(plain, key=lambda one: str(one["client_id"]))


def assert_same(found: pa.Table, expected: pa.Table) -> None:
    assert sorted(found.column_names) == sorted(expected.column_names)
    for mine, theirs in zip(answers(found), answers(expected), strict=True):
        for name, value in theirs.items():
            assert mine[name] == (pytest.approx(value, rel=1e-9, nan_ok=True) if isinstance(value, float) else value), name


@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate))  # shrinking a lake of files takes minutes
@given(st.lists(movements, min_size=1, max_size=60), st.booleans(), st.sampled_from([(4, 1), (4, 3), (4, 1000), (1000, 1000)]))
def test_reduced_in_memory_or_by_the_engine_a_group_answers_the_same(drawn: list[dict[str, Any]], is_sorted: bool, pieces: tuple[int, int]) -> None:  # noqa: FBT001  # drawn
    ordered = sorted(drawn, key=lambda one: (one["client_id"], -one["days_ago"])) if is_sorted else drawn
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(relation, "SLICE_ROWS", pieces[0])
        patch.setattr(reduction, "LATER_ROWS", pieces[1])
        lake = SmallLake(Path(folder) / "lake", buckets=1).add(TABLE, *(row(number, one) for number, one in enumerate(ordered)))
        with LocalBucket(lake.at_now(), 0, AS_OF) as bucket:
            for name in REDUCED:
                planned = plan(sql_of(name), TABLE)
                assert planned is not None
                rows = Rows.of(bucket.rows(TABLE, planned.columns))
                try:
                    relations = execute(planned, TABLE, rows, PARAMETERS)
                except UnsupportedError:
                    assert not is_sorted
                    continue
                assert_same(bucket.arrow(planned.rest, PARAMETERS, relations), bucket.arrow(sql_of(name), PARAMETERS))


@pytest.mark.parametrize(
    ("name", "steps", "read"),
    [
        ("transactions", ["t", "parts", "before", "rolled", "days", "months", "active", "between_days", "gaps"], ["active", "before", "gaps", "months", "rolled"]),
        ("value_activity", ["served"], ["served"]),
        ("income", ["credits", "monthly", "lately", "rhythm"], ["lately", "monthly", "rhythm"]),
    ],
)  # fmt: skip
def test_the_heavy_stages_are_reduced_and_the_rest_reads_only_their_results(name: str, steps: list[str], read: list[str]) -> None:
    planned = plan(sql_of(name), TABLE)

    assert planned is not None
    assert [step.name for step in planned.steps] == steps
    assert sorted(planned.results) == read
    assert "FROM transactions" not in planned.rest


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(st.lists(movements, max_size=30), st.integers(0, 500))
def test_rows_read_from_the_files_are_those_of_the_view(drawn: list[dict[str, Any]], days_before: int) -> None:
    day = AS_OF - timedelta(days=days_before)
    with TemporaryDirectory() as folder:
        seed = {"transaction_id": "t", "account_id": "a1", "client_id": "Z", "booked_on": date(2010, 1, 1), "amount_minor": 1}
        lake = SmallLake(Path(folder) / "lake", buckets=1).add(TABLE, seed, *(row(number, one) for number, one in enumerate(drawn)))
        columns = ["client_id", "booked_on", "amount_minor", "type", "channel"]
        with LocalBucket(lake.at_now(), 0, day) as bucket:
            found = bucket.rows(TABLE, columns)
            expected = bucket.arrow(f"SELECT {', '.join(columns)} FROM transactions")  # noqa: S608  # our own columns

    texts = {name: found.column(name).cast(pa.string()) for name in ("client_id", "type", "channel")}
    plain = pa.table([texts.get(name, found.column(name)) for name in columns], names=columns)
    assert sorted(map(str, plain.to_pylist())) == sorted(map(str, expected.to_pylist()))


def test_every_channel_costs_what_the_bank_says() -> None:
    read = {literal.name for literal in sqlglot.parse_one(sql_of("value_activity"), dialect="duckdb").find_all(exp.Literal) if literal.is_string}

    assert read == {*CHANNELS, "fee"}


def test_a_column_that_may_be_learned_later_is_left_to_the_view() -> None:
    assert known_rows("accounts", [], ["client_id", "closed_on"], AS_OF) is None
    assert known_rows("transactions", [], ["client_id", "type"], AS_OF).num_rows == 0  # type: ignore[union-attr]  # asserted by running


def test_sums_that_the_engine_holds_in_wider_integers_are_left_to_it() -> None:
    planned = plan("WITH s AS (SELECT client_id, sum(amount_minor) AS total FROM transactions GROUP BY client_id) SELECT * FROM s", TABLE)
    assert planned is not None
    client = pa.array(["A", "A"]).dictionary_encode()

    small = execute(planned, TABLE, Rows.of(pa.table({"client_id": client, "amount_minor": pa.array([1 << 50, 5], pa.int64())})), {})

    assert small["s"].to_pylist() == [{"client_id": "A", "total": (1 << 50) + 5}]
    with pytest.raises(UnsupportedError, match="sums"):
        execute(planned, TABLE, Rows.of(pa.table({"client_id": client, "amount_minor": pa.array([1 << 52, 5], pa.int64())})), {})


@pytest.mark.parametrize(
    "first_stage",
    [
        "SELECT client_id, count(DISTINCT type) AS n FROM transactions GROUP BY client_id",
        "SELECT type, count(*) AS n FROM transactions GROUP BY type",
        "SELECT t.client_id, count(*) AS n FROM transactions AS t JOIN clients AS c ON c.client_id = t.client_id GROUP BY t.client_id",
        "SELECT client_id, median(amount_minor) AS n FROM transactions GROUP BY client_id",
    ],
)
def test_what_is_not_understood_is_the_engines_from_the_start_or_when_it_is_met(first_stage: str) -> None:
    planned = plan(f"WITH s AS ({first_stage}) SELECT * FROM s", TABLE)  # noqa: S608  # our own statements
    rows = pa.table(
        {"client_id": pa.array(["A"]).dictionary_encode(), "type": pa.array(["fee"]).dictionary_encode(), "amount_minor": pa.array([1], pa.int64())}
    )

    if planned is not None:
        with pytest.raises(UnsupportedError):
            execute(planned, TABLE, Rows.of(rows), {})


def test_slices_split_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relation, "SLICE_ROWS", 3)
    clients = np.repeat(["A", "B", "C", "D"], [2, 5, 1, 4])
    rows = Rows.of(pa.table({"client_id": pa.array(clients).dictionary_encode()}))

    cuts = rows.cuts()

    assert cuts == [0, 2, 8, 12]
    assert Rows.of(pa.table({"client_id": pa.array(["A", "B", "A", "B", "A"]).dictionary_encode()})).cuts() == [0, 5]


def test_steps_that_follow_from_a_reduced_one_are_run_on_its_rows_alone() -> None:
    planned = plan(sql_of("transactions"), TABLE)

    assert planned is not None
    over = {step.name: step.over for step in planned.steps}
    assert over == {
        "t": "",
        "parts": "",
        "before": "",
        "days": "",
        "rolled": "parts",
        "months": "days",
        "active": "days",
        "between_days": "days",
        "gaps": "days",
    }
    assert planned.held["days"] == ("booked_on", "client_id", "months_ago", "window_rank")


def test_pieces_of_a_column_keep_nulls_words_and_single_values() -> None:
    words = pa.array(["x", "y"])
    numbers = chained([(Vector(np.array([1, 2], np.int16)), 2), (Vector(np.array([7]), np.array([True])), 1), (Vector(np.array(9)), 2)])
    texts = chained([(Vector(np.array([0, 1]), None, words), 2), (Vector(np.array([1]), None, words), 1)])

    assert numbers.arrow(5).to_pylist() == [1, 2, None, 9, 9]
    assert texts.arrow(3).to_pylist() == ["x", "y", "y"]
    for other in (Vector(np.array([0]), None, pa.array(["z"])), Vector(np.array([0]), is_date=True), Vector(np.array([0.5]))):
        with pytest.raises(UnsupportedError):
            chained([(Vector(np.array([1])), 1), (other, 1)])
