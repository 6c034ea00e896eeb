"""Signing in, staying in, leaving."""

import pytest
from sqlmodel import col, select, update

from bankseg.settings import Settings
from bankseg.storage.audit import AuditEntry, first_broken
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.person import Person
from bankseg.storage.signed_in import IDLE_SECONDS, token_hash
from bankseg.storage.web_session import WebSession
from tests.web import builders
from tests.web.conftest import Browsers, sign_in, token_of


@pytest.mark.parametrize(
    ("login", "home"), [("alice", "/my-day"), ("mark", "/cross-sell"), ("rita", "/risk"), ("axel", "/oversight"), ("adam", "/oversight"), ("bea", "/my-day")]
)
def test_each_role_starts_on_its_own_page(browsers: Browsers, login: str, home: str) -> None:
    assert browsers.of(login).get("/").location == home


def test_a_wrong_login_and_a_wrong_password_get_the_same_answer(own: Browsers) -> None:
    first, second = own.stranger(), own.stranger()

    wrong_password, wrong_login = sign_in(first, "alice", "not this one"), sign_in(second, "alicf", "not this one")

    assert wrong_password.status_code == wrong_login.status_code == 401
    bare = [page.text.replace(token_of(page.text), "").replace("alicf", "alice") for page in (wrong_password, wrong_login)]
    assert bare[0] == bare[1]


def test_an_account_waits_after_five_wrong_tries_and_the_right_password_does_not_help(own: Browsers) -> None:
    http = own.stranger()
    for _ in range(5):
        sign_in(http, "alice", "guess after guess")

    assert sign_in(http, "alice").status_code == 401
    assert sign_in(http, "bob").status_code == 303


def test_one_address_cannot_guess_for_ever(own: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bankseg.services.passwords.refuse_in_equal_time", lambda _: None)
    http = own.stranger()

    answers = [sign_in(http, f"nobody{n}", "guess after guess").status_code for n in range(21)]

    assert answers[:20] == [401] * 20
    assert answers[20] == 429


def test_the_cookie_is_out_of_reach_of_scripts_and_the_store_keeps_only_its_hash(own: Browsers) -> None:
    http = own.stranger()

    cookie = next(value for value in sign_in(http, "alice").headers.getlist("Set-Cookie") if value.startswith("bankseg_session="))

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    token = cookie.split("=")[1].split(";")[0]
    with reading(make_engine(own.settings.store)) as session:
        kept = session.exec(select(WebSession.token_sha256)).all()
    assert token_hash(token) in kept
    assert token not in kept


def test_over_https_the_cookie_is_tied_to_this_host(bank_home) -> None:
    own = Browsers(Settings(home=bank_home, secure_cookies=True))
    http = own.app.test_client()

    token = token_of(http.get("/sign-in", base_url="https://localhost").text)
    answer = http.post("/sign-in", data={"form_token": token, "login": "alice", "password": builders.PASSWORD}, base_url="https://localhost")

    assert any(value.startswith("__Host-bankseg_session=") and "Secure" in value for value in answer.headers.getlist("Set-Cookie"))


def test_a_cookie_is_worth_nothing_after_signing_out(own: Browsers) -> None:
    http, thief = own.of("alice"), own.stranger()
    stolen = http.get_cookie("bankseg_session").value
    http.post("/sign-out", data={"form_token": token_of(http.get("/clients").text)})

    thief.set_cookie("bankseg_session", stolen)

    assert thief.get("/clients").status_code == 303


@pytest.mark.parametrize("change", ["disabled", "idle", "expired"])
def test_a_session_ends_when_the_person_is_disabled_or_time_is_up(own: Browsers, change: str) -> None:
    http = own.of("alice")
    with transaction(make_engine(own.settings.store)) as session:
        match change:
            case "disabled":
                session.exec(update(Person).where(col(Person.login) == "alice").values(is_active=False))
            case "idle":
                session.exec(update(WebSession).values(seen_at=col(WebSession.seen_at) - IDLE_SECONDS - 1))
            case _:
                session.exec(update(WebSession).values(expires_at=1.0))

    assert http.get("/clients").status_code == 303
    assert http.get("/api/v1/clients").status_code == 401


def test_a_changed_portfolio_counts_from_the_next_request(own: Browsers) -> None:
    http = own.of("alice")
    assert http.get("/clients/C1").status_code == 200

    with transaction(make_engine(own.settings.store)) as session:
        session.exec(update(Person).where(col(Person.login) == "alice").values(rm_id="RM9"))

    assert http.get("/clients/C1").status_code == 404


@pytest.mark.parametrize("path", ["/sign-out", "/language", "/sign-in"])
def test_a_form_without_our_token_is_refused(own: Browsers, path: str) -> None:
    http = own.of("alice")
    others = token_of(own.of("bob").get("/clients").text)

    assert http.post(path).status_code == 403
    assert http.post(path, data={"form_token": others}).status_code == 403
    assert http.post(path, data={"form_token": token_of(http.get("/clients").text)}, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert http.post(path, data={"form_token": token_of(http.get("/clients").text)}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("wanted", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "/%5celsewhere"])
def test_signing_in_never_leads_to_another_site(own: Browsers, wanted: str) -> None:
    assert not sign_in(own.stranger(), "alice", next=wanted).location.startswith(("http", "//", "/\\"))


def test_signing_in_goes_on_to_the_page_that_was_wanted(own: Browsers) -> None:
    http = own.stranger()
    assert http.get("/clients?tier=gold").location == "/sign-in?next=/clients?tier%3Dgold"

    assert sign_in(http, "alice", next="/clients?tier=gold").location == "/clients?tier=gold"


def test_the_language_lives_on_the_session(own: Browsers) -> None:
    http = own.of("alice")

    answer = http.post("/language", data={"form_token": token_of(http.get("/clients").text), "language": "fr", "next": "/clients"})

    assert answer.location == "/clients"
    assert '<html lang="fr">' in http.get("/clients").text
    assert '<html lang="en">' in own.of("bob").get("/clients").text


def test_sign_ins_and_exports_are_recorded_in_one_unbroken_chain(own: Browsers) -> None:
    own.of("alice").get("/clients/export?format=csv", buffered=True)

    with reading(make_engine(own.settings.store)) as session:
        actions = [entry.action for entry in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))]
        broken = first_broken(session)
    assert actions[-2:] == ["sign_in", "export"]
    assert broken is None
