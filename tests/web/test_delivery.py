"""Lists that leave the bank."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from bankseg.delivery.columns import Column
from bankseg.delivery.formulas import STARTS, harmless
from bankseg.delivery.writers import Delivery

COLUMNS = (Column("client_id", "client_id"), Column("name", "name"), Column("value_12m_minor", "value_12m", "money"), Column("churn", "churn", "number"))
ROWS = [
    {"client_id": "00123", "name": "=HYPERLINK(1)", "value_12m_minor": -4_567, "churn": 0.25, "currency": "EUR"},
    {"client_id": "C2", "name": None, "value_12m_minor": None, "churn": None, "currency": "EUR"},
]


@given(st.text())
def test_no_text_a_spreadsheet_receives_starts_a_formula(text: str) -> None:
    assert harmless(text)[:1] not in STARTS


def test_csv_escapes_formulas_and_keeps_negative_numbers_and_leading_zeros(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"

    with Delivery(path, "csv", COLUMNS) as delivery:
        delivery.write_all(ROWS)

    lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    assert lines == [["client_id", "name", "value_12m", "churn"], ["00123", "'=HYPERLINK(1)", "-45.67", "0.25"], ["C2", "", "", ""]]
    assert path.stat().st_mode & 0o777 == 0o600


def test_xlsx_writes_text_as_text(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"

    with Delivery(path, "xlsx", COLUMNS) as delivery:
        delivery.write_all(ROWS)

    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    assert rows[1] == ["00123", "=HYPERLINK(1)", -45.67, 0.25]


def test_parquet_keeps_minor_units(tmp_path: Path) -> None:
    path = tmp_path / "list.parquet"

    with Delivery(path, "parquet", COLUMNS) as delivery:
        delivery.write_all(ROWS)

    assert pq.read_table(path).to_pylist()[0] == {"client_id": "00123", "name": "=HYPERLINK(1)", "value_12m_minor": -4567, "churn": 0.25}


def test_a_failed_delivery_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Delivery(tmp_path / "list.csv", "csv", COLUMNS):
        raise KeyError("source failed")

    assert list(tmp_path.iterdir()) == []
