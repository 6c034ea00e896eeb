"""A firm's strategic profile on its page and over the API."""

from html import unescape

import pytest
from sqlmodel import Session, col, select

from bankseg.domain.firm_profile import CRITERIA
from bankseg.settings import Settings
from bankseg.storage.database import make_engine, transaction
from bankseg.storage.published_client import PublishedClient
from bankseg.web import i18n
from bankseg.web.api.firms import Profile
from tests.web.conftest import Browsers, token_of

PAGE, CALL = "/clients/C1/profile", "/api/v1/clients/C1/profile"


@pytest.fixture
def firms(own: Browsers) -> Browsers:
    """The small bank, in which C1 is a company."""
    with transaction(make_engine(own.settings.store)) as session:
        _companies(session)
    return own


def _companies(session: Session) -> None:
    for client in session.exec(select(PublishedClient).where(col(PublishedClient.client_id) == "C1")):
        client.kind = "company"


def save(browsers: Browsers, login: str = "alice", version: str = "v0", **fields: str):
    http = browsers.of(login)
    return http.post(PAGE, data={"form_token": token_of(http.get(PAGE).text), "version": version, "technology": "leads", **fields})


def test_those_who_serve_the_firm_write_and_all_who_see_it_read_in_both_languages(firms: Browsers) -> None:
    assert 'href="/clients/C1/profile"' in firms.of("alice").get("/clients/C1").text
    assert save(firms, note="Sells abroad").status_code == 303
    assert save(firms, "bea", "v1", technology="keeps_up").status_code == 303

    page = firms.of("mark").get(PAGE).text
    assert "Béatrice Petit" in page
    assert "Keeps up" in page
    assert "Technology: Leads" in page
    assert "Sells abroad" not in page  # words about a client are not for marketing
    assert '<form class="card' not in page
    assert "Sells abroad" in firms.of("rita").get(PAGE).text
    http = firms.of("alice")
    http.post("/language", data={"form_token": token_of(http.get(PAGE).text), "language": "fr", "next": "/"})
    french = unescape(http.get(PAGE).text)
    assert "Profil stratégique" in french
    assert "À niveau" in french


def test_a_persons_page_has_no_tab_and_no_form(firms: Browsers) -> None:
    assert "/clients/C2/profile" not in firms.of("alice").get("/clients/C2").text
    page = firms.of("alice").get("/clients/C2/profile").text
    assert "Only firms have one." in page
    assert '<form class="card' not in page


def test_a_slower_colleague_is_told_and_keeps_what_was_chosen(firms: Browsers) -> None:
    save(firms)
    slow = save(firms, "bea", "v0", technology="follows", note="My own words")

    assert slow.status_code == 412
    assert "it was changed since you read it" in slow.text
    assert "My own words" in slow.text
    assert '<option value="follows" selected>' in slow.text


def test_the_api_saves_and_reads_under_the_same_wall(firms: Browsers) -> None:
    alice, bob = firms.of("alice"), firms.of("bob")
    token = {"X-Form-Token": token_of(alice.get("/account").text)}
    first = alice.get(CALL)
    saved = alice.put(CALL, json={"outsourcing": "most"}, headers={**token, "If-Match": first.headers["ETag"]})
    stale = alice.put(CALL, json={"outsourcing": "some"}, headers={**token, "If-Match": first.headers["ETag"]})

    assert (first.json["version"], saved.status_code, saved.json["version"], stale.status_code) == (0, 200, 1, 412)
    assert saved.json["profiles"][0]["answers"] == {"outsourcing": "most"}
    assert bob.get(CALL).status_code == 404
    assert bob.get(PAGE).status_code == 404


def test_the_api_and_the_labels_know_every_answer(settings: Settings) -> None:
    del settings
    for name, answers in CRITERIA.items():
        assert set(answers) == set(Profile.model_json_schema()["properties"][name]["anyOf"][0]["enum"])
        assert i18n.has_label("firm_criterion", name)
        assert all(i18n.has_label(f"profile_{name}", answer) for answer in answers)
