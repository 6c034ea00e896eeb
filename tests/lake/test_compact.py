"""Compaction: one sorted file a bucket, the same content, older versions whole, damage refused."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from deltalake import DeltaTable

from bankseg.cli.compact import command
from bankseg.domain.errors import ArtefactError, ConfigurationError
from bankseg.domain.extracts import EXTRACT_BY_NAME
from bankseg.faults import KILLED, VARIABLE
from bankseg.lake.bucket_file import BucketFile
from bankseg.lake.compact import compact, content_of
from bankseg.lake.files import bucket_files
from bankseg.lake.tables import current_files, open_lake
from bankseg.services.compact import compact_lake
from tests.ingest.intake import MAPPING, SmallBank, small_bank

TRANSACTIONS = EXTRACT_BY_NAME["transactions"]
COLUMNS = "* EXCLUDE (recorded_at, recorded_until), epoch_us(recorded_at), epoch_us(recorded_until)"


@pytest.fixture
def bank(tmp_path: Path) -> SmallBank:
    """Thirty clients whose movements came in three deliveries, the last correcting one of the first."""
    made = small_bank(tmp_path, buckets=2)
    people = [f"C{number:02d}" for number in range(30)]
    made.write({
        "clients.csv": "id,joined,name\n" + "".join(f"{client},2020-01-01,N\n" for client in people),
        "accounts.csv": "id,client,product,opened,closed\n" + "".join(f"A{client},{client},savings,2020-01-01,\n" for client in people),
    })  # fmt: skip
    for delivery, month in enumerate(("03", "01", "02")):
        lines = [f"T{delivery}-{number},A{client},2024-{month}-{1 + number % 28:02d},{number}" for number, client in enumerate(people)]
        made.write({f"tx_{delivery}.csv": "id,account,day,amount\n" + "\n".join(lines) + "\n"})
        made.load(MAPPING)
    return made


def files_of(bank: SmallBank) -> dict[int, list[str]]:
    """Current files of the movements by bucket."""
    return current_files(open_lake(bank.settings.lake, 2), "transactions")


def test_each_bucket_becomes_one_file_in_order_that_says_the_same(bank: SmallBank) -> None:
    before, rows = files_of(bank), bank.rows("transactions", COLUMNS)
    assert {len(paths) for paths in before.values()} == {3}

    found = compact(open_lake(bank.settings.lake, 2), TRANSACTIONS)

    after = files_of(bank)
    assert (found.files_before, found.files_after, found.rows_rewritten) == (6, 2, 90)
    assert {len(paths) for paths in after.values()} == {1}
    assert bank.rows("transactions", COLUMNS) == rows
    for bucket, [path] in after.items():
        assert content_of([path], TRANSACTIONS) == content_of(before[bucket], TRANSACTIONS)
        order = pq.ParquetFile(path).read(["client_id", "booked_on"]).to_pylist()
        assert order == sorted(order, key=lambda row: (row["client_id"], row["booked_on"]))


def test_the_version_a_run_recorded_is_read_as_before(bank: SmallBank) -> None:
    lake = bank.settings.lake
    recorded = DeltaTable(f"{lake}/transactions").version()
    before = bucket_files(lake, "transactions", recorded)

    version = compact(open_lake(lake, 2), TRANSACTIONS).version

    assert version == recorded + 1
    assert bucket_files(lake, "transactions", recorded) == before
    assert all(pq.ParquetFile(path).metadata.num_rows for paths in before.values() for path in paths)


def test_a_second_time_there_is_nothing_to_do_and_a_delivery_is_taken_as_ever(bank: SmallBank) -> None:
    [done] = compact_lake(bank.settings, "transactions")
    assert done.version is not None

    [again] = compact_lake(bank.settings, "transactions")

    assert (again.version, again.rows_rewritten, again.files_before) == (None, 0, 2)
    bank.write({"tx_9.csv": "id,account,day,amount\nT0-0,AC00,2024-03-01,77\nT9,AC01,2024-03-01,1\n"})
    bank.load(MAPPING)
    assert bank.rows("transactions", "count(*)") == [(92,)]
    assert bank.rows("transactions", "amount_minor", where="transaction_id = 'T0-0' AND recorded_until IS NULL") == [(7_700,)]


def test_rows_lost_on_the_way_stop_it_before_anything_is_shown(bank: SmallBank, monkeypatch: pytest.MonkeyPatch) -> None:
    before, whole = files_of(bank), BucketFile.write
    monkeypatch.setattr(BucketFile, "write", lambda file, table: whole(file, table.slice(1)))

    with pytest.raises(ArtefactError, match="not rewritten as it was read"):
        compact(open_lake(bank.settings.lake, 2), TRANSACTIONS)

    assert files_of(bank) == before


def test_a_damaged_file_stops_it_in_words(bank: SmallBank) -> None:
    path = Path(files_of(bank)[0][0])
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(ArtefactError, match="transactions"):
        compact(open_lake(bank.settings.lake, 2), TRANSACTIONS)


def test_a_crash_in_the_middle_leaves_the_table_as_it_was(bank: SmallBank) -> None:
    before, rows = files_of(bank), bank.rows("transactions", COLUMNS)
    given = {**os.environ, "BANKSEG_HOME": str(bank.settings.home), VARIABLE: "intake.file_half_written:2"}

    ended = subprocess.run([sys.executable, "-c", "from bankseg.cli.main import main; main()", "compact"], env=given, check=False, capture_output=True)

    assert ended.returncode == KILLED
    assert files_of(bank) == before
    assert compact(open_lake(bank.settings.lake, 2), TRANSACTIONS).files_after == 2
    assert bank.rows("transactions", COLUMNS) == rows


def test_the_command_says_what_it_did_and_an_unknown_table_is_named(bank: SmallBank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANKSEG_HOME", str(bank.settings.home))

    result = CliRunner().invoke(command, [])

    assert result.exit_code == 0, result.output
    assert "transactions            6 files ->      2, 90 rows rewritten" in result.output
    assert "accounts                2 files, nothing to do" in result.output
    with pytest.raises(ConfigurationError, match="no table 'movements'"):
        list(compact_lake(bank.settings, "movements"))
