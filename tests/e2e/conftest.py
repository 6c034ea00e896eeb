"""A browser, a served copy of one small bank, and people who sit down at it."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from sqlmodel import Session
from werkzeug.serving import make_server
from werkzeug.wsgi import ClosingIterator

import bankseg.web
from bankseg.services.rolls import roll_path
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import make_engine, transaction
from bankseg.storage.person import Person
from bankseg.storage.run import Run
from bankseg.web.app import create_app
from tests.e2e.seat import PATIENCE_MS, Seat
from tests.web import builders
from tests.web.conftest import furnish

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS = (("mia", "Mia Roux", "marketer"), ("ralf", "Ralf Blanc", "risk_officer"))  # whoever releases or signs is a second person
TAKEN_FOR_FAULTS = ("401", "favicon")  # a wrong password is answered with 401, which Chromium reports as an error


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The web server of a home, at a free port."""
    server = make_server("127.0.0.1", 0, read_whole(create_app(Settings(home=home))), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def read_whole(app: "WSGIApplication") -> "WSGIApplication":
    """The application with every answer read whole and closed before it is sent: this server leaves files open when a browser goes away in the middle."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        with closing(ClosingIterator(app(environ, start_response))) as parts:
            return [b"".join(parts)]

    return answer


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one BANKSEG_CHROMIUM names."""
    chromium = Path(os.environ.get("BANKSEG_CHROMIUM", "/usr/bin/chromium"))
    if not chromium.exists():
        missing = f"no Chromium at {chromium}: apt-get install chromium, or set BANKSEG_CHROMIUM"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published bank with everything a page can show: a list, a study, models, an import, cases; only for reading, or for copying."""
    home = tmp_path_factory.mktemp("bank")
    settings = Settings(home=home)
    engine = make_engine(settings.store)
    schema.upgrade(engine)
    furnish(engine, settings, _many)
    with transaction(engine) as session:
        for login, name, role in SECONDS:
            session.add(Person(login=login, display_name=name, role=role, password_hash=builders._password_hash()))
        _reachable(settings)
    engine.dispose()
    return home


def _many(session: Session, run: Run) -> None:
    """Sixty more clients of Alice, enough for a second page and for a list with a control group."""
    for number in range(60):
        client = builders.a_client(session, run, f"D{number:02d}", tier="bronze", churn=number / 200)
        builders.a_propensity(session, client, propensity=number / 100)


def _reachable(settings: Settings) -> None:
    """Let the roll say that everybody may be written to by e-mail and that no campaign reached them lately."""
    path = roll_path(settings, 1)
    roll = pq.read_table(path)
    for name, value in (("consents_email", 1), ("days_since_campaign", 400)):
        roll = roll.append_column(name, pa.array([value] * roll.num_rows, pa.int64()))
    pq.write_table(roll, path)


@pytest.fixture(scope="session")
def reading_room(bank: Path) -> Iterator[str]:
    """The address of the bank, for those who only look."""
    with served(bank) as address:
        yield address


@pytest.fixture
def home(bank: Path, tmp_path: Path) -> Path:
    """A copy of the bank that one test may change."""
    return shutil.copytree(bank, tmp_path / "home")


@pytest.fixture
def address(home: Path) -> Iterator[str]:
    """The web server of the copy."""
    with served(home) as address:
        yield address


@pytest.fixture(params=[("en", True), ("fr", False)], ids=["English with scripts", "French without scripts"])
def mode(request: pytest.FixtureRequest) -> tuple[str, bool]:
    """The language of the day, and whether the browser runs scripts."""
    language, scripts = request.param
    return language, scripts


@pytest.fixture
def sit(browser: Browser, address: str, mode: tuple[str, bool]) -> Iterator[Callable[[str], Seat]]:
    """Seat a person at a browser of their own; any complaint of the browser fails the test when it ends."""
    language, scripts = mode
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def seat(login: str) -> Seat:
        context = browser.new_context(base_url=address, java_script_enabled=scripts, accept_downloads=True)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        listen(page, complaints)
        found = Seat(page, language, address)
        found.sign_in(login)
        return found

    yield seat
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def need_htmx() -> None:
    """Skip where the front-end files were not built; fail in continuous integration."""
    if not (Path(bankseg.web.__file__).parent / "assets" / "static" / "vendor" / "htmx.min.js").exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("the front-end files were not built: install the package once with its build hook")


def listen(page, complaints: list[str]) -> None:
    """Write down what the browser complains about: errors of scripts, blocked styles, missing files."""
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(f"{message.text} {message.location}")
            if message.type == "error" and not any(known in message.text for known in TAKEN_FOR_FAULTS)
            else None
        ),
    )
