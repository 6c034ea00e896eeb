"""A published bank in a store, and browsers signed in to it."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.settings import Settings
from bankseg.storage import client_holder, schema, tables
from bankseg.storage.database import make_engine, transaction
from bankseg.storage.run import Run
from bankseg.web.app import create_app
from tests.web import builders

STORES = ("sqlite", "postgresql")


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty store of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.sqlite'}"
        return
    url = str(request.getfixturevalue("postgres_url"))
    engine = make_engine(url)
    tables.METADATA.drop_all(engine)
    yield url
    tables.METADATA.drop_all(engine)
    engine.dispose()


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """The small bank, on each store."""
    engine = make_engine(store_url)
    tables.METADATA.create_all(engine)
    with transaction(engine) as session:
        builders.a_small_bank(session)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def bank_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the small bank with its staff, on SQLite: only for reading, or for copying."""
    home = tmp_path_factory.mktemp("bank")
    engine = make_engine(Settings(home=home).store)
    schema.upgrade(engine)
    furnish(engine, Settings(home=home))
    engine.dispose()
    return home


def furnish(engine: Engine, settings: Settings, more: Callable[[Session, Run], None] = lambda *_: None) -> None:
    """Give an empty bank its staff, a published run with its files and more clients if asked, and something of everything that has a page."""
    builders.staff(engine)
    with transaction(engine) as session:
        run = builders.a_small_bank(session)
        more(session, run)
        session.flush()
        client_holder.follow(session, run.id or 0)
        builders.a_roll(session, settings, run)
        builders.a_study(session, settings, run)
        builders.a_list(session, settings, run)
        builders.an_upload(session, settings)
        builders.advisers(session, run)
        builders.an_erasure(session)
    builders.two_versions(settings)


@pytest.fixture(scope="module")
def browsers(bank_home: Path) -> "Browsers":
    """Browsers of the staff of the small bank."""
    return Browsers(Settings(home=bank_home))


@pytest.fixture
def own(bank_home: Path, tmp_path: Path) -> "Browsers":
    """The same on a copy that a test may change."""
    shutil.copytree(bank_home, tmp_path, dirs_exist_ok=True)
    return Browsers(Settings(home=tmp_path))


class Browsers:
    """One signed-in test browser for each login, made on first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.app = settings, create_app(settings)
        self._known: dict[str, FlaskClient] = {}

    def stranger(self) -> FlaskClient:
        """A browser nobody is signed in with."""
        return self.app.test_client()

    def of(self, login: str) -> FlaskClient:
        """The browser of a person."""
        if login not in self._known:
            http = self.app.test_client()
            assert sign_in(http, login).status_code == 303
            self._known[login] = http
        return self._known[login]


def sign_in(http: FlaskClient, login: str, password: str = builders.PASSWORD, **fields: str):
    """Sign in as a person does: open the form, send it."""
    return http.post("/sign-in", data={"form_token": token_of(http.get("/sign-in").text), "login": login, "password": password, **fields})


def token_of(page: str) -> str:
    """The form token in a page."""
    return re.search(r'name="form_token" value="(\w+)"', page)[1]
