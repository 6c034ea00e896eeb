"""What killed processes left behind is removed once it is old, and nothing else is."""

import os
import time
from pathlib import Path

from bankseg.services.unfinished import UNFINISHED_SECONDS, forget_unfinished
from tests.ingest.intake import ACCOUNT_ROWS, CLIENT_ROWS, SmallBank, small_bank
from tests.ingest.test_crashes import DOOR, crashed

LONG_AGO = time.time() - 2 * UNFINISHED_SECONDS


def age(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (LONG_AGO, LONG_AGO))


def data_files(bank: SmallBank) -> set[Path]:
    return set(Path(bank.settings.lake).glob("*/bucket=*/*.parquet"))


def test_files_an_import_wrote_and_never_committed_go_and_those_of_any_version_stay(tmp_path: Path) -> None:
    bank = small_bank(tmp_path, buckets=2)
    bank.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx.csv": "id,account,day,amount\nT1,A1,2024-05-01,1\n"})
    bank.load(DOOR)
    bank.write({"tx2.csv": "id,account,day,amount\nT1,A1,2024-05-01,9\n"})  # a correction: the first version's file is no longer current
    bank.load(DOOR)
    named = data_files(bank)
    bank.write({"tx3.csv": "id,account,day,amount\nT3,A1,2024-05-01,1\n"})
    assert crashed(bank, "before_commit", 1) == 137
    left = data_files(bank) - named
    assert left

    assert forget_unfinished(bank.settings) == []  # an import may still be at it
    age(*named, *left)
    gone = forget_unfinished(bank.settings)

    assert {Path(bank.settings.lake) / name for name in gone} == left
    assert data_files(bank) == named


def test_old_drafts_go_and_young_ones_and_whole_files_stay(tmp_path: Path) -> None:
    bank = small_bank(tmp_path, buckets=2)
    home = bank.settings.home
    old = [home / "snapshots" / ".bucket.parquet.77.part", home / "quarantine" / "tx.part", home / "models" / ".draft-x" / "model.txt"]
    kept = [home / "snapshots" / ".bucket.parquet.78.part", home / "quarantine" / "tx.csv", home / "models" / "abc" / "model.txt"]
    for path in (*old, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    age(*old, old[2].parent, kept[1], kept[2], kept[2].parent)

    assert len(forget_unfinished(bank.settings)) == len(old)

    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in kept)
