"""What the doctor says of the walls, and how processes end that would stand outside them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bankseg.cli.main import main
from bankseg.domain.errors import ConfigurationError
from bankseg.services.doctor import Check, State, examine
from bankseg.settings import Settings
from tests.postgres import Server
from tests.walled_store import WalledStore, walled_store

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def walled(postgres_server: Server) -> Iterator[WalledStore]:
    """A PostgreSQL store as in production."""
    with walled_store(postgres_server) as store:
        yield store


def walls_of(settings: Settings) -> Check:
    return next(check for check in examine(settings, 0.0, {}) if check.name == "walls")


def test_the_doctor_finds_both_walls_behind_the_roles(walled, tmp_path):
    found = walls_of(Settings(home=tmp_path, store_url=walled.of("app_worker"), web_store_url=walled.of("app_web"), development=False))

    assert (found.state, found.remedy) == (State.OK, "")


@pytest.mark.parametrize(("development", "state"), [(False, State.PROBLEM), (True, State.WARNING)])
def test_the_doctor_names_the_process_that_may_pass(walled, tmp_path, development, state):
    found = walls_of(Settings(home=tmp_path, store_url=walled.of("app_worker"), web_store_url=walled.of("app_owner"), development=development))

    assert found.state == state
    assert "web: app_owner owns tables about clients" in found.found
    assert "worker" not in found.found.partition("(")[2]


def test_on_sqlite_the_first_wall_stands_alone(tmp_path):
    assert walls_of(Settings(home=tmp_path)).state == State.OK


@pytest.mark.parametrize(
    "program", [["-c", "from bankseg.wsgi import application; application()"], ["-m", "celery", "-A", "workers.app", "worker", "--pool", "solo"]]
)
def test_web_and_worker_end_at_the_start_as_a_role_that_may_pass(walled, tmp_path, program):
    environment = {
        **os.environ,
        "BANKSEG_HOME": str(tmp_path),
        "BANKSEG_STORE_URL": walled.of("app_owner"),
        "BANKSEG_DEVELOPMENT": "false",
        "PYTHONPATH": str(CHECKOUT),
    }

    ended = subprocess.run([sys.executable, *program], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False, timeout=120)

    assert ended.returncode != 0
    assert "app_owner owns tables about clients" in ended.stderr


def test_the_command_makes_the_roles_of_a_database_and_says_what_stands(walled, monkeypatch):
    monkeypatch.setenv("BANKSEG_OWNER_STORE_URL", walled.url)

    told = CliRunner().invoke(main, ["database", "roles", "--json"])
    printed = CliRunner().invoke(main, ["database", "roles", "--print"])

    assert json.loads(told.output)["in_force"] is True
    assert printed.output.startswith("DO $$ BEGIN IF NOT EXISTS")
    monkeypatch.setenv("BANKSEG_OWNER_STORE_URL", "sqlite://")
    assert CliRunner().invoke(main, ["database", "roles"]).exit_code == ConfigurationError.exit_code
