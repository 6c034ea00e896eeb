"""Commands of segments in time exist, tell what they need and act only for a person who may."""

import pytest
from click.testing import CliRunner

from bankseg.cli.main import main
from bankseg.cli.segment_life import COMMANDS


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_every_command_is_in_the_group_and_explains_itself(name):
    found = CliRunner().invoke(main, ["segments", name, "--help"])

    assert found.exit_code == 0
    assert "--json" in found.output


@pytest.mark.parametrize(
    "arguments", [["publish", "kinds"], ["override", "kinds", "--reason", "because it must be"], ["retire", "kinds", "--reason", "because it must be"]]
)
def test_what_changes_something_needs_a_person(arguments):
    found = CliRunner().invoke(main, ["segments", *arguments])

    assert found.exit_code == 2
    assert "--as" in found.output


def test_an_unknown_person_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setenv("BANKSEG_HOME", str(tmp_path))
    runner = CliRunner()
    assert runner.invoke(main, ["segments", "refresh", "--json"]).output.strip().endswith('{"kept": 0, "events": 0}')

    found = runner.invoke(main, ["segments", "publish", "kinds", "--as", "nobody"])

    assert found.exit_code == 9
    assert "nobody signs in" in found.output
    assert runner.invoke(main, ["segments", "warnings"]).exit_code == 5
