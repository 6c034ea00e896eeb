"""Each desk's first day in a real browser, with scripts and without."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import col, update

from bankseg.settings import Settings
from bankseg.storage import tables
from bankseg.storage.database import make_engine, transaction
from bankseg.storage.job import Job
from bankseg.storage.run import Run
from tests.e2e.conftest import listen, served
from tests.e2e.seat import PATIENCE_MS
from tests.web import builders

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank with a published run and one that is running."""
    home = tmp_path_factory.mktemp("bank")
    engine = make_engine(Settings(home=home).store)
    tables.METADATA.create_all(engine)
    builders.staff(engine)
    with transaction(engine) as session:
        run = builders.a_small_bank(session)
        for number in range(60):
            builders.a_client(session, run, f"D{number:02d}", tier="bronze", churn=number / 200)
        going = builders.a_run(session, key="run:going", as_of="2026-01-31", state="running", published_at=None)
        builders.a_job(session, going, "train", state="running", done=2, total=10)
    engine.dispose()
    builders.two_versions(Settings(home=home))
    return home


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """The bank's own web server."""
    with served(home) as address:
        yield address


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """A page that must stay free of errors, blocked scripts and styles included."""
    context = browser.new_context(base_url=address, java_script_enabled=request.param, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page, complaints = context.new_page(), []
    listen(page, complaints)
    yield page
    context.close()
    assert complaints == []


def sign_in(page: Page, login: str, password: str = builders.PASSWORD) -> None:
    """Sign in as a person does."""
    page.goto("/sign-in")
    page.get_by_label("Login").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_relationship_managers_morning(page: Page) -> None:
    sign_in(page, "alice", "not the password")
    expect(page.get_by_role("alert")).to_contain_text("do not open a session")
    sign_in(page, "alice")
    expect(page.get_by_role("heading", name="Whom to call today")).to_be_visible()

    page.get_by_role("link", name="Clients", exact=True).click()
    expect(page.get_by_text("62 of 62 clients")).to_be_visible()
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("tbody tr")).to_have_count(12)
    page.get_by_role("combobox", name="Tier").select_option("silver")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("1 of 62 clients")).to_be_visible()
    expect(page).to_have_url(re.compile("tier=silver"))
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert "C2" in Path(download.value.path()).read_text()

    page.get_by_role("link", name="Client C2").click()
    expect(page.get_by_role("heading", name="Client C2")).to_be_visible()
    expect(page.get_by_text("last one 74 days ago; raises the estimate").first).to_be_visible()
    page.get_by_role("button", name="FR").click()
    expect(page.get_by_text("le dernier il y a 74 jours").first).to_be_visible()
    page.get_by_role("button", name="Se déconnecter").click()
    page.goto("/clients/C2")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_marketer_cuts_a_list(page: Page) -> None:
    sign_in(page, "mark")
    page.get_by_role("link", name="Life insurance").click()
    expect(page.get_by_role("row", name="Eligible for the product")).to_contain_text("4")

    page.get_by_label("Least probability, %").fill("5")
    page.get_by_role("button", name="Apply").click()

    expect(page.get_by_role("row", name="Below the least probability")).to_contain_text("1")
    expect(page.get_by_role("row", name="On the list")).to_contain_text("2")
    expect(page.get_by_text("credit score", exact=False)).to_have_count(0)


def test_a_risk_officer_reads_the_queue(page: Page) -> None:
    sign_in(page, "rita")

    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").first).to_contain_text("Stage 3")
    page.get_by_role("link", name="Red 1").click()
    expect(page.locator("tbody tr")).to_have_count(1)


@pytest.mark.parametrize("page", [False], indirect=True, ids=["without scripts"])
def test_a_version_is_proposed_by_one_and_approved_by_another(page: Page) -> None:
    sign_in(page, "odile")
    page.get_by_role("row", name="challenger").get_by_role("link", name="version 2").click()
    expect(page.get_by_role("img", name="Calibration: what was estimated and what came true")).to_be_visible()
    page.get_by_label("Reason", exact=True).fill("better calibrated on the August origin")
    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_text("a second person decides")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="HTML (fr)").click()
    assert "Fiche de modèle" in Path(download.value.path()).read_text(encoding="utf-8")
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, "rita")
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.get_by_text("waits for you")).to_be_visible()
    page.get_by_role("link", name="Closes the last account, version 2").click()
    page.get_by_label("Reason of the decision").fill("agreed in the model committee")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="version 2 champion")).to_be_visible()


@pytest.mark.parametrize("page", [True], indirect=True, ids=["with scripts"])
def test_a_run_is_watched_live(page: Page, home: Path, need_htmx: None) -> None:
    sign_in(page, "odile")
    page.get_by_role("link", name="Runs").click()
    page.get_by_role("link", name="Run 2").click()
    bar = page.get_by_role("progressbar", name="Training")
    expect(bar).to_have_attribute("aria-valuenow", "20")

    engine = make_engine(Settings(home=home).store)
    with transaction(engine) as session:
        session.exec(update(Job).where(col(Job.state) == "running").values(done=7))
    expect(bar).to_have_attribute("aria-valuenow", "70")

    with transaction(engine) as session:
        session.exec(update(Job).where(col(Job.state) == "running").values(state="done"))
        session.exec(update(Run).where(col(Run.state) == "running").values(state="failed", error="a disk was full"))
    expect(page.get_by_role("alert")).to_contain_text("a disk was full")
    engine.dispose()
