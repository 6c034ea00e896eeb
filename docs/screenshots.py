"""Pictures of every screen into docs/screenshots and their index: `python3 run.py screenshots`.

The demo bank is copied from BANKSEG_HOME when a demo was made there, else made, in a temporary folder; what some pages need is done in the copy alone. Names of screens
as arguments take those alone.
Chromium is /usr/bin/chromium or the one BANKSEG_CHROMIUM names.
"""

import base64
import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import screenshot_work
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
FILE = "/subject-access"


class Look(NamedTuple):
    """One way to see a page."""

    name: str
    language: str
    scheme: str
    width: int


LIGHT, DARK, PHONE = Look("light", "en", "light", WIDE), Look("dark", "fr", "dark", WIDE), Look("narrow", "fr", "light", NARROW)


class Screen(NamedTuple):
    """One page: its name, who opens it, and its address; in braces what is found first: a client, a case, a model. The picture begins at the part with this id, if any."""

    name: str
    login: str
    path: str
    looks: tuple[Look, ...] = (LIGHT,)
    part: str = ""


ALL = (LIGHT, DARK, PHONE)
RM, MARKETER, RISK, HEAD, MODELS, AUDITOR, ADMIN = (
    "rm.martin", "marketing.dupont", "risk.bernard", "branch.renard", "models.leroy", "audit.roche", "admin.petit",
)  # fmt: skip
SCREENS = (
    Screen("my-day", RM, "/my-day", ALL), Screen("clients", RM, "/clients", ALL), Screen("portfolio", RM, "/portfolio", ALL),
    Screen("client", RM, "{client}", ALL), Screen("client-activity", RM, "{client}/activity", ALL), Screen("client-relationship", RM, "{client}/ties", ALL),
    Screen("client-usage", RM, "{objector}/usage", ALL), Screen("client-talk", RM, "{talked}/talk", ALL), Screen("client-objection", HEAD, "{objector}", ALL, "objection"),
    Screen("subject-access", HEAD, f"{{objector}}{FILE}", (LIGHT, DARK)), Screen("client-groups", RM, "{client}/past", (LIGHT, PHONE)), Screen("client-movements", RM, "{client}/movements"), Screen("client-profile", RM, "{firm}/profile", ALL),
    Screen("branch-head", HEAD, "/my-day"), Screen("advisers", HEAD, "/advisers", (LIGHT, PHONE)), Screen("adviser-moves", HEAD, "{moves}", ALL), Screen("cross-sell", MARKETER, "/cross-sell", ALL), Screen("cross-sell-product", MARKETER, "/cross-sell/life_insurance"),
    Screen("applications", MARKETER, "/applications/", ALL), Screen("offers", MARKETER, "/segments/offers/lifecycle", ALL),
    Screen("texts", MARKETER, "/segments/offers/lifecycle/texts", ALL), Screen("list-texts", MARKETER, "{written}", (LIGHT,), "texts"), Screen("list-ages", MARKETER, "/lists/1/by-age", ALL),
    Screen("study-tree", MARKETER, "{tree}", ALL), Screen("study-clusters", MARKETER, "{clusters}", ALL), Screen("study-lookalike", MARKETER, "{lookalike}", ALL),
    Screen("lists", MARKETER, "/lists/"), Screen("list", MARKETER, "/lists/1", (LIGHT, DARK)), Screen("list-builder", MARKETER, "/lists/new?about=product:life_insurance&channel=email", ALL),
    Screen("segments", MARKETER, "/segments", ALL), Screen("schemes", MARKETER, "/segments/schemes"), Screen("scheme", MARKETER, "/segments/schemes/lifecycle", (LIGHT, DARK)),
    Screen("segment-members", MARKETER, "/segments/schemes/lifecycle/developing"), Screen("designer", MARKETER, "/segments/designer", (LIGHT, PHONE)),
    Screen("scheme-validity", MARKETER, "/segments/validity/lifecycle"), Screen("scheme-life", MARKETER, "/segments/life/value_tiers"),
    Screen("strategy", MARKETER, "/segments/strategy/lifecycle"), Screen("attributes", MARKETER, "/segments/attributes"), Screen("attribute", MARKETER, "/segments/attributes/age_years"),
    Screen("own-attributes", MARKETER, "/segments/own-attributes"), Screen("pictures-base", MARKETER, "/segments/pictures", ALL), Screen("pictures-rfm", MARKETER, "/segments/rfm", ALL),
    Screen("pictures-contribution", MARKETER, "/segments/contribution"), Screen("pictures-concentration", MARKETER, "/segments/concentration", (LIGHT, DARK)),
    Screen("pictures-matrix", MARKETER, "/segments/matrix", (LIGHT, PHONE)), Screen("pictures-places", MARKETER, "/segments/places"),
    Screen("pictures-groups", MARKETER, "/segments/groups"), Screen("pictures-overlap", MARKETER, "/segments/two"), Screen("pictures-loyal", MARKETER, "/segments/loyal"),
    Screen("pictures-birthdays", MARKETER, "/segments/birthdays"), Screen("pictures-fit", MARKETER, "/segments/fit", ALL), Screen("pictures-positions", MARKETER, "/segments/positions", ALL),
    Screen("pictures-strategy", RISK, "/segments/strategy", (LIGHT, DARK)),
    Screen("studies", MARKETER, "/segments/studies/"), Screen("study-new", MARKETER, "/segments/studies/new/tree"), Screen("lifetime-value", MARKETER, "/segments/studies/lifetime-value"),
    Screen("risk-queue", RISK, "/risk", ALL), Screen("risk-overview", RISK, "/risk/overview", (LIGHT, PHONE)), Screen("risk-case", RISK, "{case}", ALL),
    Screen("risk-warnings", RISK, "/risk/warnings"), Screen("risk-vulnerable", RISK, "/risk/vulnerable"), Screen("models", MODELS, "/models/", ALL),
    Screen("model-target", MODELS, "/models/balance_attrition"), Screen("model-version", MODELS, "/models/balance_attrition/1", (LIGHT, DARK)),
    Screen("runs", MODELS, "/runs"), Screen("run", MODELS, "/runs/1", ALL), Screen("imports", MODELS, "/imports", (LIGHT, PHONE)), Screen("import", MODELS, "/imports/1"),
    Screen("import-refused", MODELS, "{refused}", ALL), Screen("erasures", ADMIN, "/administration/erasures", ALL), Screen("erasure-asked", RISK, "{asked}", ALL),
    Screen("erasure-receipt", ADMIN, "{erased}", ALL), Screen("oversight", AUDITOR, "/oversight", ALL), Screen("audit", AUDITOR, "/administration/audit", (LIGHT, PHONE)), Screen("policy", ADMIN, "/administration/policy", (LIGHT, PHONE)),
    Screen("people", ADMIN, "/administration/people", ALL), Screen("account", ADMIN, "/account"), Screen("api", ADMIN, "/api/docs"),
)  # fmt: skip


def main() -> int:
    """Take every picture, or those of the screens named, then write the index."""
    wanted = set(sys.argv[1:]) or {screen.name for screen in SCREENS}
    with demo_home() as home, served(home) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("BANKSEG_CHROMIUM", "/usr/bin/chromium"), args=list(FLAGS))
        password = (home / "demo-password").read_text(encoding="utf-8").strip()
        known = screenshot_work.work(home)
        PICTURES.mkdir(exist_ok=True)
        for login in dict.fromkeys(screen.login for screen in SCREENS):
            for look in ALL:
                shown = [screen for screen in SCREENS if screen.login == login and look in screen.looks and screen.name in wanted]
                if shown:
                    take(browser, address, (login, password), look, shown, known)
        browser.close()
    INDEX.write_text(index(), encoding="utf-8")
    print(f"{sum(len(screen.looks) for screen in SCREENS if screen.name in wanted)} pictures in {PICTURES}")
    return 0


@contextmanager
def demo_home() -> Iterator[Path]:
    """The home of a demo bank that may be written to: a copy of the one at hand, or one made for the occasion."""
    home = Settings().home
    with tempfile.TemporaryDirectory(prefix="bankseg-screenshots-") as folder:
        if (home / "demo-password").exists() and (home / "store.sqlite").exists():
            shutil.copytree(home, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("broker"))
        else:
            print(f"no demo bank at {home}: making one in {folder}", flush=True)
            subprocess.run([Path(sys.executable).parent / "bankseg", "demo", "--no-serve"], env={**os.environ, "BANKSEG_HOME": folder}, check=True)
        yield Path(folder)


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The web server of a home at a free port."""
    server = create_server(create_app(screenshot_work.settings_of(home)), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(timeout=10)
    server.task_dispatcher.shutdown()  # its threads hold connections to the lake, which must end before the process does


def take(browser: Browser, address: str, who: tuple[str, str], look: Look, screens: list[Screen], known: dict[str, str]) -> None:
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
        path = found(page, screen.path, known)
        if path.endswith(FILE):
            shown = context.new_page()
            shown.set_content(page_of_file(context.request.get(path).body(), look.language))
        else:
            shown = page
            page.goto(path)
            page.wait_for_load_state("networkidle")
        (PICTURES / f"{screen.name}-{look.name}.webp").write_bytes(picture(context, shown, look, screen.part))
    context.close()


def found(page: Page, path: str, known: dict[str, str]) -> str:
    """An address with what is known, or the first client or case of the person, in place of the braces."""
    for word, address in known.items():
        path = path.replace(word, address)
    for word, where, links in (("{client}", "/clients?sort=-loss", "tbody a.who"), ("{case}", "/risk", "tbody td.day a")):
        if word in path:
            page.goto(where)
            return path.replace(word, page.locator(links).first.get_attribute("href") or "")
    return path


def page_of_file(file: bytes, language: str) -> str:
    """The page for the client in a subject-access file."""
    with zipfile.ZipFile(io.BytesIO(file)) as pages:
        return pages.read(f"subject-access.{language}.html").decode()


def picture(context: BrowserContext, page: Page, look: Look, part: str = "") -> bytes:
    """The page from its top or from a part on, no taller than is told above, as WebP."""
    top = int(page.evaluate("id => document.getElementById(id).getBoundingClientRect().top + scrollY - 16", part)) if part else 0
    height = min(TALLEST, int(page.evaluate("document.documentElement.scrollHeight")) - top)
    clip = {"x": 0, "y": top, "width": look.width, "height": height, "scale": 1}
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
