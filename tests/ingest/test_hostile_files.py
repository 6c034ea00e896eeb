"""The hostile corpus, small: whatever a file holds, rows are counted and files are refused in words."""

import gzip
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from bankseg.ingest.quarantine import safe_cell
from tests.ingest.intake import ACCOUNT_ROWS, ACCOUNTS, CLIENT_ROWS, CLIENTS, HEAD, MAPPING, TRANSACTIONS, SmallBank, report_of, small_bank

HEADER = "id,account,day,amount\n"
GOOD = "T0,A1,2024-05-01,1\n"


@pytest.fixture
def bank(tmp_path: Path) -> SmallBank:
    """Owners in place; the test adds transactions."""
    made = small_bank(tmp_path, buckets=2)
    made.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS})
    return made


ROWS = {
    "T1,A1,2024-05-01,1,surplus": ("too_many_fields", ""),
    "T1,A1,2024-05-01": ("too_few_fields", ""),
    ",A1,2024-05-01,1": ("missing", "transaction_id"),
    "1.23457E+15,A1,2024-05-01,1": ("scientific_notation", "transaction_id"),
    "T1,A9,2024-05-01,1": ("unknown_account", "account_id"),
    "T1,A1,01/05/2024,1": ("unparsable_date", "booked_on"),
    "T1,A1,2024-02-30,1": ("unparsable_date", "booked_on"),
    "T1,A1,1899-12-31,1": ("date_too_early", "booked_on"),
    "T1,A1,9999-12-31,1": ("date_too_late", "booked_on"),
    "T1,A1,2025-01-01,1": ("after_extract_date", "booked_on"),
    "T1,A1,2024-05-01,NaN": ("not_finite", "amount"),
    "T1,A1,2024-05-01,-Infinity": ("not_finite", "amount"),
    "T1,A1,2024-05-01,1e3": ("unparsable_amount", "amount"),
    '"T1",A1,2024-05-01,"1,5"': ("unparsable_amount", "amount"),
    "T1,A1,2024-05-01,0x1F": ("unparsable_amount", "amount"),
    "T1,A1,2024-05-01,1_000": ("unparsable_amount", "amount"),
    "T1,A1,2024-05-01,١٢": ("unparsable_amount", "amount"),
    "T1,A1,2024-05-01,(10.00)": ("unparsable_amount", "amount"),
    "T1,A1,2024-05-01,9999999999999999": ("amount_too_large", "amount"),
    "T1,A1,2024-05-01,1000000000000.01": ("amount_too_large", "amount"),
    "4111111111111111,A1,2024-05-01,1": ("card_number", "transaction_id"),
    "T\x001,A1,2024-05-01,1": ("control_character", "transaction_id"),
    "T\u202e1,A1,2024-05-01,1": ("control_character", "transaction_id"),
}


def test_each_broken_row_goes_to_quarantine_with_its_number_column_and_reason(bank: SmallBank) -> None:
    # The same text in each row would be a repeated key, so each gets its own where the key is not what is tested.
    lines = [line.replace("T1", f"T{number}", 1) for number, line in enumerate(ROWS, start=100)]
    bank.write({"tx.csv": HEADER + GOOD + "\n".join(lines) + "\n"})

    line = report_of(bank.load(MAPPING.replace("[defaults]", "[defaults]\nmost_rejected_pct = 100")), "tx.csv")

    found = {int(row[0]): (row[3], row[1]) for row in bank.quarantined(line)}
    assert found == dict(enumerate(ROWS.values(), start=3))
    assert (line.read, line.accepted, line.quarantined) == (len(ROWS) + 1, 1, len(ROWS))


def test_a_card_number_in_a_text_is_masked_in_the_quarantine_file(bank: SmallBank) -> None:
    bank.write({"clients.csv": CLIENT_ROWS + "C3,2020-01-01,card 4111 1111 1111 1111 of Ann\n", "tx.csv": HEADER + GOOD})

    line = report_of(bank.load(), "clients.csv")

    [[number, column, value, reason, _]] = bank.quarantined(line)
    assert (number, column, reason) == ("4", "name", "card_number")
    assert value == "card 4111 11****** 1111 of Ann"


REFUSED = {
    "empty": (b"", "empty file"),
    "blank": (b"\n\n", "empty file"),
    "header only": (HEADER.encode(), "no rows"),
    "wrong delimiter": (HEADER.replace(",", ";").encode() + b"T1;A1;2024-05-01;1\n", "separated by ';'"),
    "missing column": (b"id,account,day\nT1,A1,2024-05-01\n", "no column amount"),
    "duplicate header": (b"id,id,account,day,amount\n1,T1,A1,2024-05-01,1\n", "more than once"),
    "too many columns": (b",".join(b"c%d" % n for n in range(200_000)) + b"\n1\n", "at most 500"),
    "utf-16": ((HEADER + GOOD).encode("utf-16"), "NUL bytes"),
    "latin-1": ((HEADER + "Té,A1,2024-05-01,1\n").encode("latin-1"), "not UTF-8"),
    "unclosed quote": ((HEADER + '"T1,A1,2024-05-01,1\n').encode() + GOOD.encode() * 600_000, "quote"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_is_refused_in_words_and_the_others_go_on(bank: SmallBank, name: str) -> None:
    content, words = REFUSED[name]
    bank.write({"tx.csv": content, "tx_good.csv": HEADER + GOOD})

    report = bank.load()

    assert report_of(report, "tx.csv").state == "refused"
    assert words in report_of(report, "tx.csv").message
    assert report_of(report, "tx_good.csv").accepted == 1
    assert bank.rows("transactions", "count(*)") == [(1,)]


def test_a_truncated_gzip_and_a_gzip_bomb_are_refused(bank: SmallBank) -> None:
    rows = (HEADER + "".join(f"T{n},A1,2024-05-01,{n}\n" for n in range(50_000))).encode()
    bank.write(
        {
            "tx_cut.csv.gz": gzip.compress(rows)[:-4000],
            "tx_bomb.csv.gz": gzip.compress(HEADER.encode() + b"T,A1,2024-05-01,1\n" * 4_000_000),
            "tx.csv": HEADER + GOOD,
        }
    )

    report = bank.load()

    assert "truncated gzip" in report_of(report, "tx_cut.csv.gz").message
    assert "times its size" in report_of(report, "tx_bomb.csv.gz").message
    assert bank.rows("transactions", "count(*)") == [(1,)]


def test_damaged_and_renamed_parquet_and_workbooks_are_refused(bank: SmallBank) -> None:
    bank.write({"tx.parquet": b"PAR1 not really PAR1", "tx.xlsx": b"PK\x03\x04 not really", "tx.csv": HEADER + GOOD})

    report = bank.load()

    assert "Parquet" in report_of(report, "tx.parquet").message
    assert "workbook" in report_of(report, "tx.xlsx").message


def test_a_workbook_loads_with_its_typed_cells(bank: SmallBank) -> None:
    with xlsxwriter.Workbook(bank.folder / "tx.xlsx", {"default_date_format": "dd/mm/yyyy"}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ("id", "account", "day", "amount"))
        sheet.write_row(1, 0, ("T1", "A1", date(2024, 5, 1), 12.5))
        sheet.write_row(2, 0, (77, "A2", "2024-05-02", -3))

    report = bank.load()

    assert report_of(report, "tx.xlsx").accepted == 2
    assert bank.rows("transactions", "transaction_id, amount_minor") == [("77", -300), ("T1", 1250)]


def test_quoted_line_ends_blank_lines_and_byte_order_marks_are_no_faults(bank: SmallBank) -> None:
    bank.write({"clients.csv": '\ufeffid,joined,name\r\nC1,2020-01-01,"Ann\r\nLee"\r\n\r\nC2,2020-02-01,"NA"\r\n', "tx.csv": HEADER + GOOD})

    bank.load()

    assert bank.rows("clients", "client_id, name") == [("C1", "Ann\r\nLee"), ("C2", "NA")]


def test_leading_zeros_and_long_digits_of_identifiers_survive(bank: SmallBank) -> None:
    bank.write({"tx.csv": HEADER + "00123,A1,2024-05-01,1\n1234567890123456789012345,A1,2024-05-01,1\n"})

    bank.load()

    assert bank.rows("transactions", "transaction_id") == [("00123",), ("1234567890123456789012345",)]


def test_numbers_of_another_locale_are_refused_and_declared_ones_read(bank: SmallBank) -> None:
    locale = 'decimal = ","\nthousands = " "\ndelimiter = ";"\nencoding = "cp1252"\ndate_format = "%d/%m/%Y"\n'
    mapping = HEAD + CLIENTS + ACCOUNTS + TRANSACTIONS.replace("[extract.columns]", locale + "[extract.columns]")
    rows = "id;account;day;amount\nT1;A1;01/05/2024;1 234,56\nT2;A1;01/05/2024;-1\u00a0234 567,5\nT3;A1;01/05/2024;1.5\nT4;A1;01/05/2024;12 34\n"
    bank.write({"tx.csv": rows.encode("cp1252")})

    line = report_of(bank.load(mapping), "tx.csv")

    assert bank.rows("transactions", "transaction_id, amount_minor") == [("T1", 123456), ("T2", -123456750)]
    assert [row[0] for row in bank.quarantined(line)] == ["4", "5"]


@pytest.mark.parametrize("cell", ["=1+1", "+1+1", "@x", "\tx", "-1+1", "＝1", "\rx"])
def test_no_quarantined_value_is_taken_for_a_formula(cell: str) -> None:
    assert safe_cell(cell).startswith("'")


def test_negative_numbers_stay_numbers_in_the_quarantine_file() -> None:
    assert safe_cell("-12,50") == "-12,50"
