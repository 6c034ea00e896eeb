"""The columns that reports by group are cut by."""

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from bankseg.lake.files import table_versions
from bankseg.lake.parquet import write_whole
from bankseg.propensity.segment_metrics import PROTECTED
from bankseg.services import audit_groups as module
from bankseg.services.audit_groups import audit_groups, groups_of_rows
from bankseg.settings import Settings
from tests.small_lake import CHANNEL_COSTS, PRODUCTS, SmallLake

ORIGIN = "2025-06-30"
AS_OF = date(2025, 6, 30)


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lake = SmallLake(tmp_path / "lake", buckets=1)
    lake.add(
        "clients",
        {"client_id": "A", "sex": "female", "birth_on": AS_OF - timedelta(days=29 * 365), "joined_on": AS_OF - timedelta(days=100), "home_branch_id": "B1"},
        {"client_id": "B", "sex": "male", "birth_on": date(1960, 1, 1), "joined_on": date(2010, 1, 1), "home_branch_id": "B2"},
        {"client_id": "C", "kind": "company", "joined_on": date(2020, 1, 1)},
    )
    snapshot = pa.table({"client_id": ["C", "B", "A"], "attr_origin": pa.array([None, "x", "y"]), "attr_plain": ["p", "p", "p"]})
    write_whole(snapshot, tmp_path / "snapshot.parquet")
    monkeypatch.setattr(module, "snapshot_path", lambda *_: tmp_path / "snapshot.parquet")
    declared = [{"name": "origin", "type": "category", "is_protected": True}, {"name": "plain", "type": "category"}]
    run = SimpleNamespace(table_versions=table_versions(lake.root), file_hashes={})
    relations = {"products": PRODUCTS, "channel_costs": CHANNEL_COSTS}
    return SimpleNamespace(lake=lake.root, settings=Settings(), relations=lambda: relations, declarations=SimpleNamespace(attributes=declared)), run


def test_clients_are_told_by_band_and_protected_columns_are_marked(bank):
    table = audit_groups(*bank, ORIGIN, range(1))
    rows = {row["client_id"]: row for row in table.to_pylist()}

    assert rows["A"]["age_band"] == "under 30"
    assert (rows["A"]["tenure_band"], rows["B"]["tenure_band"], rows["C"]["tenure_band"]) == ("under 2 years", "10 years or more", "5 to 9 years")
    assert (rows["A"]["branch"], rows["C"]["kind"], rows["C"]["sex"]) == ("B1", "company", None)
    assert (rows["A"]["attr_origin"], rows["B"]["attr_origin"], rows["C"]["attr_origin"]) == ("y", "x", None)
    marked = {field.name for field in table.schema if PROTECTED in (field.metadata or {})}
    assert marked == {"sex", "age_band", "attr_origin"}  # region and marital status are known of nobody here
    assert "attr_plain" not in table.column_names


def test_a_row_takes_the_groups_of_its_client_and_rows_that_do_not_judge_take_none(bank):
    groups = audit_groups(*bank, ORIGIN, range(1))
    told = groups_of_rows(groups, pa.chunked_array([["B", "A", "B", "nobody"]]), np.array([True, True, False, True]))

    assert told.column("sex").to_pylist() == ["male", "female", None, None]
    assert "client_id" not in told.column_names
    assert any(PROTECTED in (field.metadata or {}) for field in told.schema)


def test_a_protected_number_is_told_in_quartiles():
    assert module._texts(pa.chunked_array([[1.0, 2.0, 3.0, None]])).to_pylist() == ["1", "2", "3", None]
    bands = module._texts(pa.chunked_array([list(range(100)), [None]])).to_pylist()

    assert sorted({band for band in bands if band}) == ["1: up to 24.75", "2: up to 49.5", "3: up to 74.25", "4: above 74.25"]
    assert bands.count("1: up to 24.75") == 25
    assert bands[-1] is None
