"""A crash at any instant leaves the lake at its previous version, and the next import ends as if nothing had happened."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bankseg.faults import VARIABLE
from bankseg.lake.tables import delta, open_lake
from tests.ingest.intake import ACCOUNT_ROWS, CLIENT_ROWS, MAPPING, SmallBank, report_of, small_bank

CHECKOUT = Path(__file__).parents[2]
DOOR = MAPPING.replace('name = "name"\n', 'name = "name"\n[extract.attributes]\nname = { type = "category" }\n', 1)
TX_ROWS = "id,account,day,amount\nT1,A1,2024-05-01,1\nT2,A2,2024-05-02,2\nT2,A2,2024-05-02,2\nbroken\n"
# Each point, and which pass through it: clients, attributes, accounts and transactions go through all but `staged` and `before_store` once each.
POINTS = [("staged", 1), ("before_files", 1), ("before_commit", 1), ("after_commit", 1), ("before_commit", 2), ("after_commit", 2), ("before_store", 1),
          ("after_commit", 3), ("before_store", 2), ("staged", 3), ("before_commit", 4), ("after_commit", 4), ("before_store", 3)]  # fmt: skip


def crashed(bank: SmallBank, point: str, passes: int) -> int:
    mapping = bank.folder.parent / "mapping.toml"
    mapping.write_text(DOOR, encoding="utf-8")
    command = [sys.executable, "-m", "tests.ingest.crashing_import", str(bank.settings.home), str(bank.folder), str(mapping)]
    given = {**os.environ, "PYTHONPATH": str(CHECKOUT), VARIABLE: f"intake.{point}:{passes}"}
    return subprocess.run(command, cwd=CHECKOUT, env=given, check=False, capture_output=True).returncode


@pytest.mark.faults
@pytest.mark.parametrize(("point", "passes"), POINTS)
def test_an_import_killed_at_any_point_is_completed_by_the_next(tmp_path: Path, point: str, passes: int) -> None:
    bank = small_bank(tmp_path, buckets=2)
    bank.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx.csv": TX_ROWS})

    assert crashed(bank, point, passes) == 137
    report = bank.load(DOOR)

    line = report_of(report, "tx.csv")
    assert (line.read, line.accepted, line.quarantined, line.duplicates) == (4, 2, 1, 1)
    assert {report.state for report in report.files} <= {"loaded", "already_loaded"}
    assert bank.rows("clients", "client_id, recorded_until") == [("C1", None), ("C2", None)]
    assert bank.rows("client_attributes", "client_id, category") == [("C1", "Ann"), ("C2", "Bob")]
    assert bank.rows("transactions", "transaction_id, recorded_until") == [("T1", None), ("T2", None)]
    assert {report.state for report in bank.load(DOOR).files} == {"already_loaded"}
    lake = open_lake(bank.settings.lake, 2)
    assert [delta(lake, table).version() for table in ("clients", "client_attributes", "accounts", "transactions")] == [0, 0, 0, 0]


@pytest.mark.faults
def test_a_crash_before_a_correction_is_committed_leaves_the_old_version(tmp_path: Path) -> None:
    bank = small_bank(tmp_path, buckets=2)
    bank.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx.csv": TX_ROWS})
    bank.load(DOOR)
    bank.write({"tx2.csv": "id,account,day,amount\nT1,A1,2024-05-01,9\n"})

    assert crashed(bank, "before_commit", 1) == 137

    assert bank.rows("transactions", "transaction_id, amount_minor, recorded_until") == [("T1", 100, None), ("T2", 200, None)]
    assert report_of(bank.load(DOOR), "tx2.csv").accepted == 1
    assert bank.rows("transactions", "amount_minor", where="transaction_id = 'T1' AND recorded_until IS NULL") == [(900,)]
