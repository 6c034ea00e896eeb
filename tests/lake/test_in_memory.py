"""Engines in memory keep the working folder clean and the disk free."""

import tempfile
from pathlib import Path

import duckdb
import pytest

from bankseg.lake.in_memory import open_in_memory

WIDE = "CREATE TABLE t AS SELECT i, hash(i) AS h, md5(i::VARCHAR) AS s FROM range(2000000) AS r(i)"


def test_what_does_not_fit_goes_to_temporary_files_and_nothing_of_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (working := tmp_path / "working").mkdir()
    (temporary := tmp_path / "temporary").mkdir()
    monkeypatch.chdir(working)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    with open_in_memory(threads=1, memory="30MB") as connection:
        connection.execute(WIDE)
        spilled = list(temporary.rglob("*.tmp"))

    assert spilled
    assert list(working.iterdir()) == list(temporary.iterdir()) == []


def test_a_statement_gone_wrong_ends_before_the_disk_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bankseg.lake.in_memory.MOST_SPILLED", "1MB")

    with open_in_memory(threads=1, memory="30MB") as connection, pytest.raises(duckdb.OutOfMemoryException):
        connection.execute(WIDE)
