"""The doctor finds what is wrong, says what to do, and touches nothing."""

import json
import time

import pytest
from click.testing import CliRunner

from bankseg.cli.doctor import command
from bankseg.domain.errors import ConfigurationError
from bankseg.domain.people import Role
from bankseg.domain.policy import load_policy
from bankseg.embedded.broker import client, start_broker
from bankseg.services.doctor import Check, State, examine
from bankseg.services.metrics import BACKED_UP
from bankseg.services.people import ensure_person
from bankseg.settings import Settings
from bankseg.storage import audit, schema
from bankseg.storage.database import make_engine, transaction
from bankseg.storage.policy_version import PolicyVersion


def found(settings: Settings, name: str, **variables: str) -> Check:
    return next(check for check in examine(settings, time.time(), variables) if check.name == name)


def test_an_empty_installation_is_examined_and_left_untouched(settings):
    checks = examine(settings, time.time(), {})

    assert not settings.home.exists()
    assert {check.name for check in checks if check.state == State.PROBLEM} <= {"OpenMP"}
    assert all(check.remedy for check in checks if check.state != State.OK)


def test_a_store_with_the_whole_schema_is_well_and_one_that_lacks_a_table_is_not(settings):
    settings.home.mkdir(parents=True)
    engine = make_engine(settings.store)
    schema.upgrade(engine)
    assert found(settings, "store").state == State.OK

    with engine.begin() as connection:
        connection.exec_driver_sql("alter table job drop column message")
    engine.dispose()

    assert found(settings, "store").state == State.PROBLEM
    assert "job.message" in found(settings, "store").found


def test_the_schema_is_examined_on_postgresql_too(settings, fresh_postgres_url):
    there = settings.model_copy(update={"store_url": fresh_postgres_url})
    assert found(there, "store").state == State.PROBLEM

    engine = make_engine(fresh_postgres_url)
    schema.upgrade(engine)
    engine.dispose()

    assert found(there, "store").state == State.OK
    assert found(there, "clock").state == State.OK
    assert found(there, "SQLite").found == "not used"


@pytest.mark.parametrize(("hours", "state"), [(None, State.WARNING), (25, State.OK), (27, State.WARNING)])
def test_a_bank_without_a_backup_of_the_last_night_is_warned(settings, hours, state):
    settings.home.mkdir(parents=True)
    engine = make_engine(settings.store)
    schema.upgrade(engine)
    if hours is not None:
        with transaction(engine) as session:
            audit.record(session, BACKED_UP, "store").at -= 3600 * hours
    engine.dispose()

    check = found(settings, "backup")

    assert check.state == state
    assert bool(check.remedy) == (state == State.WARNING)


def test_a_running_embedded_broker_is_well(settings):
    with start_broker(settings):
        assert found(settings, "broker").state == State.OK


def test_a_broker_that_forgets_is_warned_of(settings, broker_url):
    with client(broker_url) as broker:
        broker.config_set("maxmemory-policy", "allkeys-lru")

    check = found(settings.model_copy(update={"broker_url": broker_url}), "broker")

    assert check.state == State.WARNING
    assert "allkeys-lru" in check.found


def test_models_that_others_may_change_are_a_problem(settings):
    settings.artefacts.mkdir(parents=True)
    settings.artefacts.chmod(0o755)
    assert found(settings, "model folder").state == State.PROBLEM

    settings.artefacts.chmod(0o700)
    assert found(settings, "model folder").state == State.OK


def test_a_short_secret_is_a_problem(settings):
    assert found(Settings(home=settings.home, secret_key="changeme"), "secret key").state == State.PROBLEM


def test_a_misspelt_variable_is_named(settings):
    check = found(settings, "configuration", BANKSEG_HOEM="x", BANKSEG_SECRET_KEY_FILE="y")

    assert check.state == State.WARNING
    assert check.found == "unknown variables: BANKSEG_HOEM"


def test_the_policy_in_force_is_told_with_the_version_that_two_persons_agreed_on(settings):
    settings.home.mkdir(parents=True)
    engine = make_engine(settings.store)
    schema.upgrade(engine)
    assert found(settings, "policy").found == f"the default policy, {load_policy().sha256[:12]} in force"

    entries = "[worklist]\ncalls_a_day = 7\n"
    with transaction(engine) as session:
        people = [ensure_person(session, login, login, Role.RISK_OFFICER, password="a long password") for login in ("ann", "bob")]
        proposed, decided = (person.id for person in people)
        version = PolicyVersion(
            entries=entries, sha256="", state="approved", proposed_by=proposed, reason="x", proposed_at=1.0, decided_by=decided, decided_at=2.0
        )
        session.add(version)
    engine.dispose()

    told = f"the default policy, under version 1 that two persons agreed on, {load_policy(None, entries).sha256[:12]} in force"
    assert found(settings, "policy").found == told


def test_a_policy_with_an_unknown_entry_is_a_problem(settings, tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text("[no_such_section]\nvalue = 1\n", encoding="utf-8")

    assert found(settings.model_copy(update={"policy_file": policy}), "policy").state == State.PROBLEM


@pytest.mark.parametrize(("variable", "value"), [("BANKSEG_PORT", "many"), ("BANKSEG_SECRET_KEY_FILE", "/no/such/file")])
def test_settings_that_cannot_be_read_are_reported_without_a_stack_trace(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)

    done = CliRunner().invoke(command, ["--json"])

    assert done.exit_code == ConfigurationError.exit_code
    assert not json.loads(done.stdout)["healthy"]
    assert "Traceback" not in done.output


def test_the_command_shows_a_table_and_ends_well_where_there_is_no_problem(monkeypatch):
    monkeypatch.setattr("bankseg.cli.doctor.examine", lambda *_: [Check("store", State.WARNING, "there is no [store] yet", "run bankseg init")])

    done = CliRunner().invoke(command, [])

    assert done.exit_code == 0
    assert "[store]" in done.stdout
