"""The desks with a keyboard alone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.seat import PATIENCE_MS, Seat

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser, reading_room: str) -> Iterator[Page]:
    """Alice's browser."""
    context = browser.new_context(base_url=reading_room)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    Seat(page, "en", reading_room).sign_in("alice")
    yield page
    context.close()


def test_one_signs_in_and_skips_to_the_content_without_a_mouse(browser: Browser, reading_room: str) -> None:
    context = browser.new_context(base_url=reading_room)
    page = context.new_page()
    page.goto("/sign-in?language=en")
    expect(page.get_by_label("Login")).to_be_focused()
    page.keyboard.type("alice")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Whom to call today")).to_be_visible()

    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    context.close()


def test_whatever_has_the_focus_shows_it(page: Page) -> None:
    page.goto("/clients")
    page.keyboard.press("Tab")
    unseen, stops = [], 0
    for _ in range(40):
        page.keyboard.press("Tab")
        name, style, width = page.evaluate(
            "(() => { const e = document.activeElement, s = getComputedStyle(e); return [e.outerHTML.slice(0, 90), s.outlineStyle, parseFloat(s.outlineWidth)] })()"
        )
        if name.startswith("<body"):
            break
        stops += 1
        if style == "none" or width < 2:
            unseen.append(name)

    assert stops > 20
    assert unseen == []


def test_keys_search_walk_and_open(page: Page) -> None:
    page.goto("/my-day")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search a client by name or number")).to_be_focused()
    page.keyboard.type("Client D1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("10 of 62 clients")).to_be_visible()

    names = page.get_by_role("rowheader").get_by_role("link")
    page.keyboard.press("j")
    expect(names.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(names.nth(1)).to_be_focused()
    name = names.nth(1).inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_the_keys_are_told_and_put_away(page: Page) -> None:
    told = page.get_by_role("dialog", name="Keyboard")
    expect(told).to_be_hidden()
    page.keyboard.press("?")
    expect(told).to_be_visible()
    page.keyboard.press("Escape")
    expect(told).to_be_hidden()
    page.get_by_role("button", name="Keyboard").click()
    expect(told).to_contain_text("Next and previous client of a table")
