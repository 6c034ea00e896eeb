"""One person at one browser, who finds things by the words that a person reads."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from bankseg.web import i18n
from tests.web.builders import PASSWORD

PATIENCE_MS = 60_000  # a machine that runs the whole suite at once is slow
expect.set_options(timeout=PATIENCE_MS)


class Seat:
    """A person's page in a language."""

    def __init__(self, page: Page, language: str, address: str) -> None:
        self.page, self.language, self.address = page, language, address

    def say(self, text: str, **values: object) -> str:
        """A sentence of the interface in this language."""
        return i18n.words(text, self.language, **values)

    def label(self, kind: str, code: str) -> str:
        """The word for a code in this language."""
        return i18n.label(kind, code, self.language)

    def open(self, path: str) -> None:
        """Go to an address."""
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == 200, (path, answer.status)

    def sign_in(self, login: str, password: str = PASSWORD) -> None:
        """Open the form in this language, fill it in, send it."""
        self.open(f"/sign-in?language={self.language}")
        self.fill("Login", login)
        self.fill("Password", password)
        self.press("Sign in")
        expect(self.page.locator("html")).to_have_attribute("lang", self.language)

    def sign_out(self) -> None:
        """Leave."""
        self.press("Sign out")
        expect(self.page.get_by_role("button", name=self.say("Sign in"))).to_be_visible()

    def fill(self, words: str, value: str, within: Locator | None = None) -> None:
        """Write into the field with this label."""
        (within or self.page).get_by_label(self.say(words), exact=True).fill(value)

    def choose(self, words: str, value: str) -> None:
        """Choose from the list with this label."""
        self.page.get_by_role("combobox", name=self.say(words), exact=True).select_option(value)

    def press(self, words: str, within: Locator | None = None) -> None:
        """Press the button with these words."""
        (within or self.page).get_by_role("button", name=self.say(words), exact=True).click()

    def follow(self, words: str, within: Locator | None = None) -> None:
        """Follow the link with these words."""
        (within or self.page).get_by_role("link", name=self.say(words), exact=True).first.click()

    def menu(self, words: str) -> None:
        """Go to an entry of the main navigation."""
        self.follow(words, self.page.get_by_role("navigation", name=self.say("Main"), exact=True))

    def row(self, words: str) -> Locator:
        """The row of a table that says these words."""
        return self.page.get_by_role("row").filter(has_text=words).first

    def sees(self, words: str, **values: object) -> None:
        """Expect a sentence of the interface on the page."""
        expect(self.page.get_by_text(self.say(words, **values)).first).to_be_visible()

    def heading(self, words: str, **values: object) -> None:
        """Expect a heading."""
        expect(self.page.get_by_role("heading", name=self.say(words, **values)).first).to_be_visible()

    def number(self, words: str) -> int:
        """The number of a tile or pair under this name."""
        told = self.page.get_by_role("term").filter(has_text=re.compile(f"^{re.escape(self.say(words))}$")).first
        return int(re.sub(r"\D", "", told.locator("xpath=following-sibling::dd[1]").inner_text()))

    def download(self, words: str, within: Locator | None = None) -> Path:
        """The file behind a link."""
        with self.page.expect_download() as found:
            self.follow(words, within)
        return Path(found.value.path())

    def get(self, path: str, **options: Any) -> Any:
        """An answer to this person's browser, outside the page."""
        return self.page.request.get(path, **options)
