"""What every test may ask for: settings under a temporary home, a real broker, a real PostgreSQL."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bankseg.domain.errors import ServiceUnavailableError
from bankseg.embedded.broker import start_broker
from bankseg.settings import Settings
from tests.held_transactions import watched
from tests.postgres import NoPostgresError, Server, running_server


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the person's own installation is read or written by a test."""
    for name in list(os.environ):
        if name.startswith("BANKSEG_") and not name.startswith("BANKSEG_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BANKSEG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BANKSEG_DEVELOPMENT", "true")  # the tests' own PostgreSQL knows one role, a superuser


@pytest.fixture(autouse=True)
def _one_transaction_of_a_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """No thread begins a transaction while it holds another of the same store, unless the test says so: on SQLite both would wait for a writer who waits for them."""
    with watched() as found:
        yield
    assert found == [] or request.node.get_closest_marker("two_transactions")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an empty embedded installation."""
    return Settings(home=tmp_path / "home", buckets=4, shards=2, reconcile_seconds=1, lease_seconds=5)


@pytest.fixture
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real, empty broker of this test alone."""
    try:
        broker = start_broker(Settings(home=tmp_path_factory.mktemp("broker")))
    except ServiceUnavailableError as error:
        unavailable(str(error))
    with broker:
        yield broker.url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The PostgreSQL server of this session."""
    running = running_server()
    try:
        server = running.__enter__()
    except NoPostgresError as error:
        unavailable(str(error))
    try:
        yield server
    finally:
        running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """URL of an empty database for tests that share one."""
    name = f"bankseg_{uuid.uuid4().hex[:12]}"
    yield postgres_server.database(name)
    postgres_server.drop(name)


@pytest.fixture
def fresh_postgres_url(postgres_server: Server) -> Iterator[str]:
    """URL of an empty database of this test alone."""
    name = f"bankseg_{uuid.uuid4().hex[:12]}"
    yield postgres_server.database(name)
    postgres_server.drop(name)


def unavailable(reason: str) -> None:
    """Skip visibly on a person's machine, fail in continuous integration."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
