"""Files into the lake: what is accepted, what is known already, what corrects what."""

from datetime import date, datetime
from pathlib import Path

import pytest

from bankseg.domain.errors import ConfigurationError, InputError
from tests.ingest.intake import ACCOUNT_ROWS, CLIENT_ROWS, MAPPING, SmallBank, report_of, small_bank

TX_ROWS = "id,account,day,amount\nT1,A1,2024-05-01,12.50\nT2,A2,2024-05-02,-3\n"


@pytest.fixture
def bank(tmp_path: Path) -> SmallBank:
    """Two clients, two accounts, nothing loaded."""
    made = small_bank(tmp_path)
    made.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx1.csv": TX_ROWS})
    return made


def test_rows_land_with_their_owner_and_both_clocks(bank: SmallBank) -> None:
    report = bank.load()

    assert [(line.table, line.accepted) for line in report.files] == [("clients", 2), ("accounts", 2), ("transactions", 2)]
    rows = bank.rows("transactions", "transaction_id, client_id, amount_minor, booked_on, CAST(recorded_at AS TIMESTAMP), recorded_until, recorded_is_assumed")
    assert rows == [
        ("T1", "C1", 1250, date(2024, 5, 1), datetime(2024, 5, 2), None, True),
        ("T2", "C2", -300, date(2024, 5, 2), datetime(2024, 5, 3), None, True),
    ]


def test_the_same_file_twice_loads_nothing_twice(bank: SmallBank) -> None:
    bank.load()
    versions = bank.rows("transactions", "count(*)")

    again = bank.load()

    assert {line.state for line in again.files} == {"already_loaded"}
    assert bank.rows("transactions", "count(*)") == versions


def test_the_same_rows_under_another_name_are_duplicates(bank: SmallBank) -> None:
    bank.load()
    bank.write({"tx2.csv": TX_ROWS.replace("T2,A2,2024-05-02,-3", "T2,A2,2024-05-02,-3.00")})

    line = report_of(bank.load(), "tx2.csv")

    assert (line.read, line.accepted, line.duplicates) == (2, 0, 2)
    assert bank.rows("transactions", "count(*)") == [(2,)]


def test_a_correction_closes_the_old_row_and_opens_a_new_one(bank: SmallBank) -> None:
    bank.load(extract_on=date(2024, 6, 30))
    bank.write({"tx2.csv": "id,account,day,amount\nT1,A1,2024-05-01,99\nT3,A1,2024-07-01,1\n"})

    line = report_of(bank.load(extract_on=date(2024, 7, 31)), "tx2.csv")

    assert (line.accepted, line.duplicates) == (2, 0)
    rows = bank.rows("transactions", "transaction_id, amount_minor, CAST(recorded_at AS TIMESTAMP), CAST(recorded_until AS TIMESTAMP), recorded_is_assumed")
    assert rows == [
        ("T1", 1250, datetime(2024, 5, 2), datetime(2024, 7, 31), True),
        ("T1", 9900, datetime(2024, 7, 31), None, False),
        ("T2", -300, datetime(2024, 5, 3), None, True),
        ("T3", 100, datetime(2024, 7, 2), None, True),
    ]


def test_an_older_extract_loaded_late_takes_its_place_in_time(bank: SmallBank) -> None:
    bank.load(extract_on=date(2024, 6, 30))
    bank.write({"tx3.csv": "id,account,day,amount\nT1,A1,2024-05-01,3\n"})
    bank.load(extract_on=date(2024, 9, 30))
    bank.write({"tx2.csv": "id,account,day,amount\nT1,A1,2024-05-01,2\n"})

    bank.load(extract_on=date(2024, 7, 31))

    rows = bank.rows("transactions", "amount_minor, CAST(recorded_at AS TIMESTAMP), CAST(recorded_until AS TIMESTAMP)", where="transaction_id = 'T1'")
    assert rows == [
        (200, datetime(2024, 7, 31), datetime(2024, 9, 30)),
        (300, datetime(2024, 9, 30), None),
        (1250, datetime(2024, 5, 2), datetime(2024, 7, 31)),
    ]


def test_files_of_one_import_correct_one_another_in_order_of_name(bank: SmallBank) -> None:
    bank.write({"tx2.csv": "id,account,day,amount\nT1,A1,2024-05-01,7\n"})

    report = bank.load()

    assert [report_of(report, name).accepted for name in ("tx1.csv", "tx2.csv")] == [2, 1]
    assert bank.rows("transactions", "amount_minor", where="transaction_id = 'T1' AND recorded_until IS NULL") == [(700,)]


def test_several_files_share_one_version_and_few_files(bank: SmallBank) -> None:
    bank.write({f"tx{n}.csv": f"id,account,day,amount\nX{n},A{1 + n % 2},2024-05-01,1\n" for n in range(2, 9)})

    report = bank.load()

    assert {line.lake_version for line in report.files if line.table == "transactions"} == {0}
    assert len(list(Path(bank.settings.lake, "transactions").glob("bucket=*/*.parquet"))) <= bank.settings.buckets


def test_contradicting_rows_in_one_file_keep_the_first_and_name_it(bank: SmallBank) -> None:
    bank.write({"tx1.csv": TX_ROWS + "T1,A1,2024-05-01,12.50\nT2,A2,2024-05-02,4\n"})

    line = report_of(bank.load(), "tx1.csv")

    assert (line.read, line.accepted, line.duplicates, line.quarantined) == (4, 2, 1, 1)
    assert bank.quarantined(line) == [["5", "transaction_id", "T2", "duplicate_key", "the same key as row 3 with other content"]]


def test_an_owner_loaded_later_lets_new_rows_in_and_refused_owners_stop_the_rest(bank: SmallBank) -> None:
    bank.write({"clients.csv": CLIENT_ROWS.replace("id,", "identifier,")})

    report = bank.load()

    assert [line.state for line in report.files] == ["refused", "refused", "refused"]
    assert "owners are missing" in report.files[2].message
    bank.write({"clients.csv": CLIENT_ROWS})
    assert [line.state for line in bank.load().files] == ["loaded", "loaded", "loaded"]


def test_a_mapping_without_extract_date_asks_for_one(bank: SmallBank) -> None:
    with pytest.raises(ConfigurationError, match="--extract-on"):
        bank.load(MAPPING.replace("extract_on = 2024-12-31", ""))


def test_a_folder_without_matching_files_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"clients\*\.csv"):
        small_bank(tmp_path).load()
