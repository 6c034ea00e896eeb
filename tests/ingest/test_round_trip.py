"""Laws: canonical rows written in any dialect come back equal, and every row of any file is counted once."""

import csv
import io
import string
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest.intake import ACCOUNT_ROWS, ACCOUNTS, CLIENT_ROWS, CLIENTS, HEAD, small_bank

DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([",", ";", "|", "\t"]),
        "encoding": st.sampled_from(["utf-8", "utf-16", "iso-8859-1"]),
        "decimal": st.sampled_from([".", ","]),
        "thousands": st.sampled_from(["", " ", "'"]),
        "date_format": st.sampled_from(["%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%d.%m.%Y"]),
    }
)
LATIN = string.ascii_letters + string.digits + "éèàçÉü.;,|'\"=+@_/ -\n"
WORDS = st.text(LATIN, min_size=1, max_size=12).map(str.strip).filter(lambda word: word and not any(letter.isdigit() for letter in word))
DAYS = st.dates(date(2020, 3, 1), date(2024, 12, 31))
AMOUNTS = st.decimals(Decimal(-(10**9)), Decimal(10**9), places=2)
ROWS = st.lists(st.tuples(st.sampled_from(["A1", "A2"]), DAYS, AMOUNTS, st.none() | WORDS), max_size=8)
SLOW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def written(rows: list[tuple[object, ...]], dialect: dict[str, str]) -> bytes:
    """The file a bank with this dialect would send."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=dialect["delimiter"])
    writer.writerow(["id", "account", "day", "amount", "mcc"])
    for number, (account, day, amount, word) in enumerate(rows):
        figure = f"{amount:,.2f}".replace(",", "\0").replace(".", dialect["decimal"]).replace("\0", dialect["thousands"])
        writer.writerow([f"T{number}", account, day.strftime(dialect["date_format"]), figure, word or ""])
    return stream.getvalue().encode(dialect["encoding"])


def mapping_of(dialect: dict[str, str]) -> str:
    """The mapping that says so."""
    lines = "\n".join(f"{key} = {toml_text(value)}" for key, value in dialect.items())
    return f"""{HEAD}{CLIENTS}{ACCOUNTS}
[[extract]]
table = "transactions"
files = ["tx*.csv"]
may_be_empty = true
{lines}
[extract.columns]
transaction_id = "id"
account_id = "account"
booked_on = "day"
amount = "amount"
mcc = "mcc"
type = {{ constant = "other" }}
"""


def toml_text(value: str) -> str:
    return '"' + value.replace("\t", "\\t").replace('"', '\\"') + '"'


@SLOW
@given(rows=ROWS, dialect=DIALECTS)
def test_rows_written_in_any_dialect_come_back_equal(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, ...]], dialect: dict[str, str]) -> None:
    bank = small_bank(tmp_path_factory.mktemp("bank"), buckets=2)
    bank.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx.csv": written(rows, dialect)})

    bank.load(mapping_of(dialect))

    expected = [(f"T{number}", account, day, int(amount * 100), word) for number, (account, day, amount, word) in enumerate(rows)]
    assert bank.rows("transactions", "transaction_id, account_id, booked_on, amount_minor, mcc") == sorted(expected)


FIELD = st.sampled_from(
    [
        "T1",
        "T2",
        "T3",
        "A1",
        "A2",
        "A9",
        "2024-05-01",
        "2024-13-01",
        "9999-12-31",
        "12.5",
        "-1",
        "NaN",
        "1e9",
        "",
        " ",
        "x,y",
        '"q"',
        "é",
        "=1",
        "4111111111111111",
    ]
)
LINES = st.lists(st.lists(FIELD, min_size=1, max_size=6).map(",".join), min_size=1, max_size=15)


@SLOW
@given(lines=LINES)
def test_whatever_the_rows_read_equals_the_sum_of_what_became_of_them(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    bank = small_bank(tmp_path_factory.mktemp("bank"), buckets=2)
    content = "id,account,day,amount\nT0,A1,2024-05-01,1\n" + "\n".join(lines) + "\n"
    bank.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx.csv": content})

    [line] = [line for line in bank.load().files if line.table == "transactions"]

    assert line.state == "loaded"
    assert line.read == line.accepted + line.quarantined + line.duplicates + line.filtered
    assert line.quarantined == len(bank.quarantined(line))
    assert bank.rows("transactions", "count(*)") == [(line.accepted,)]
