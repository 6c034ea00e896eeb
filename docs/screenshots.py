"""Pictures of every screen into docs/screenshots and their index: `python3 run.py screenshots`.

The demo bank is read from BANKSEG_HOME when a demo was made there, else made in a temporary folder first. Nothing is written into the bank but sign-ins.
Chromium is /usr/bin/chromium or the one BANKSEG_CHROMIUM names.
"""

import base64
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from waitress import create_server

from bankseg.demo.people import DEMO_PEOPLE
from bankseg.settings import Settings
from bankseg.web.app import create_app

HERE = Path(__file__).resolve().parent
PICTURES, INDEX = HERE / "screenshots", HERE / "screenshots.md"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update")
WIDE, NARROW, TALLEST = 1280, 390, 1250  # CSS pixels; what lies below is more of the same
QUALITY = 50  # of WebP: text stays crisp, a page stays near 40 KB
PATIENCE_MS = 60_000


class Look(NamedTuple):
    """One way to see a page."""

    name: str
    language: str
    scheme: str
    width: int


LIGHT, DARK, PHONE = Look("light", "en", "light", WIDE), Look("dark", "fr", "dark", WIDE), Look("narrow", "fr", "light", NARROW)


class Screen(NamedTuple):
    """One page: its name, who opens it, and its address; in braces what is found first: a client, a case, a model."""

    name: str
    login: str
    path: str
    looks: tuple[Look, ...] = (LIGHT,)


ALL = (LIGHT, DARK, PHONE)
RM, MARKETER, RISK, HEAD, MODELS, AUDITOR, ADMIN = (
    "rm.martin", "marketing.dupont", "risk.bernard", "branch.renard", "models.leroy", "audit.roche", "admin.petit",
)  # fmt: skip
SCREENS = (
    Screen("my-day", RM, "/my-day", ALL), Screen("clients", RM, "/clients", ALL), Screen("portfolio", RM, "/portfolio", ALL),
    Screen("client", RM, "{client}", ALL), Screen("client-activity", RM, "{client}/activity", ALL), Screen("client-relationship", RM, "{client}/ties", ALL),
    Screen("client-groups", RM, "{client}/past", (LIGHT, PHONE)), Screen("client-movements", RM, "{client}/movements"),
    Screen("branch-head", HEAD, "/my-day"), Screen("cross-sell", MARKETER, "/cross-sell", ALL), Screen("cross-sell-product", MARKETER, "/cross-sell/life_insurance"),
    Screen("lists", MARKETER, "/lists/"), Screen("list", MARKETER, "/lists/1", (LIGHT, DARK)), Screen("list-builder", MARKETER, "/lists/new?about=product:life_insurance&channel=email", ALL),
    Screen("segments", MARKETER, "/segments", ALL), Screen("schemes", MARKETER, "/segments/schemes"), Screen("scheme", MARKETER, "/segments/schemes/lifecycle", (LIGHT, DARK)),
    Screen("segment-members", MARKETER, "/segments/schemes/lifecycle/developing"), Screen("designer", MARKETER, "/segments/designer", (LIGHT, PHONE)),
    Screen("scheme-validity", MARKETER, "/segments/validity/lifecycle"), Screen("scheme-life", MARKETER, "/segments/life/value_tiers"),
    Screen("strategy", MARKETER, "/segments/strategy/lifecycle"), Screen("attributes", MARKETER, "/segments/attributes"), Screen("attribute", MARKETER, "/segments/attributes/age_years"),
    Screen("own-attributes", MARKETER, "/segments/own-attributes"), Screen("pictures-base", MARKETER, "/segments/pictures", ALL), Screen("pictures-rfm", MARKETER, "/segments/rfm", ALL),
    Screen("pictures-contribution", MARKETER, "/segments/contribution"), Screen("pictures-concentration", MARKETER, "/segments/concentration", (LIGHT, DARK)),
    Screen("pictures-matrix", MARKETER, "/segments/matrix", (LIGHT, PHONE)), Screen("pictures-places", MARKETER, "/segments/places"),
    Screen("pictures-groups", MARKETER, "/segments/groups"), Screen("pictures-overlap", MARKETER, "/segments/two"), Screen("pictures-loyal", MARKETER, "/segments/loyal"),
    Screen("pictures-birthdays", MARKETER, "/segments/birthdays"), Screen("pictures-strategy", RISK, "/segments/strategy", (LIGHT, DARK)),
    Screen("studies", MARKETER, "/segments/studies/"), Screen("study-new", MARKETER, "/segments/studies/new/tree"), Screen("lifetime-value", MARKETER, "/segments/studies/lifetime-value"),
    Screen("risk-queue", RISK, "/risk", ALL), Screen("risk-overview", RISK, "/risk/overview", (LIGHT, PHONE)), Screen("risk-case", RISK, "{case}", ALL),
    Screen("risk-warnings", RISK, "/risk/warnings"), Screen("risk-vulnerable", RISK, "/risk/vulnerable"), Screen("models", MODELS, "/models/", ALL),
    Screen("model-target", MODELS, "/models/balance_attrition"), Screen("model-version", MODELS, "/models/balance_attrition/1", (LIGHT, DARK)),
    Screen("runs", MODELS, "/runs"), Screen("run", MODELS, "/runs/1", ALL), Screen("imports", MODELS, "/imports", (LIGHT, PHONE)), Screen("import", MODELS, "/imports/1"),
    Screen("oversight", AUDITOR, "/oversight", ALL), Screen("audit", AUDITOR, "/administration/audit", (LIGHT, PHONE)), Screen("policy", ADMIN, "/administration/policy", (LIGHT, PHONE)),
    Screen("people", ADMIN, "/administration/people", ALL), Screen("account", ADMIN, "/account"), Screen("api", ADMIN, "/api/docs"),
)  # fmt: skip


def main() -> int:
    """Take every picture, then write the index."""
    with demo_home() as home, served(home) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("BANKSEG_CHROMIUM", "/usr/bin/chromium"), args=list(FLAGS))
        password = (home / "demo-password").read_text(encoding="utf-8").strip()
        PICTURES.mkdir(exist_ok=True)
        for login in dict.fromkeys(screen.login for screen in SCREENS):
            for look in ALL:
                shown = [screen for screen in SCREENS if screen.login == login and look in screen.looks]
                if shown:
                    take(browser, address, (login, password), look, shown)
        browser.close()
    INDEX.write_text(index(), encoding="utf-8")
    print(f"{sum(len(screen.looks) for screen in SCREENS)} pictures in {PICTURES}")
    return 0


@contextmanager
def demo_home() -> Iterator[Path]:
    """The home of a demo bank: the one at hand, or one made for the occasion."""
    home = Settings().home
    if (home / "demo-password").exists():
        yield home
        return
    with tempfile.TemporaryDirectory(prefix="bankseg-screenshots-") as folder:
        print(f"no demo bank at {home}: making one in {folder}", flush=True)
        subprocess.run([Path(sys.executable).parent / "bankseg", "demo", "--no-serve"], env={**os.environ, "BANKSEG_HOME": folder}, check=True)
        yield Path(folder)


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The web server of a home at a free port."""
    server = create_server(create_app(Settings(home=home)), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(timeout=10)
    server.task_dispatcher.shutdown()  # its threads hold connections to the lake, which must end before the process does


def take(browser: Browser, address: str, who: tuple[str, str], look: Look, screens: list[Screen]) -> None:
    """Sign a person in and write one file a screen."""
    context = browser.new_context(base_url=address, color_scheme=look.scheme, viewport={"width": look.width, "height": 900}, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"/sign-in?language={look.language}")
    page.locator("input[name=login]").fill(who[0])
    page.locator("input[name=password]").fill(who[1])
    page.locator("main form button").click()
    page.wait_for_url(lambda url: "sign-in" not in url)
    for screen in screens:
        page.goto(found(page, screen.path))
        page.wait_for_load_state("networkidle")
        (PICTURES / f"{screen.name}-{look.name}.webp").write_bytes(picture(context, page, look))
    context.close()


def found(page: Page, path: str) -> str:
    """An address with the first client or case of the person in place of the braces."""
    for word, where, links in (("{client}", "/clients?sort=-loss", "tbody a.who"), ("{case}", "/risk", "tbody td.day a")):
        if word in path:
            page.goto(where)
            return path.replace(word, page.locator(links).first.get_attribute("href") or "")
    return path


def picture(context: BrowserContext, page: Page, look: Look) -> bytes:
    """The page from its top, no taller than is told above, as WebP."""
    height = min(TALLEST, int(page.evaluate("document.documentElement.scrollHeight")))
    clip = {"x": 0, "y": 0, "width": look.width, "height": height, "scale": 1}
    asked = {"format": "webp", "quality": QUALITY, "captureBeyondViewport": True, "clip": clip}
    return base64.b64decode(context.new_cdp_session(page).send("Page.captureScreenshot", asked)["data"])


def index() -> str:
    """The page that shows the pictures, by role."""
    lines = [
        "# Screens",
        "",
        "Every page as the demo bank shows it: light in English, dark and narrow (390 px) in French. Made by `python3 run.py screenshots`.",
        "",
    ]
    role_of = {person.login: person.role.replace("_", " ") for person in DEMO_PEOPLE}
    for login in dict.fromkeys(screen.login for screen in SCREENS):
        lines += [f"## {role_of[login].capitalize()}", ""]
        for screen in (one for one in SCREENS if one.login == login):
            words = screen.name.replace("-", " ")
            lines += [f"### {words.capitalize()}", ""]
            lines += [f"![{words}, {look.name}](screenshots/{screen.name}-{look.name}.webp)" for look in screen.looks]
            lines += [""]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
