"""Every kind of hostile file there is a promise about, loaded together: each is refused in words or has its rows counted and its reasons named."""

import gzip
import io
import os
import resource
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bankseg.ingest.report import FileReport, IngestReport
from tests.ingest.intake import ACCOUNT_ROWS, ACCOUNTS, CLIENT_ROWS, CLIENTS, HEAD, MAPPING, TRANSACTIONS, SmallBank, report_of, small_bank

NUMBERS = count()
CHECKOUT = Path(__file__).parents[2]
HEADER = "id,account,day,amount\n"
SCORES = """
[[extract]]
table = "credit_scores"
files = ["scores*.csv"]
[extract.columns]
client_id = "client"
scored_on = "day"
score = "score"
source = { constant = "fico" }
"""


@dataclass(frozen=True)
class Expected:
    """What becomes of a file: refused with these words, or loaded with so many rows and these reasons."""

    words: str = ""
    accepted: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0


def rows(*lines: str) -> bytes:
    """A file of movements with these lines."""
    return (HEADER + "".join(f"{line}\n" for line in lines)).encode()


def loaded(accepted: int, *, duplicates: int = 0, **reasons: int) -> Expected:
    """So many rows accepted, and so many quarantined for each reason."""
    return Expected(accepted=accepted, reasons=reasons, duplicates=duplicates)


def bad_rows(reason: str, *values: str, column: str = "amount") -> tuple[bytes, Expected]:
    """One row for each value of a column, every one of them to be quarantined for the reason; one good row beside them."""
    lines = []
    for value in values:
        fields = {"id": f"bad-{next(NUMBERS)}", "account": "A1", "day": "2024-05-01", "amount": "1"} | {column: value}
        lines.append(",".join(f'"{text}"' for text in fields.values()))
    return rows(f"good-{next(NUMBERS)},A1,2024-05-01,1", *lines), loaded(1, **{reason: len(values)})


def zipped(**parts: bytes) -> bytes:
    """A zip of these parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return target.getvalue()


GOOD = "{0}-1,A1,2024-05-01,1"
# File name -> content and what becomes of it. Each file has keys of its own.
CORPUS: dict[str, tuple[bytes, Expected]] = {
    "tx_every_row_longer.csv": (rows("el-1,A1,2024-05-01,1,x", "el-2,A1,2024-05-01,2,x"), loaded(0, too_many_fields=2)),
    "tx_one_row_longer.csv": (rows("ol-1,A1,2024-05-01,1", "ol-2,A1,2024-05-01,2,x", "ol-3,A1,2024-05-01,3"), loaded(2, too_many_fields=1)),
    "tx_one_row_short.csv": (rows("os-1,A1,2024-05-01,1", "os-2,A1", "os-3,A1,2024-05-01,3"), loaded(2, too_few_fields=1)),
    "tx_semicolons.csv": (HEADER.replace(",", ";").encode() + b"s-1;A1;2024-05-01;1\n", Expected("separated by ';'")),
    "tx_tabs.csv": (HEADER.replace(",", "\t").encode() + b"t-1\tA1\t2024-05-01\t1\n", Expected("separated by '\\t'")),
    "tx_decimal_comma.csv": bad_rows("unparsable_amount", "1,5", "1.234,56", "1 234.56", "12.50 EUR", "€12", "(10.00)", "10-", "1.2.3", "--1"),
    "tx_digits.csv": bad_rows("unparsable_amount", "0x1F", "1_000", "١٢", "１２", "1e3", "½", "1٫5"),  # digits of other scripts
    "tx_not_finite.csv": bad_rows("not_finite", "NaN", "inf", "-Infinity", "+nan", "INF", "1.#INF"),
    "tx_huge.csv": bad_rows("amount_too_large", "9999999999999999", "1000000000000.01", "-123456789012345678901234567890"),
    "tx_double_limit.csv": bad_rows("unparsable_amount", "1e308", "-1e308", "1E+400"),
    "tx_leading_zeros.csv": (rows("00123,A1,2024-05-01,1", "000,A1,2024-05-01,2"), loaded(2)),
    "tx_long_ids.csv": (rows("12345678901234567890,A1,2024-05-01,1", "1234567890123456789012345,A1,2024-05-01,2"), loaded(2)),
    "tx_scientific_ids.csv": bad_rows("scientific_notation", "1.23457E+15", "2,5e+20", "9E+09", column="id"),
    "tx_dates.csv": bad_rows("unparsable_date", "01/05/2024", "2024/05/01", "5 May 2024", "20240501", "2024-13-01", "2024-02-30", "2023-02-29", "45413", column="day"),
    "tx_early.csv": bad_rows("date_too_early", "0001-01-01", "1899-12-31", column="day"),
    "tx_never.csv": bad_rows("date_too_late", "9999-12-31", column="day"),
    "tx_future.csv": bad_rows("after_extract_date", "2025-01-01", "2099-06-30", column="day"),
    "tx_control.csv": (
        rows("c\0-1,A1,2024-05-01,1", "c\u202e-2,A1,2024-05-01,1", "c\u200b-3,A1,2024-05-01,1", "c\x1b-4,A1,2024-05-01,1"), loaded(0, control_character=4),
    ),
    "tx_card.csv": (rows("4111111111111111,A1,2024-05-01,1", "378282246310005,A1,2024-05-01,2"), loaded(0, card_number=2)),
    "tx_long_text.csv": (rows(f"{'x' * 300},A1,2024-05-01,1"), loaded(0, text_too_long=1)),
    "tx_orphans.csv": (rows("or-1,A9,2024-05-01,1", "or-2,A1,2024-05-01,1"), loaded(1, unknown_account=1)),
    "tx_missing_key.csv": (rows(",A1,2024-05-01,1", "mk-1,,2024-05-01,1", "mk-2,A1,,1", "mk-3,A1,2024-05-01,"), loaded(0, missing=4)),
    "tx_twice_in_a_file.csv": (rows("tw-1,A1,2024-05-01,1", "tw-1,A1,2024-05-01,1"), loaded(1, duplicates=1)),
    "tx_mark.csv": (b"\xef\xbb\xbf" + rows(GOOD.format("bom")), loaded(1)),
    "tx_cr_only.csv": (rows("cr-1,A1,2024-05-01,1", "cr-2,A1,2024-05-01,2").replace(b"\n", b"\r"), loaded(2)),
    "tx_crlf_blank_lines.csv": (rows("", "cl-1,A1,2024-05-01,1", "").replace(b"\n", b"\r\n"), loaded(1)),
    "tx_no_last_line_end.csv": (rows("nl-1,A1,2024-05-01,1").rstrip(), loaded(1)),
    "tx_utf16.csv": (rows(GOOD.format("u16")).decode().encode("utf-16"), Expected("NUL bytes")),
    "tx_utf16_without_mark.csv": (rows(GOOD.format("u16")).decode().encode("utf-16-le"), Expected("NUL bytes")),
    "tx_latin.csv": (rows("é-1,A1,2024-05-01,1").decode().encode("latin-1"), Expected("not UTF-8")),
    "tx_empty.csv": (b"", Expected("empty file")),
    "tx_blank.csv": (b"\n\n\n", Expected("empty file")),
    "tx_header_only.csv": (HEADER.encode(), Expected("no rows")),
    "tx_twice_a_header.csv": (b"id,account,day,amount,amount\nx,A1,2024-05-01,1,2\n", Expected("more than once")),
    "tx_column_gone.csv": (b"id,account,day\nx,A1,2024-05-01\n", Expected("no column amount")),
    "tx_other_case.csv": (b"ID,Account,Day,Amount\nx,A1,2024-05-01,1\n", Expected("no column account")),
    "tx_columns_moved.csv": (b"amount,day,account,id\n7,2024-05-01,A1,cm-1\n", loaded(1)),
    "tx_more_columns.csv": (b"note,id,account,day,amount\n=cmd|' /C calc'!A0,mc-1,A1,2024-05-01,1\n", loaded(1)),
    "tx_200000_columns.csv": (b",".join(b"c%d" % number for number in range(200_000)) + b"\n1\n", Expected("at most 500")),
    "tx_unclosed_quote.csv": (HEADER.encode() + b'"uq-1,A1,2024-05-01,1\n' + b"uq-2,A1,2024-05-01,2\n" * 600_000, Expected("quote")),
    "tx_zip.csv": (zipped(tx__csv=rows(GOOD.format("z"))), Expected("tx_zip.csv")),
    "tx_pdf.csv": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", Expected("tx_pdf.csv")),
    "tx_cut.csv.gz": (gzip.compress(rows(*(f"gz-{n},A1,2024-05-01,{n}" for n in range(20_000))))[:-2_000], Expected("truncated gzip")),
    "tx_not_gz.csv.gz": (b"\x1f\x8b\x08\x00 and then nothing of the kind", Expected("gzip")),
    "tx_bomb.csv.gz": (gzip.compress(HEADER.encode() + b"b,A1,2024-05-01,1\n" * 2_000_000), Expected("times its size")),
    "tx_damaged.parquet": (b"PAR1 not really PAR1", Expected("Parquet")),
    "tx_damaged.xlsx": (b"PK\x03\x04 not really", Expected("workbook")),
    "tx_bomb.xlsx": (zipped(xl__workbook__xml=b"", xl__worksheets__sheet1__xml=b"0" * (64 << 20)), Expected("workbook")),
    "tx_entities.xlsx": (
        zipped(xl__workbook__xml=b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><workbook>&b;</workbook>'), Expected("workbook"),
    ),
    "tx_with a\nline end; rm -rf.csv": (rows(GOOD.format("name")), loaded(1)),
    f"tx_{'x' * 240}.csv": (rows("long-name-1,A1,2024-05-01,1", "long-name-2,A1,no day,1"), loaded(1, unparsable_date=1)),
    "tx_CON.csv": (rows(GOOD.format("con")), loaded(1)),
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallBank, IngestReport]:
    """The whole corpus in one folder, loaded at once. Read only."""
    bank = small_bank(tmp_path_factory.mktemp("corpus"), buckets=2)
    bank.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS})
    bank.write({name: content for name, (content, _) in CORPUS.items()})
    (bank.folder / "tx_folder.csv").mkdir()
    (bank.folder / "tx_link.csv").symlink_to("/etc/passwd")
    os.mkfifo(bank.folder / "tx_pipe.csv")
    return bank, bank.load()


@pytest.mark.parametrize("name", CORPUS)
def test_each_file_of_the_corpus_is_refused_in_words_or_counted_by_reason(corpus: tuple[SmallBank, IngestReport], name: str) -> None:
    expected = CORPUS[name][1]
    line = report_of(corpus[1], name)

    if expected.words:
        assert line.state == "refused"
        assert expected.words in line.message
        assert "Expected:" in line.message
        assert "What to do:" in line.message
        return
    assert (line.state, line.accepted, reasons_of(line), line.duplicates) == ("loaded", expected.accepted, expected.reasons, expected.duplicates)
    assert line.read == line.accepted + line.quarantined + line.duplicates + line.filtered
    assert len(corpus[0].quarantined(line)) == line.quarantined


def reasons_of(line: FileReport) -> dict[str, int]:
    """Quarantined rows by reason, whatever the column."""
    found: dict[str, int] = {}
    for reason, times in line.reasons.items():
        found[reason.partition(":")[0]] = found.get(reason.partition(":")[0], 0) + times
    return found


def test_what_is_no_file_or_leads_out_of_the_folder_is_not_opened(corpus: tuple[SmallBank, IngestReport]) -> None:
    assert {line.file for line in corpus[1].files} == {"clients.csv", "accounts.csv", *CORPUS}


def test_a_refused_file_leaves_no_row_and_a_loaded_one_every_row_it_was_counted_for(corpus: tuple[SmallBank, IngestReport]) -> None:
    bank, report = corpus

    found = bank.rows("transactions", "count(*)")

    assert found == [(sum(line.accepted for line in report.files if line.table == "transactions"),)]
    assert not bank.rows("transactions", "*", where="transaction_id ~ '.*(uq|gz|u16|bomb).*'")
    assert {line.state for line in bank.load().files if CORPUS.get(line.file, (b"", Expected()))[1].words == ""} == {"already_loaded"}


def test_no_draft_and_nothing_but_the_quarantine_is_left_behind(corpus: tuple[SmallBank, IngestReport]) -> None:
    home = corpus[0].settings.home

    assert not [path for path in home.rglob("*") if path.name.endswith((".part", ".tmp"))]
    assert {path.parent for path in home.rglob("*.csv")} == {corpus[0].settings.quarantine}


NAMES = ["NA", "Null", "None", "nan", "N/A", "", '=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "O'Hara; DROP TABLE client", "Zoë 北京", "<script>"]


def test_a_name_is_text_whatever_it_looks_like(tmp_path: Path) -> None:
    bank = small_bank(tmp_path, buckets=2)
    written = [f'N{number:02d},2020-01-01,"{name.replace(chr(34), chr(34) * 2)}"' for number, name in enumerate(NAMES)]
    bank.write({"clients.csv": "id,joined,name\n" + "\n".join([*written, 'M1,2020-01-01,"two\nlines"']) + "\n"})

    bank.load(HEAD + CLIENTS)

    found = dict(bank.rows("clients", "client_id, name"))
    assert found == {f"N{number:02d}": name or None for number, name in enumerate(NAMES)} | {"M1": "two\nlines"}


def test_a_score_outside_its_scale_or_of_nobody_is_quarantined(tmp_path: Path) -> None:
    bank = small_bank(tmp_path, buckets=2)
    lines = ["C1,2024-05-01,700", "C1,2024-05-02,-5", "C1,2024-05-03,1001", "C9,2024-05-01,700", "C2,2024-05-01,high", "C2,2024-05-02,NaN"]
    bank.write({"clients.csv": CLIENT_ROWS, "scores.csv": "client,day,score\n" + "\n".join(lines) + "\n"})

    line = report_of(bank.load(HEAD + CLIENTS + SCORES), "scores.csv")

    assert (line.read, line.accepted, line.quarantined) == (6, 1, 5)
    assert set(reasons_of(line)) <= {"out_of_range", "score_outside_scale", "unknown_client", "unparsable_number", "not_finite"}


def test_a_client_twice_in_one_file_is_not_two_clients(tmp_path: Path) -> None:
    bank = small_bank(tmp_path, buckets=2)
    bank.write({"clients.csv": CLIENT_ROWS + "C1,2020-01-01,Another Ann\nC2,2020-02-01,Bob\n"})

    line = report_of(bank.load(HEAD + CLIENTS), "clients.csv")

    assert line.read == line.accepted + line.quarantined + line.duplicates == 4
    assert bank.rows("clients", "client_id", where="recorded_until IS NULL") == [("C1",), ("C2",)]


def test_no_flipped_bit_of_a_checksummed_parquet_changes_a_row_silently(tmp_path: Path) -> None:
    bank = small_bank(tmp_path, buckets=2)
    ids = [f"P{number}" for number in range(300)]
    table = pa.table({"id": ids, "account": ["A1"] * 300, "day": ["2024-05-01"] * 300, "amount": [str(number) for number in range(300)]})
    target = io.BytesIO()
    pq.write_table(table, target, write_page_checksum=True)
    whole = target.getvalue()
    bank.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS})
    for number, place in enumerate(range(0, len(whole), max(1, len(whole) // 40))):
        bank.write({f"tx_{number:02d}.parquet": whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :]})

    report = bank.load()

    lines = [line for line in report.files if line.table == "transactions"]
    assert {line.state for line in lines} <= {"refused", "loaded"}
    assert sum(line.state == "refused" for line in lines) > len(lines) // 2
    found = bank.rows("transactions", "transaction_id, amount_minor")
    assert found == (sorted((name, number * 100) for number, name in enumerate(ids)) if found else [])


@pytest.mark.slow
def test_the_worst_files_take_little_memory_and_time(tmp_path: Path) -> None:
    """A header of ten million columns, a quote that swallows 100 MB and a bomb of a gigabyte, in a process with limits."""
    bank = small_bank(tmp_path, buckets=2)
    bank.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx_good.csv": rows(GOOD.format("good"))})
    with (bank.folder / "tx_wide.csv").open("wb") as stream:
        stream.writelines(b"".join(b"c%d," % number for number in range(first, first + 100_000)) for first in range(0, 10_000_000, 100_000))
    with (bank.folder / "tx_quote.csv").open("wb") as stream:
        stream.write(HEADER.encode() + b'"q-1,A1,2024-05-01,1\n')
        stream.writelines(b"q,A1,2024-05-01,1\n" * 60_000 for _ in range(100))
    with gzip.open(bank.folder / "tx_bomb.csv.gz", "wb", compresslevel=1) as packed:
        for _ in range(1_000):
            packed.write(b" " * (1 << 20))
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    command = [sys.executable, "-m", "tests.ingest.crashing_import", str(bank.settings.home), str(bank.folder), str(mapping)]

    done = subprocess.run(
        command, cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, preexec_fn=within_limits, check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr[-2_000:]
    assert bank.rows("transactions", "transaction_id") == [("good-1",)]


def within_limits() -> None:
    """Six gigabytes of address space, of which the engines reserve most, and five minutes of a processor."""
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (300, 300))


def test_a_mapping_may_declare_what_would_else_be_refused(tmp_path: Path) -> None:
    """The same bytes in the bank's own words: semicolons, decimal commas, Latin-1, day first."""
    bank = small_bank(tmp_path, buckets=2)
    own = 'delimiter = ";"\ndecimal = ","\nthousands = "."\nencoding = "latin-1"\ndate_format = "%d/%m/%Y"\n'
    bank.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx.csv": "id;account;day;amount\né-1;A1;01/05/2024;1.234,56\n".encode("latin-1")})

    bank.load(HEAD + CLIENTS + ACCOUNTS + TRANSACTIONS.replace("[extract.columns]", own + "[extract.columns]"))

    assert bank.rows("transactions", "transaction_id, amount_minor") == [("é-1", 123_456)]
