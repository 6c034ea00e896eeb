"""What the bytes of a column say of its values, and that leaving out checks no value can fail changes no verdict."""

import itertools
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from bankseg.ingest.mapping import load_mapping_text
from bankseg.ingest.normalise import Reading
from bankseg.ingest.rows import FILE_NUMBER, ORDINAL
from bankseg.ingest.sql import spelled
from bankseg.ingest.stage import prepare
from bankseg.ingest.statement import Statement, build
from bankseg.ingest.traits import Trait, traits_of
from bankseg.lake.owners import NO_ACCOUNTS
from tests.ingest.intake import HEAD, TRANSACTIONS

COLUMNS = ("id", "account", "day", "amount")
GOOD = ("T1", "A1", "2024-05-01", "1.50")
ODD = {
    "id": ["", " ", " T1", "T1 ", "x" * 201, "4111111111111111", "411111111111111", "1.2E+15", "1,5e+20", "+", "a\u202eb", "é", "00123", "A+B"],
    "account": ["", "A1 ", "A9", "1E+09"],
    "day": ["", "2024-02-30", "1899-12-31", "9999-12-31", "2025-01-01", " 2024-05-01", "01/05/2024", "2024-5-1"],
    "amount": ["", " 1", "1 ", "-1", "+1", "1.", ".5", ".", "-", "+-1", "1,5", "1.234,56", "1e3", "NaN", "-Infinity", "1_000", "0x1F", "9999999999999999", "1000000000000.01", "1/2", "½"],
}  # fmt: skip


class Judge:
    """Gives rows their verdicts by the intake's own statements, each built once."""

    def __init__(self, null: str = "['']", decimal: str = ".") -> None:
        self.mapping = load_mapping_text(HEAD.replace("[defaults]", f"[defaults]\nnull = {null}\ndecimal = '{decimal}'") + TRANSACTIONS)
        self.connection = duckdb.connect()
        prepare(self.connection)
        self.connection.execute(NO_ACCOUNTS)
        self.connection.execute("INSERT INTO known_account (account_id, client_id, bucket, place) VALUES ('A1', 'C1', 0, 1)")
        self.built: dict[frozenset[tuple[str, Trait]] | None, Statement] = {}

    def alone(self, row: tuple[str, ...]) -> tuple[object, ...]:
        """The amount, day and fault of a row that is a batch of its own, its bytes looked at."""
        table = as_batch([row])
        return self._verdicts(table, traits_of(table, may_be_padded=True))[0]

    def unseen(self, rows: list[tuple[str, ...]]) -> list[tuple[object, ...]]:
        """The same of rows of which nothing is known."""
        return self._verdicts(as_batch(rows), None)

    def _verdicts(self, table: pa.Table, traits: frozenset[tuple[str, Trait]] | None) -> list[tuple[object, ...]]:
        if traits not in self.built:
            reading = Reading(self.mapping.extract[0], self.mapping.codes, {field.name: field.type for field in table.schema}, traits)
            self.built[traits] = build(self.mapping, self.mapping.extract[0], reading, date(2024, 12, 31), 2)
        statement = self.built[traits]
        self.connection.register("batch", table)
        query = f"SELECT amount_minor, booked_on, fault FROM ({spelled(statement.select)}) ORDER BY row_number"  # noqa: S608  # our own statement
        found = self.connection.execute(query).fetchall()
        return [(amount, day, None if fault is None else (statement.checks[fault].column, statement.checks[fault].reason)) for amount, day, fault in found]


def as_batch(rows: list[tuple[str, ...]]) -> pa.Table:
    """Rows as a reader yields them."""
    table = pa.table({name: [row[position] for row in rows] for position, name in enumerate(COLUMNS)})
    return table.append_column(ORDINAL, pa.array(range(len(rows)), pa.int64())).append_column(FILE_NUMBER, pa.array([0] * len(rows), pa.int32()))


def rows_with(name: str, values: list[str]) -> list[tuple[str, ...]]:
    """Good rows but for one column."""
    return [tuple(value if column == name else good for column, good in zip(COLUMNS, GOOD, strict=True)) for value in values]


@pytest.mark.parametrize("null", ["['']", "['', 'NA']"], ids=["plain", "other words for missing"])
def test_a_row_is_judged_alike_with_and_without_a_look_at_its_bytes(null: str) -> None:
    rows = [row for name, values in ODD.items() for row in rows_with(name, values)]
    judge = Judge(null)

    assert [judge.alone(row) for row in rows] == judge.unseen(rows)


def test_a_decimal_comma_is_judged_alike_too() -> None:
    rows = rows_with("amount", ["1,5", "1.5", "1.234,56", "1", "-0,01", ",5", "1,", "1,5,5", "+,"])
    judge = Judge(decimal=",")

    assert [judge.alone(row) for row in rows] == judge.unseen(rows)


def test_a_text_of_signs_points_and_digits_is_cast_as_it_is_matched() -> None:
    """Why the pattern of a number need not be tried on a column of such characters."""
    texts = ["".join(letters) for length in range(1, 6) for letters in itertools.product("+,-./09", repeat=length)]
    with duckdb.connect() as connection:
        connection.register("texts", pa.table({"value": texts}))

        query = (
            "SELECT value FROM texts WHERE (try_cast(value AS DECIMAL(18, 3)) IS NOT NULL) <> regexp_full_match(value, '[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)')"
        )
        assert connection.execute(query).fetchall() == []


def test_traits_are_those_of_some_value_and_nulls_are_missing() -> None:
    table = pa.table({
        "plain": ["1", "-2.5"], "gap": pa.array(["A", None], pa.string()), "empty": ["", "x"], "padded": ["a ", "b"],
        "long": ["1" * 13, "1"], "sum": ["1+1", "2"], "whole": pa.array([1, 2]),
    })  # fmt: skip

    found = traits_of(table.slice(0, 2), may_be_padded=True)

    assert found == {
        ("plain", Trait.DECIMAL_POINT), ("gap", Trait.MISSING), ("gap", Trait.NOT_NUMERIC), ("empty", Trait.MISSING), ("empty", Trait.NOT_NUMERIC),
        ("padded", Trait.PADDED), ("padded", Trait.NOT_NUMERIC), ("long", Trait.LONG_AS_CARD), ("sum", Trait.PLUS_SIGN),
    }  # fmt: skip


def test_a_slice_is_told_by_its_own_values() -> None:
    table = pa.table({"value": ["a+", "12", "1.5"]})

    assert traits_of(table.slice(1, 1), may_be_padded=True) == frozenset()
    assert traits_of(table.slice(2, 1), may_be_padded=True) == {("value", Trait.DECIMAL_POINT)}
