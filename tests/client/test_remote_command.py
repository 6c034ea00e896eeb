"""`bankseg remote` against a live service."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bankseg.cli.remote import command
from bankseg.settings import Settings
from tests.web.programs import token_for


@pytest.fixture
def remote(address: str, home: Path, tmp_path: Path):
    """The command as a person."""

    def run(login: str, *arguments: str):
        token = tmp_path / "token"
        token.write_text(token_for(Settings(home=home), login) + "\n", encoding="utf-8")
        return CliRunner().invoke(command, ["--server", address, "--token-file", str(token), *arguments])

    return run


def test_status_says_who_calls_and_what_is_published(remote) -> None:
    told = json.loads(remote("alice", "status", "--json").stdout)

    assert (told["login"], told["role"], told["published"]["run_id"]) == ("alice", "relationship_manager", 1)
    assert "published run 1 as of 2025-12-31, 4 clients" in remote("alice", "status").stdout


def test_clients_runs_and_lists_are_listed(remote) -> None:
    clients = json.loads(remote("rita", "clients", "--sort", "client", "--most", "3", "--json").stdout)["clients"]

    assert [row["client_id"] for row in clients] == ["C1", "C2", "C3"]
    assert "31.0%" in remote("rita", "clients", "--sort", "client").stdout
    assert "run    1  2025-12-31  published  <- published" in remote("adam", "runs").stdout
    assert "Winter calls" in remote("bea", "lists").stdout


def test_a_list_is_fetched_as_a_file(remote, tmp_path: Path) -> None:
    out = tmp_path / "members.csv"

    done = remote("bea", "export", "list", "--name", "1", "--out", str(out), "--json")

    assert json.loads(done.stdout) == {"path": str(out), "rows": 1}
    assert "C1" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("login", "arguments", "exit_code"),
    [
        ("adam", ("clients",), 28),
        ("mark", ("run", "--no-wait"), 28),
        ("mark", ("export", "cross-sell", "--out", "x.csv"), 4),
        ("mark", ("clients", "--sort", "-balance"), 26),
    ],
)
def test_a_refusal_has_words_and_its_exit_code(remote, login: str, arguments: tuple[str, ...], exit_code: int) -> None:
    done = remote(login, *arguments)

    assert done.exit_code == exit_code
    assert "What to do:" in " ".join(done.stderr.split())
