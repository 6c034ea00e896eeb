"""Signing in by an OpenID provider that really answers, on loopback."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from joserfc.jwk import KeySet
from pydantic import SecretStr
from sqlmodel import select

from bankseg.domain.errors import ConfigurationError
from bankseg.services.openid_terms import openid_terms
from bankseg.services.safe_address import is_safe_address
from bankseg.settings import Settings
from bankseg.storage import openid
from bankseg.storage.audit import AuditEntry, first_broken
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.person import Person, by_login
from bankseg.web.app import create_app
from tests.web.conftest import Browsers, sign_in, token_of
from tests.web.openid_provider import CLIENT_ID, CLIENT_SECRET, LocalProvider, new_key, serving

ROLES = {"openid_roles_claim": "groups", "openid_roles": json.dumps({"grp-risk": "risk_officer", "grp-audit": "auditor", "grp-desk": "relationship_manager"})}
NOT_VERIFIED = "could not be verified"


LINKED = ("alice", "rita", "mark", "bea", "odile")


@pytest.fixture(scope="module")
def served() -> Iterator[LocalProvider]:
    """A provider."""
    with pytest.MonkeyPatch.context() as patch, serving() as local:
        patch.setenv("NO_PROXY", "*")
        yield local


@pytest.fixture
def provider(served: LocalProvider) -> Iterator[LocalProvider]:
    """The same, where alice signs in and nothing is wrong."""
    key = served.signing_key
    served.subject, served.claims = "sub-alice", {}
    yield served
    served.signing_key, served.keys = key, KeySet([key])


@pytest.fixture(scope="module")
def bank(bank_home: Path, tmp_path_factory: pytest.TempPathFactory, served: LocalProvider) -> Browsers:
    """The small bank with that provider set, shared by the tests: each changes people of its own."""
    home = tmp_path_factory.mktemp("openid")
    shutil.copytree(bank_home, home, dirs_exist_ok=True)
    bank = trusting(Settings(home=home), served)
    with transaction(make_engine(bank.settings.store)) as session:
        for login in LINKED:
            openid.link(session, served.issuer, f"sub-{login}", by_login(session, login).id)
    return bank


@pytest.fixture(scope="module")
def mapped(bank: Browsers, served: LocalProvider) -> Browsers:
    """The same bank, with roles from a claim."""
    return trusting(bank.settings, served, **ROLES)


def trusting(settings: Settings, provider: LocalProvider, **more: object) -> Browsers:
    """A bank that trusts the provider."""
    given = {"openid_issuer": provider.issuer, "openid_client_id": CLIENT_ID, "openid_client_secret": SecretStr(CLIENT_SECRET)}
    return Browsers(settings.model_copy(update=given | more))


def begun(http: FlaskClient, wanted: str = "/clients") -> str:
    """Press the button: the way to the provider."""
    answer = http.get("/sign-in/openid", query_string={"next": wanted})
    assert answer.status_code == 303
    return answer.location


def back_from(way: str) -> str:
    """Sign in at the provider: the path it sends the browser back to."""
    answer = requests.get(way, allow_redirects=False, timeout=60)
    assert answer.status_code == 302
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}"


def through(http: FlaskClient, wanted: str = "/clients"):
    """All of it: the answer to the browser that comes back."""
    return http.get(back_from(begun(http, wanted)))


def person(bank: Browsers, login: str) -> Person | None:
    """A person as the store has them."""
    with reading(make_engine(bank.settings.store)) as session:
        return by_login(session, login)


def trail(bank: Browsers, action: str) -> list[AuditEntry]:
    """The entries of an action, oldest first."""
    with reading(make_engine(bank.settings.store)) as session:
        assert first_broken(session) is None
        return list(session.exec(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)))


def test_a_linked_person_signs_in_and_goes_where_they_were_going(bank: Browsers) -> None:
    http = bank.stranger()
    before = trail(bank, "sign_in")

    way = begun(http)
    answer = http.get(back_from(way))

    asked = parse_qs(urlsplit(way).query)
    assert len(asked["code_challenge"][0]) == 43
    assert asked["redirect_uri"] == ["http://localhost/sign-in/openid/answer"]
    assert (answer.status_code, answer.location) == (303, "/clients")
    assert "HttpOnly" in next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("bankseg_session="))
    assert "Alice Martin" in http.get("/clients").text
    entry = trail(bank, "sign_in")[len(before)]
    assert (entry.subject, entry.details["by"], entry.details["account"]) == ("person:alice", "openid", "sub-alice")


def test_the_button_is_there_in_both_languages_and_only_where_a_provider_is_set(bank: Browsers, browsers: Browsers) -> None:
    assert "Sign in with the bank&#39;s account" in bank.stranger().get("/sign-in?next=/clients").text
    assert "Se connecter avec le compte de la banque" in bank.stranger().get("/sign-in?language=fr").text
    assert "/sign-in/openid" not in browsers.stranger().get("/sign-in").text
    assert browsers.stranger().get("/sign-in/openid").status_code == 404


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another sign-in"},
        {"aud": "another service"},
        {"aud": [CLIENT_ID, "another service"]},
        {"aud": [CLIENT_ID, "another service"], "azp": "another service"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": int(time.time()) - 3_600},
        {"iat": int(time.time()) + 3_600},
        {"sub": None},
        {"sub": "x" * 256},
        {"sub": "sub\0alice"},
    ],
    ids=["nonce", "audience", "shared", "for-another", "issuer", "expired", "not-yet", "nobody", "long", "unreadable"],
)
def test_a_token_that_does_not_hold_lets_nobody_in(bank: Browsers, provider: LocalProvider, claims: dict[str, object]) -> None:
    provider.claims = claims
    http = bank.stranger()

    answer = through(http)

    assert answer.status_code == 403
    assert NOT_VERIFIED in answer.text
    assert http.get("/clients").status_code == 303
    assert trail(bank, "sign_in_refused")[-1].details["reason"] == "unverified"


def test_clocks_may_differ_by_the_skew_and_no_more(bank: Browsers, provider: LocalProvider) -> None:
    provider.claims = {"exp": int(time.time()) - 200}

    narrow, wide = through(bank.stranger()), through(trusting(bank.settings, provider, openid_skew_seconds=300).stranger())

    assert (narrow.status_code, wide.status_code) == (403, 303)


def test_a_signature_by_another_key_lets_nobody_in(bank: Browsers, provider: LocalProvider) -> None:
    provider.signing_key = new_key("k1")  # the published id, not the published key

    answer = through(bank.stranger())

    assert (answer.status_code, NOT_VERIFIED in answer.text) == (403, True)


def test_keys_are_kept_and_asked_for_again_when_one_is_unknown(bank: Browsers, provider: LocalProvider) -> None:
    assert through(bank.stranger()).status_code == 303
    provider.fetched.clear()
    assert through(bank.stranger()).status_code == 303
    assert provider.fetched == []

    provider.rotate()

    assert through(bank.stranger()).status_code == 303
    assert provider.fetched == ["/jwks"]


def test_an_answer_serves_once_and_in_its_own_browser_only(bank: Browsers) -> None:
    http, thief = bank.stranger(), bank.stranger()
    path = back_from(begun(http))

    stolen = thief.get(path)
    assert (stolen.status_code, http.get(path).status_code) == (403, 303)

    visit = bank.stranger()
    path = back_from(begun(visit))
    cookie = visit.get_cookie("bankseg_visit").value
    assert visit.get(path).status_code == 303
    replayed = bank.stranger()
    replayed.set_cookie("bankseg_visit", cookie)
    assert replayed.get(path).status_code == 403
    assert "Start it again" in replayed.get(path).text


def test_an_answer_that_comes_too_late_is_refused(bank: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openid, "ATTEMPT_SECONDS", -1)

    answer = through(bank.stranger())

    assert (answer.status_code, "has expired" in answer.text) == (403, True)


@pytest.mark.parametrize("told", [{"error": "access_denied"}, {}, {"code": "made up"}, {"code": "c", "iss": "https://another.example"}])
def test_what_the_provider_did_not_grant_lets_nobody_in(bank: Browsers, told: dict[str, str]) -> None:
    http = bank.stranger()
    state = parse_qs(urlsplit(begun(http)).query)["state"][0]

    assert http.get("/sign-in/openid/answer", query_string={"state": state, **told}).status_code == 403


def test_an_unknown_subject_is_shown_it_and_gets_in_once_an_administrator_has_linked_it(bank: Browsers, provider: LocalProvider) -> None:
    provider.subject, http, adam = "sub-bob", bank.stranger(), bank.of("adam")
    provider.claims = {"email": "bob@bank.example", "preferred_username": "bob"}
    refused = through(http)
    bob = f"/administration/people/{person(bank, 'bob').id}"

    assert (refused.status_code, "<code>sub-bob</code>" in refused.text) == (403, True)
    form = {"form_token": token_of(adam.get(bob).text), "subject": "sub-bob"}
    assert adam.post(f"{bob}/openid", data=form).status_code == 303
    assert 'value="sub-bob"' in adam.get(bob).text
    assert through(http).status_code == 303
    assert trail(bank, "person_linked")[-1].details["account"] == "sub-bob"

    assert adam.post(f"{bob}/openid", data=form | {"subject": ""}).status_code == 303
    assert http.get("/clients").status_code == 303
    assert through(bank.stranger()).status_code == 403


@pytest.mark.parametrize(("subject", "words"), [("sub-alice", "alice is linked"), ("x" * 256, "readable characters"), ("a\0b", "readable characters")])
def test_one_subject_is_one_person_and_can_be_read(bank: Browsers, subject: str, words: str) -> None:
    adam, bob = bank.of("adam"), f"/administration/people/{person(bank, 'bob').id}"

    answer = adam.post(f"{bob}/openid", data={"form_token": token_of(adam.get(bob).text), "subject": subject})

    assert (answer.status_code, words in answer.text) == (400, True)


def test_refusals_speak_the_language_the_sign_in_was_begun_in(bank: Browsers, provider: LocalProvider) -> None:
    http, provider.subject = bank.stranger(), "sub-nobody-french"
    way = http.get("/sign-in/openid?language=fr", headers={"Accept-Language": "en"}).location
    path = back_from(way)

    refused, again = (http.get(path, headers={"Accept-Language": "en"}) for _ in range(2))

    assert (refused.status_code, again.status_code) == (403, 403)
    assert "Donnez ce sujet à un administrateur" in refused.text
    assert "Cette connexion a expiré" in again.text
    assert "This sign-in has expired" in http.get("/sign-in/openid/answer?state=x.en&code=y", headers={"Accept-Language": "fr"}).text


def test_a_disabled_person_stays_out(bank: Browsers, provider: LocalProvider) -> None:
    provider.subject = "sub-mark"
    with transaction(make_engine(bank.settings.store)) as session:
        mark = by_login(session, "mark")
        mark.is_active = False
        session.add(mark)

    answer = through(bank.stranger())

    assert (answer.status_code, "is disabled" in answer.text) == (403, True)
    assert trail(bank, "sign_in_refused")[-1].subject == "openid:sub-mark"


def test_a_first_password_ends_when_the_provider_vouches(bank: Browsers, provider: LocalProvider) -> None:
    provider.subject = "sub-bea"
    with transaction(make_engine(bank.settings.store)) as session:
        bea = by_login(session, "bea")
        bea.must_change_password = True
        session.add(bea)
    http = bank.stranger()

    assert through(http).status_code == 303
    assert http.get("/clients").status_code == 200
    assert sign_in(bank.stranger(), "bea").status_code == 401


def test_the_role_of_the_claim_holds_from_the_next_sign_in_and_ends_older_sessions(mapped: Browsers, provider: LocalProvider) -> None:
    provider.subject, provider.claims, old, new = "sub-odile", {"groups": ["grp-risk", "grp-else"]}, mapped.stranger(), mapped.stranger()
    assert through(old, "/risk").status_code == 303
    assert old.get("/risk").status_code == 200

    provider.claims = {"groups": "grp-audit"}
    assert through(new, "/oversight").status_code == 303

    assert person(mapped, "odile").role == "auditor"
    assert (new.get("/oversight").status_code, new.get("/risk").status_code, old.get("/risk").status_code) == (200, 404, 303)
    assert trail(mapped, "person_changed")[-1].details == {"before": {"role": "risk_officer"}, "role": "auditor", "by": "openid"}


@pytest.mark.parametrize(
    ("groups", "words"),
    [([], "no role here"), (["grp-risk", "grp-audit"], "more than one"), (["grp-desk"], "needs a portfolio")],
)
def test_a_claim_without_one_fitting_role_lets_nobody_in(mapped: Browsers, provider: LocalProvider, groups: list[str], words: str) -> None:
    provider.subject, provider.claims = "sub-rita", {"groups": groups}

    answer = through(mapped.stranger())

    assert (answer.status_code, words in answer.text) == (403, True)
    assert person(mapped, "rita").role == "risk_officer"


def test_somebody_new_is_made_only_where_that_is_allowed_and_never_over_a_login_of_ours(mapped: Browsers, provider: LocalProvider) -> None:
    provider.subject, provider.claims = "sub-new", {"groups": ["grp-risk"]}
    assert through(mapped.stranger()).status_code == 403
    open_bank = trusting(mapped.settings, provider, **ROLES, openid_new_people=True)

    assert through(open_bank.stranger(), "/risk").status_code == 303
    made = person(open_bank, "sub-new")
    assert (made.display_name, made.role) == ("Somebody New", "risk_officer")

    provider.subject = "bob"
    assert through(open_bank.stranger()).status_code == 403
    assert person(open_bank, "bob").role == "relationship_manager"


def test_without_the_provider_the_page_says_so_and_passwords_still_open(bank: Browsers) -> None:
    with serving() as gone:
        alone = trusting(bank.settings, gone)

    answer = alone.stranger().get("/sign-in/openid")

    assert (answer.status_code, "does not answer" in answer.text) == (503, True)
    assert sign_in(alone.stranger(), "alice").status_code == 303


def test_a_provider_that_falls_silent_half_way_lets_nobody_in(bank: Browsers) -> None:
    with serving() as gone:
        http = trusting(bank.settings, gone).stranger()
        path = back_from(begun(http))

    assert http.get(path).status_code == 503
    assert http.get("/clients").status_code == 303


def test_a_provider_that_calls_itself_another_is_not_believed(bank: Browsers, provider: LocalProvider) -> None:
    other = trusting(bank.settings, provider, openid_issuer=f"{provider.issuer}/")

    assert other.stranger().get("/sign-in/openid").status_code == 503


@pytest.mark.parametrize("wanted", ["https://another.example/", "//another.example", "/\\another.example", "javascript:alert(1)"])
def test_nobody_is_sent_to_another_site(bank: Browsers, wanted: str) -> None:
    assert through(bank.stranger(), wanted).location == "/"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"openid_client_secret": SecretStr("")}, "BANKSEG_OPENID_CLIENT_SECRET missing"),
        ({"openid_issuer": ""}, "BANKSEG_OPENID_ISSUER missing"),
        ({"openid_issuer": "http://provider.example"}, "https"),
        ({"openid_scopes": "profile"}, "openid"),
        ({"openid_roles_claim": "groups"}, "both or neither"),
        ({"openid_roles_claim": "groups", "openid_roles": '{"a": "king"}'}, "JSON object"),
        ({"openid_roles_claim": "groups", "openid_roles": "[]"}, "JSON object"),
        ({"openid_new_people": True}, "no role"),
    ],
)
def test_half_given_settings_end_the_start(given: dict[str, object], words: str) -> None:
    whole = {"openid_issuer": "https://provider.example", "openid_client_id": "c", "openid_client_secret": SecretStr("s")}
    assert openid_terms(Settings(**whole)) is not None

    with pytest.raises(ConfigurationError, match=words):
        openid_terms(Settings(**(whole | given)))


def test_the_web_does_not_start_with_half_given_settings(bank: Browsers) -> None:
    with pytest.raises(ConfigurationError, match="half set"):
        create_app(bank.settings.model_copy(update={"openid_client_id": ""}))


def test_missing_packages_end_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bankseg.services.openid_terms.PACKAGES", ("no_such_package",))

    with pytest.raises(ConfigurationError, match=r"pip install 'bankseg\[oidc\]'"):
        openid_terms(Settings(openid_issuer="https://p.example", openid_client_id="c", openid_client_secret=SecretStr("s")))


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://p.example/x", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("http://10.0.0.1", False),
        ("https://", False),
        ("ftp://p", False),
    ],
)
def test_secrets_travel_over_tls_or_within_the_machine(url: str, safe: bool) -> None:  # noqa: FBT001  # the expected answer
    assert is_safe_address(url) is safe
