"""Rules that hold a row against its account, its client, its currency and its file."""

import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlmodel import SQLModel

from bankseg.cli.ingest import command
from bankseg.domain.people import Role, Scope
from bankseg.ingest.text_stream import TextStream
from bankseg.services.import_page import export_quarantine, import_page
from bankseg.services.import_trial import trial_of, try_file
from bankseg.storage import import_batch
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import make_engine, reading
from tests.ingest.intake import ACCOUNT_ROWS, ACCOUNTS, CLIENT_ROWS, CLIENTS, HEAD, MAPPING, TRANSACTIONS, SmallBank, report_of, small_bank

BORN = CLIENTS + 'birth_on = "birth"\n'
ABROAD = ACCOUNTS + 'currency = "ccy"\n'
MOVEMENTS = """
[[extract]]
table = "transactions"
files = ["tx*.csv"]
[extract.columns]
transaction_id = "id"
account_id = "account"
booked_on = "day"
amount = "amount"
type = "type"
currency = "ccy"
"""
RULED = HEAD + BORN + ABROAD + MOVEMENTS
PEOPLE = "id,joined,name,birth\nC1,2020-01-01,Ann,1990-05-01\nC2,2020-02-01,Bob,\nC3,2024-01-01,Eve,2024-01-01\n"
CONTRACTS = (
    "id,client,product,opened,closed,ccy\nA1,C1,current_account,2020-01-01,2024-03-31,EUR\nA2,C2,savings,2020-02-01,,\n"
    "A3,C3,savings,2020-02-01,,EUR\nA4,C2,savings,2020-02-01,,USD\n"
)
HEADER = "id,account,day,amount,type,ccy\n"
ROWS = {
    "A1,2024-03-31,-1,card_purchase,EUR": None,
    "A1,2024-04-01,-1,card_purchase,EUR": "after_closing",
    "A1,2024-04-01,-1,fee,EUR": None,
    "A1,2019-12-31,-1,card_purchase,EUR": "before_opening",
    "A2,2020-02-01,5,cash_deposit,EUR": None,
    "A3,2023-12-31,5,cash_deposit,EUR": "before_birth",
    "A2,2024-05-01,-5,salary,EUR": "wrong_sign",
    "A2,2024-05-01,5,cash_withdrawal,EUR": "wrong_sign",
    "A2,2024-05-01,5,card_purchase,EUR": None,
    "A2,2024-05-01,5,transfer_in,": None,
    "A2,2024-05-01,5,transfer_in,USD": "currency_mix",
    "A4,2024-05-01,5,transfer_in,EUR": "currency_mix",
    "A4,2024-05-01,5,transfer_in,USD": "foreign_currency",
}


@pytest.fixture
def bank(tmp_path: Path) -> SmallBank:
    """Clients with births and accounts with currencies; the test adds movements."""
    made = small_bank(tmp_path, buckets=2)
    made.write({"clients.csv": PEOPLE, "accounts.csv": CONTRACTS})
    return made


def test_a_movement_is_held_against_the_life_sign_and_currency_of_its_account(bank: SmallBank) -> None:
    bank.write({"tx.csv": HEADER + "".join(f"T{number},{line}\n" for number, line in enumerate(ROWS, start=2))})

    line = report_of(bank.load(RULED), "tx.csv")

    wanted = {number: reason for number, reason in enumerate(ROWS.values(), start=2) if reason}
    assert {int(row[0]): row[3] for row in bank.quarantined(line)} == wanted
    assert line.accepted == len(ROWS) - len(wanted)
    assert bank.rows("transactions", "DISTINCT currency") == [("EUR",)]


def test_an_account_abroad_is_known_but_an_amount_of_it_is_not_taken(bank: SmallBank) -> None:
    bank.write(
        {"accounts.csv": CONTRACTS.replace("ccy\n", "ccy,limit\n", 1).replace(",EUR\n", ",EUR,5\n").replace(",,\n", ",,,\n").replace("USD\n", "USD,100\n")}
    )

    line = report_of(bank.load(HEAD + BORN + ABROAD + 'credit_limit = "limit"\n'), "accounts.csv")

    assert line.reasons == {"foreign_currency: currency": 1}
    assert line.accepted == 3


def test_a_name_has_one_spelling_and_one_client(tmp_path: Path) -> None:
    bank = small_bank(tmp_path, buckets=2)
    composed, apart = unicodedata.normalize("NFC", "Zoé"), unicodedata.normalize("NFD", "Zoé")
    assert composed != apart
    bank.write(
        {
            "clients.csv": f"id,joined,name\n{apart},2020-01-01,{apart}\n{composed},2020-01-01,{composed}\n",
            "accounts.csv": f"id,client,product,opened,closed\nA1,{apart},savings,2020-01-01,\n",
        }
    )

    report = bank.load()

    clients = report_of(report, "clients.csv")
    assert (clients.accepted, clients.duplicates) == (1, 1)
    assert clients.message.startswith("2 texts")
    assert bank.rows("clients", "client_id, name") == [(composed, composed)]
    assert bank.rows("accounts", "client_id") == [(composed,)]


def test_headers_and_mappings_meet_in_either_spelling(tmp_path: Path) -> None:
    bank = small_bank(tmp_path, buckets=2)
    bank.write({"clients.csv": unicodedata.normalize("NFD", "id,joined,prénom\nC1,2020-01-01,Ann\n")})

    bank.load(HEAD + CLIENTS.replace('"name"', '"prénom"'))

    assert bank.rows("clients", "name") == [("Ann",)]


@pytest.mark.parametrize("letter", ["\x85", "\u061c", "\ufeff", "\u2066"])
def test_a_character_nobody_sees_is_refused_and_shown_by_its_code_point(tmp_path: Path, letter: str) -> None:
    bank = small_bank(tmp_path, buckets=2)
    bank.write({"clients.csv": f"id,joined,name\nC1,2020-01-01,Ann\nC2,2020-01-01,B{letter}ob\n"})

    line = report_of(bank.load(HEAD + CLIENTS), "clients.csv")

    assert [(row[2], row[3]) for row in bank.quarantined(line)] == [(f"B<U+{ord(letter):04X}>ob", "control_character")]


def test_a_character_that_begins_in_the_block_before_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    path.write_bytes(b"a" * 15 + "\u202e".encode() + b"b" * 20)
    with TextStream(path, "utf-8", collapse_blanks=False) as stream:
        while stream.read(16):
            pass

        assert stream.is_suspicious


def movements(bad: int, good: int) -> str:
    """So many movements of an unknown account and of a known one."""
    return "id,account,day,amount\n" + "".join(f"B{n},A9,2024-05-01,1\n" for n in range(bad)) + "".join(f"G{n},A1,2024-05-01,1\n" for n in range(good))


@pytest.fixture
def plain(tmp_path: Path) -> SmallBank:
    """Two clients and two accounts."""
    made = small_bank(tmp_path, buckets=2)
    made.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS})
    return made


def test_a_file_with_more_refused_rows_than_the_share_loads_nothing_and_says_why(plain: SmallBank) -> None:
    plain.write({"tx_a.csv": movements(bad=26, good=2_474), "tx_b.csv": "id,account,day,amount\nT1,A1,2024-05-01,1\n"})

    report = plain.load()

    line = report_of(report, "tx_a.csv")
    assert (line.state, line.read, line.accepted) == ("refused", 0, 0)
    assert "26 of 2,500 rows refused (1.0 %)" in line.message
    assert "unknown_account: account_id (26)" in line.message
    assert "most_rejected_pct" in line.message
    assert len(plain.quarantined(line)) == 26
    assert report_of(report, "tx_b.csv").accepted == 1
    assert plain.rows("transactions", "transaction_id") == [("T1",)]


@pytest.mark.parametrize(("bad", "good", "share"), [(25, 2_475, "1"), (19, 1, "1"), (30, 70, "30")], ids=["at the share", "few rows", "a share declared"])
def test_a_file_within_the_share_or_with_few_refused_rows_is_loaded(plain: SmallBank, bad: int, good: int, share: str) -> None:
    plain.write({"tx.csv": movements(bad, good)})

    line = report_of(plain.load(MAPPING.replace("[defaults]", f"[defaults]\nmost_rejected_pct = {share}")), "tx.csv")

    assert (line.state, line.accepted, line.quarantined) == ("loaded", good, bad)


def test_the_share_is_set_aside_on_purpose(plain: SmallBank, monkeypatch: pytest.MonkeyPatch) -> None:
    plain.write({"tx.csv": movements(bad=30, good=30)})
    assert report_of(plain.load(), "tx.csv").state == "refused"
    monkeypatch.setenv("BANKSEG_HOME", str(plain.settings.home))

    result = CliRunner().invoke(command, [str(plain.folder), "--mapping", str(plain.folder.parent / "mapping.toml"), "--accept-rejects"])

    assert result.exit_code == 0, result.output
    assert plain.rows("transactions", "count(*)") == [(30,)]


def test_the_dry_run_says_that_none_would_be_loaded(plain: SmallBank) -> None:
    plain.load()
    path, mapping = plain.folder / "tx.csv", plain.folder.parent / "mapping.toml"
    path.write_text(movements(bad=40, good=60), encoding="utf-8")
    mapping.write_text(HEAD + TRANSACTIONS, encoding="utf-8")

    tried = trial_of(try_file(plain.settings, path, mapping))

    assert "40 of 100 rows refused (40.0 %)" in tried.refusal
    assert (tried.accepted, tried.quarantined, tried.reconciles) == (60, 40, True)
    mapping.write_text(HEAD + TRANSACTIONS.replace("table =", "most_rejected_pct = 40\ntable ="), encoding="utf-8")
    assert trial_of(try_file(plain.settings, path, mapping)).refusal == ""


def test_the_rows_of_a_refused_file_can_be_taken_away(plain: SmallBank) -> None:
    plain.write({"tx.csv": movements(bad=40, good=60)})
    engine, scope = make_engine(plain.settings.store), Scope(1, Role.ADMINISTRATOR)
    SQLModel.metadata.create_all(engine, tables=[AuditEntry.__table__])
    plain.load()
    with reading(engine) as session:
        [batch] = [batch for batch in import_batch.latest(session) if batch.state == "refused"]
        page = import_page(plain.settings, session, scope, batch.id or 0)

    taken = export_quarantine(plain.settings, engine, scope, batch.id or 0, plain.folder / "taken.csv")

    assert page.has_file
    assert page.reasons == [("unknown_account: account_id", 40)]
    assert taken.rows == 40
    assert len((plain.folder / "taken.csv").read_text(encoding="utf-8").splitlines()) == 41


def test_owners_refused_for_their_share_stop_what_they_own(plain: SmallBank) -> None:
    plain.write({"clients.csv": CLIENT_ROWS + "".join(f"X{n},31/02/2020,Nobody\n" for n in range(25)), "tx.csv": movements(bad=0, good=1)})

    report = plain.load()

    assert {line.file: line.state for line in report.files} == {"clients.csv": "refused", "accounts.csv": "refused", "tx.csv": "refused"}
    assert not plain.rows("clients", "client_id")
