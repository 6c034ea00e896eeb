"""Bulk loads round-trip: what Arrow holds is what the store's rows say, column by column, on both stores."""

import threading
import time

import pyarrow as pa
import pytest
from sqlalchemy import Boolean, Float, Integer
from sqlmodel import select

from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.bulk import append
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.published_client import ProductPropensity, PublishedClient, RiskCase
from bankseg.storage.run import Run

# As the segments room writes them: text, 64-bit money, doubles, booleans, and the run's number in 32 bits.
TYPES = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
SQL_TYPES = {"bool": Boolean, "int": Integer, "float": Float}
NARROW = {"run_id": pa.int32(), "severity": pa.int32(), "stage": pa.int32(), "days_past_due": pa.int32()}
WORDS = ["", "Zoé Ünïcode", "名前 🏦", 'it\'s; "quoted"\nlines\ttabs \\N', "x" * 5000]
NUMBERS = {"int": [0, -1, 2**53 + 1, -(2**62), 4_000_000_000], "float": [0.0, 1.0, 0.1 + 0.2, 1e-300, -1.5e10], "bool": [True, False, True, False, True]}
TABLES = [PublishedClient, ProductPropensity, RiskCase]


def kind_of(column) -> str:
    return next((kind for kind, sql_type in SQL_TYPES.items() if isinstance(column.type, sql_type)), "str")


def full_rows(table) -> pa.Table:
    """Five rows with hard values in every column, and a sixth that is null wherever null is allowed."""
    columns = {}
    for column in table.__table__.columns:
        kind = kind_of(column)
        values = [f"{column.name}-{word}" for word in WORDS] if kind == "str" else list(NUMBERS[kind])
        if column.name in NARROW:
            values = [7] * 5 if column.name == "run_id" else [0, 3, -1, 2**31 - 1, 90]
        values.append(None if column.nullable else {"str": "last", "int": 7, "float": 0.5, "bool": False}[kind])
        columns[column.name] = pa.array(values, NARROW.get(column.name, TYPES[kind]))
    return pa.table(columns)


def stored(engine, table) -> list[dict]:
    with reading(engine) as session:
        rows = session.exec(select(table)).all()
    return sorted((row.model_dump() for row in rows), key=lambda row: row["client_id"])


@pytest.mark.parametrize("table", TABLES)
def test_every_column_comes_back_as_it_was_given(engine, table):
    rows = full_rows(table)

    assert append(engine, table.__tablename__, rows) == 6

    assert stored(engine, table) == sorted(rows.to_pylist(), key=lambda row: row["client_id"])


@pytest.mark.parametrize("table", TABLES)
def test_columns_in_another_order_land_under_their_own_names(engine, table):
    rows = full_rows(table)

    append(engine, table.__tablename__, rows.select(sorted(rows.column_names, reverse=True)))

    assert stored(engine, table) == sorted(rows.to_pylist(), key=lambda row: row["client_id"])


def test_nothing_to_append_needs_no_connection():
    assert append(make_engine("postgresql://nobody@127.0.0.1:1/none"), "risk_case", full_rows(RiskCase).slice(0, 0)) == 0


def test_a_row_that_is_there_already_refuses_the_whole_load(engine):
    rows = full_rows(RiskCase)
    append(engine, "risk_case", rows.slice(0, 1))

    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        append(engine, "risk_case", pa.concat_tables([rows.slice(1), rows.slice(0, 1)]))

    assert len(stored(engine, RiskCase)) == 1


def test_a_load_waits_while_another_writer_is_at_work(engine):
    busy, done = threading.Event(), []

    def write_slowly() -> None:
        with transaction(engine) as session:
            session.add(Run(key="slow", as_of="2025-12-31"))
            session.flush()
            busy.set()
            time.sleep(2.5)
        done.append("writer")

    writer = threading.Thread(target=write_slowly)
    writer.start()
    busy.wait()
    try:
        append(engine, "risk_case", full_rows(RiskCase))
    finally:
        writer.join()

    assert done == ["writer"]
    assert len(stored(engine, RiskCase)) == 6


def test_a_folder_with_odd_characters_is_no_obstacle(tmp_path):
    folder = tmp_path / "home of é 100% #1?x=y&z %41"
    folder.mkdir()
    engine = make_engine(Settings(home=folder).store)
    schema.upgrade(engine)

    append(engine, "risk_case", full_rows(RiskCase))

    assert len(stored(engine, RiskCase)) == 6
    engine.dispose()
