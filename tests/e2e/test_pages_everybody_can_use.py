"""Every page of every role: nothing serious for axe-core, nothing from elsewhere, nothing too heavy, everything without scripts, nothing that spills."""

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from bankseg.domain.rights import Right, may
from bankseg.settings import Settings
from bankseg.web.app import create_app
from bankseg.web.policy import POLICY
from tests.e2e.conftest import listen
from tests.e2e.seat import PATIENCE_MS, Seat
from tests.web.builders import PEOPLE
from tests.web.test_who_may_open_what import EXAMPLES, OVERRIDES

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SEATS = [login for login, *_ in PEOPLE if login != "bob"]
NO_PAGE = re.compile(
    r"^(static|health|metrics|entrance|openid|api)\b|_api\.|api_pages\.(static|document)|export|\.file$|exclusions|quarantine|rejects|uploads\.mapping|erasures\.receipt|subject\.access"
)
MOST_BYTES = 300_000  # of styles, scripts and fonts of a page, compressed
NARROW = {"width": 390, "height": 844}
SWAGGER = "/api/docs"  # a program of its own, which needs scripts and is larger than a page may be


@pytest.fixture(scope="module")
def rules(bank: Path) -> dict[str, str]:
    """The rule of every page by its endpoint."""
    found = create_app(Settings(home=bank)).url_map.iter_rules()
    return {one.endpoint: one.rule for one in found if "GET" in (one.methods or set()) and not NO_PAGE.search(one.endpoint)}


def walk(rules: dict[str, str], order: list[str]) -> dict[str, list[str]]:
    """Each page once, with whoever in the order may open it and has least to open so far."""
    role_of = {login: role for login, _, role, *_ in PEOPLE}
    walked: dict[str, list[str]] = {login: [] for login in order}
    for endpoint, rule in rules.items():
        door, values = POLICY[endpoint], EXAMPLES | OVERRIDES.get(endpoint, {})
        allowed = [login for login in order if not isinstance(door, Right) or may(role_of[login], door)]
        login = min(allowed, key=lambda login: len(walked[login]))
        walked[login].append(re.sub(r"<(?:\w+:)?(\w+)>", lambda part, values=values: values[part[1]], rule))
    assert all(walked.values())
    assert sum(map(len, walked.values())) > 60
    return walked


class Watched:
    """A page whose requests and complaints are written down."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address, self.complaints, self.elsewhere, self.files = page, address, [], [], {}
        listen(page, self.complaints)
        page.route("**/*", self._pass)
        page.on("response", self._weigh)

    def _pass(self, route) -> None:
        if route.request.url.startswith((self.address, "data:", "blob:")):
            route.fallback()
        else:
            self.elsewhere.append(route.request.url)
            route.abort()

    def _weigh(self, response) -> None:
        if response.request.resource_type in {"stylesheet", "script", "font"}:
            self.files[response.url] = response


@pytest.fixture
def watch(browser: Browser, reading_room: str) -> Iterator[Callable[..., Watched]]:
    """Open a watched page for a person, with the options of a browser; nobody may be left with a complaint."""
    opened = []

    def start(login: str, language: str = "en", **options) -> Watched:
        context = browser.new_context(base_url=reading_room, **options)
        context.set_default_timeout(PATIENCE_MS)
        watched = Watched(context.new_page(), reading_room)
        opened.append(watched)
        Seat(watched.page, language, reading_room).sign_in(login)
        return watched

    yield start
    for watched in opened:
        watched.page.context.close()
    assert [watched.complaints for watched in opened if watched.complaints] == []
    assert [watched.elsewhere for watched in opened if watched.elsewhere] == []


def serious(page: Page) -> list[str]:
    """What axe-core finds that is serious or critical."""
    found = Axe().run(page, options={"runOnly": TAGS}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in {"serious", "critical"}]


@pytest.mark.parametrize(("language", "scheme", "order"), [("en", "light", SEATS), ("fr", "dark", SEATS[::-1])], ids=["English, light", "French, dark"])
@pytest.mark.parametrize("login", SEATS)
def test_axe_finds_nothing_serious_on_any_page(watch, rules: dict[str, str], login: str, language: str, scheme: str, order: list[str]) -> None:
    page, found = watch(login, language, color_scheme=scheme).page, {}
    for path in walk(rules, order)[login]:
        page.goto(path)
        if path == SWAGGER:
            page.get_by_role("button", name="Authorize").wait_for()
        assert page.locator("html").get_attribute("lang") == language, path
        if faults := serious(page):
            found[path] = faults

    assert found == {}


def test_no_page_is_heavy_or_spills_over_a_narrow_screen(watch, rules: dict[str, str]) -> None:
    heavy, spilling, compressed = {}, {}, {}
    for login, paths in walk(rules, SEATS).items():
        watched = watch(login, "fr", viewport=NARROW)
        for path in paths:
            watched.files.clear()
            watched.page.goto(path)
            for url in set(watched.files) - set(compressed):
                compressed[url] = len(gzip.compress(watched.files[url].body(), 6, mtime=0))
            weight, width = sum(compressed[url] for url in watched.files), watched.page.evaluate("document.documentElement.scrollWidth")
            if weight > MOST_BYTES and path != SWAGGER:
                heavy[path] = weight
            if width > NARROW["width"]:
                spilling[path] = width

    assert len(compressed) > 5
    assert (heavy, spilling) == ({}, {})


def test_every_page_says_everything_without_scripts_and_under_a_strict_policy(watch, rules: dict[str, str]) -> None:
    empty, lax = {}, {}
    for login, paths in walk(rules, SEATS[::-1]).items():
        page = watch(login, "fr", java_script_enabled=False).page
        for path in paths:
            answer = page.goto(path)
            text = page.get_by_role("main").inner_text()
            if len(text) < 40 or "{{" in text or "None" in text.split():
                empty[path] = text[:200]
            policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
            strict = (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
            if not strict or re.search(r"<script(?![^>]+src=)|\sstyle=|\son\w+=\"", answer.text()):
                lax[path] = policy

    assert (empty, lax) == ({}, {})
