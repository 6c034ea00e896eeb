"""A process that builds features starts light: Arrow's conversions of Python values would load pandas, half a second before the first row."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from bankseg.lake.files import table_versions
from bankseg.lake.local import LakeAt
from bankseg.services.bank import open_bank
from tests.ingest.intake import ACCOUNT_ROWS, CLIENT_ROWS, small_bank
from tests.ingest.test_crashes import DOOR

MOVEMENTS = "id,account,day,amount\nT1,A1,2024-05-01,1\nT2,A2,2024-05-20,2\nT3,A1,2024-06-03,-3\n"

BUILD = """
import json, pickle, sys
from datetime import date
from bankseg.domain.policy import load_policy
from bankseg.features.build import build_snapshot
from bankseg.lake.local import LocalBucket
day = date.fromisoformat(sys.argv[2])
with open(sys.argv[1], "rb") as given:
    lake = pickle.load(given)
with LocalBucket(lake, 0, day) as bucket:
    reduced = bucket.rows("transactions", ["client_id"]).num_rows
    built = build_snapshot(bucket, load_policy().horizon(day), ["current_account"])
print(json.dumps([reduced, built.num_rows, "pandas" in sys.modules]))
"""


@pytest.mark.parametrize(("as_of", "known"), [("2024-12-31", 3), ("2024-05-25", 2)])  # on the earlier day the rows are looked at one by one
def test_a_bucket_is_built_without_loading_pandas(tmp_path: Path, as_of: str, known: int) -> None:
    bank = small_bank(tmp_path, buckets=1)
    bank.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx.csv": MOVEMENTS})
    bank.load(DOOR)
    lake, given = bank.settings.lake, tmp_path / "lake.pickle"
    given.write_bytes(pickle.dumps(LakeAt(lake, table_versions(lake), {}, open_bank(bank.settings).relations())))

    done = subprocess.run([sys.executable, "-c", BUILD, str(given), as_of], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    reduced, built, has_pandas = json.loads(done.stdout)
    assert reduced == known
    assert built > 0
    assert not has_pandas
