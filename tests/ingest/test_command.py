"""`bankseg ingest`: what a person and a program see."""

import json
from pathlib import Path

from click.testing import CliRunner

from bankseg.cli.ingest import command
from tests.ingest.intake import ACCOUNT_ROWS, CLIENT_ROWS, MAPPING, SmallBank, small_bank


def prepared(tmp_path: Path) -> tuple[SmallBank, list[str]]:
    bank = small_bank(tmp_path)
    bank.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx.csv": "id,account,day,amount\nT1,A1,2024-05-01,1\nT2,A9,2024-05-01,1\n"})
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    return bank, [str(bank.folder), "--mapping", str(mapping)]


def test_the_document_reconciles_file_by_file(tmp_path: Path) -> None:
    _, arguments = prepared(tmp_path)

    result = CliRunner().invoke(command, [*arguments, "--json"])

    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert [(file["table"], file["read"], file["accepted"], file["quarantined"]) for file in document["files"]] == [
        ("clients", 2, 2, 0),
        ("accounts", 2, 2, 0),
        ("transactions", 2, 1, 1),
    ]


def test_a_refused_file_is_said_and_ends_with_its_exit_code(tmp_path: Path) -> None:
    bank, arguments = prepared(tmp_path)
    bank.write({"tx.csv": ""})

    result = CliRunner().invoke(command, arguments)

    assert result.exit_code == 4
    assert "refused tx.csv for transactions: tx.csv is an empty file" in " ".join(result.stderr.split())


def test_reasons_and_the_quarantine_file_are_shown(tmp_path: Path) -> None:
    _, arguments = prepared(tmp_path)

    result = CliRunner().invoke(command, arguments)

    assert "unknown_account: account_id (1)" in " ".join(result.stderr.split())
    assert "quarantine/transactions-tx.csv" in result.stderr


def test_a_faulty_mapping_ends_with_a_sentence_and_no_trace(tmp_path: Path) -> None:
    _, arguments = prepared(tmp_path)
    (tmp_path / "mapping.toml").write_text(MAPPING.replace("extract_on", "extract_one"), encoding="utf-8")

    result = CliRunner().invoke(command, arguments)

    assert result.exit_code == 3
    assert "key bank.extract_one" in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
