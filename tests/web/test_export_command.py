"""`bankseg export`."""

import json

import pytest
from click.testing import CliRunner

from bankseg.cli.export import command
from tests.web.conftest import Browsers


@pytest.fixture
def run(own: Browsers, monkeypatch: pytest.MonkeyPatch):
    """The command on the small bank."""
    monkeypatch.setenv("BANKSEG_HOME", str(own.settings.home))
    return lambda *arguments: CliRunner().invoke(command, list(arguments))


def test_the_portfolio_is_that_of_the_person(run, tmp_path) -> None:
    done = run("portfolio", "--as", "alice", "--out", str(tmp_path / "mine.csv"), "--json")

    assert json.loads(done.stdout)["rows"] == 2
    assert "C3" not in (tmp_path / "mine.csv").read_text()


def test_a_cross_sell_list_says_what_removed_whom(run) -> None:
    document = json.loads(run("cross-sell", "--as", "mark", "--product", "life_insurance", "--format", "xlsx", "--json").stdout)

    assert document["candidates"] == document["rows"] + sum(document["removed"].values()) == 4
    assert document["path"].endswith(".xlsx")


@pytest.mark.parametrize(("arguments", "exit_code"), [
    (("portfolio", "--as", "nobody"), 9), (("portfolio", "--as", "adam"), 9), (("risk", "--as", "mark"), 9), (("cross-sell", "--as", "mark"), 4),
    (("cross-sell", "--as", "mark", "--product", "nothing"), 9),
])  # fmt: skip
def test_a_refusal_has_words_and_its_exit_code(run, arguments: tuple[str, ...], exit_code: int) -> None:
    done = run(*arguments)

    assert done.exit_code == exit_code
    assert done.stderr.strip()
    assert "Traceback" not in done.output
