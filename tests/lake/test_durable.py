"""What is on the disk for good: bytes and the names that lead to them, in the order in which they must be flushed."""

import os
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from bankseg.domain.errors import ArtefactError
from bankseg.durable import flush_tree, make_folders, settle
from bankseg.lake.parquet import write_whole
from bankseg.lake.places import opened
from bankseg.lake.tables import flush_log

TABLE = pa.table({"client_id": ["A", "B"]})


@pytest.fixture
def flushed(monkeypatch, tmp_path):
    """Paths below the test's folder in the order of their flushes."""
    seen: list[str] = []
    flush = os.fsync

    def noting(handle: int) -> None:
        flush(handle)
        seen.append(os.path.relpath(Path(f"/proc/self/fd/{handle}").readlink(), tmp_path))

    monkeypatch.setattr(os, "fsync", noting)
    return seen


def test_a_file_is_flushed_before_its_name_and_every_new_folder_is_named_by_the_one_above(tmp_path, flushed):
    write_whole(TABLE, tmp_path / "runs" / "7" / "clients.parquet")

    assert flushed == [".", "runs", f"runs/7/.clients.parquet.{os.getpid()}.part", "runs/7"]


def test_folders_that_are_there_cost_no_flush(tmp_path, flushed):
    make_folders(tmp_path / "a")
    make_folders(tmp_path / "a")

    assert flushed == ["."]


def test_a_settled_draft_is_under_its_name_alone(tmp_path, flushed):
    (tmp_path / "draft").write_bytes(b"whole")
    (tmp_path / "file").write_bytes(b"old")

    settle(tmp_path / "draft", tmp_path / "file")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert flushed == ["."]


def test_a_tree_is_flushed_with_every_file_and_folder(tmp_path, flushed):
    (tmp_path / "backup" / "store").mkdir(parents=True)
    (tmp_path / "backup" / "manifest.json").write_bytes(b"{}")
    (tmp_path / "backup" / "store" / "rows").write_bytes(b"1")

    flush_tree(tmp_path / "backup")

    assert sorted(flushed) == ["backup", "backup/manifest.json", "backup/store", "backup/store/rows"]


def test_the_newest_entry_of_a_log_is_flushed_with_the_folders_that_lead_to_it(tmp_path, flushed):
    DeltaTable.create(str(tmp_path / "clients"), pa.schema([("client_id", pa.string())]))

    flush_log(tmp_path / "clients")

    assert flushed == [f"clients/_delta_log/{0:020d}.json", "clients/_delta_log", "clients", "."]


def test_a_damaged_log_is_told_in_words_with_a_remedy(tmp_path):
    DeltaTable.create(str(tmp_path / "clients"), pa.schema([("client_id", pa.string())]))
    entry = tmp_path / "clients" / "_delta_log" / f"{0:020d}.json"
    entry.write_bytes(entry.read_bytes()[:40])

    with pytest.raises(ArtefactError, match=r"clients in the lake is damaged or gone.*restore them from backup"):
        opened(str(tmp_path / "clients"))
