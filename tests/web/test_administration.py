"""People, tokens, the audit trail and the policy, as those who keep them use the pages."""

import html
import re

import pytest
from sqlmodel import select, update

from bankseg.storage import audit
from bankseg.storage.access_token import AccessToken
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.person import Person
from tests.web import builders
from tests.web.conftest import Browsers, sign_in, token_of

NEW_PASSWORD = "quite another phrase"


def post(http, path: str, form_of: str, **fields):
    return http.post(path, data={"form_token": token_of(http.get(form_of).text), **fields})


def a_token(browsers: Browsers, login: str, *rights: str, **fields: str) -> str:
    page = post(browsers.of(login), "/account/tokens", "/account", label="nightly load", days="30", right=list(rights), **fields)
    assert page.status_code == 200, page.text
    return re.search(r"<code>(bks_[\w-]+)</code>", page.text)[1]


def called(browsers: Browsers, path: str, token: str):
    return browsers.stranger().get(path, headers={"Authorization": f"Bearer {token}"})


def person_id(browsers: Browsers, login: str) -> int:
    with reading(make_engine(browsers.settings.store)) as session:
        return session.exec(select(Person.id).where(Person.login == login)).one()


def test_a_token_opens_what_its_owner_may_within_its_rights_and_no_page(own: Browsers) -> None:
    token = a_token(own, "alice", "clients")

    assert called(own, "/api/v1/clients", token).status_code == 200
    assert called(own, "/api/v1/clients/C1", token).status_code == 200
    assert called(own, "/api/v1/clients/C3", token).status_code == 404  # another's client
    assert called(own, "/api/v1/segments", token).status_code == 404  # Alice may, her token may not
    assert called(own, "/clients", token).status_code == 303


def test_a_token_is_kept_as_a_hash_and_never_shown_again(own: Browsers) -> None:
    token = a_token(own, "alice", "clients")

    assert token not in own.of("alice").get("/account").text
    with reading(make_engine(own.settings.store)) as session:
        row = session.exec(select(AccessToken)).one()
        details = session.exec(select(AuditEntry.details).where(AuditEntry.action == "token_issued")).one()
    assert token not in (row.token_sha256, row.label)
    assert details == {"label": "nightly load", "rights": ["clients"], "days": 30}


@pytest.mark.parametrize("header", ["Bearer bks_unknown", "Bearer", "Basic YWxpY2U6eA==", "nonsense"])
def test_a_wrong_authorization_is_nobody_even_beside_a_session(own: Browsers, header: str) -> None:
    assert own.of("alice").get("/api/v1/clients", headers={"Authorization": header}).status_code == 401


def test_a_revoked_an_ended_and_a_disabled_owners_token_open_nothing(own: Browsers) -> None:
    revoked, ended, orphan = a_token(own, "alice", "clients"), a_token(own, "alice", "clients"), a_token(own, "bob", "clients")
    first = min(int(found) for found in re.findall(r"/account/tokens/(\d+)/revoke", own.of("alice").get("/account").text))

    post(own.of("alice"), f"/account/tokens/{first}/revoke", "/account")
    with transaction(make_engine(own.settings.store)) as session:
        session.exec(update(AccessToken).where(AccessToken.id == first + 1).values(expires_at=1.0))
    post(own.of("adam"), f"/administration/people/{person_id(own, 'bob')}/active", "/administration/people", active="no")

    assert [called(own, "/api/v1/clients", token).status_code for token in (revoked, ended, orphan)] == [401, 401, 401]
    page = own.of("alice").get("/account").text
    assert "Revoked" in page
    assert "Ended" in page


def test_nobody_gives_a_token_more_than_they_have_or_for_ever(own: Browsers) -> None:
    http = own.of("mark")

    for fields in (
        {"right": ["risk_queue"]},
        {"right": []},
        {"right": ["clients"], "days": "366"},
        {"right": ["clients"], "days": "x"},
        {"right": ["clients"], "label": " "},
    ):
        answer = post(http, "/account/tokens", "/account", **{"label": "x", "days": "10"} | fields)
        assert (answer.status_code, "bks_" in answer.text) == (400, False), fields


def test_anothers_token_cannot_be_revoked_save_by_an_administrator(own: Browsers) -> None:
    token = a_token(own, "alice", "clients")

    assert post(own.of("bob"), "/account/tokens/1/revoke", "/account").status_code == 404
    assert called(own, "/api/v1/clients", token).status_code == 200
    assert "nightly load" in own.of("adam").get("/administration/people").text
    assert post(own.of("adam"), "/administration/tokens/1/revoke", "/administration/people").status_code == 303
    assert called(own, "/api/v1/clients", token).status_code == 401


def test_somebody_new_signs_in_with_a_first_password_and_must_choose_their_own(own: Browsers) -> None:
    page = post(
        own.of("adam"),
        "/administration/people",
        "/administration/people",
        login="nora",
        display_name="Nora Neuf",
        role="relationship_manager",
        rm_id="RM2",
        language="fr",
    )
    first = re.search(r"<code>([\w-]{12,})</code>", page.text)[1]
    http = own.stranger()
    assert sign_in(http, "nora", first).status_code == 303

    assert http.get("/my-day").location == "/account"
    assert http.get("/api/v1/clients").status_code == 401
    assert post(http, "/account/password", "/account", old=first, new=NEW_PASSWORD, again=NEW_PASSWORD).location == "/sign-in?language=fr"

    again = own.stranger()
    assert sign_in(again, "nora", first).status_code == 401
    assert sign_in(again, "nora", NEW_PASSWORD).status_code == 303
    assert "/clients/C3" in again.get("/clients").text


@pytest.mark.parametrize(
    "fields",
    [
        {"login": "alice", "role": "marketer"}, {"login": " ", "role": "marketer"}, {"login": "n", "role": "king"}, {"login": "n", "role": "relationship_manager"},
        {"login": "n", "role": "branch_head"}, {"login": "n", "role": "marketer", "display_name": " "}, {"login": "n", "role": "marketer", "language": "xx"},
    ],
)  # fmt: skip
def test_a_description_that_does_not_hold_is_refused_in_words(own: Browsers, fields: dict[str, str]) -> None:
    answer = post(own.of("adam"), "/administration/people", "/administration/people", **{"display_name": "N", "language": "en"} | fields)

    assert answer.status_code == 400
    assert "Expected:" in answer.text
    with reading(make_engine(own.settings.store)) as session:
        assert len(session.exec(select(Person)).all()) == len(builders.PEOPLE)


def test_a_portfolio_handed_over_is_seen_from_the_next_request(own: Browsers) -> None:
    bob = own.of("bob")
    assert bob.get("/clients/C3").status_code == 200

    post(
        own.of("adam"),
        f"/administration/people/{person_id(own, 'bob')}",
        "/administration/people",
        display_name="Bob Bernard",
        role="relationship_manager",
        rm_id="RM9",
        language="en",
    )

    assert bob.get("/clients/C3").status_code == 303  # the session has ended
    sign_in(bob, "bob")
    assert bob.get("/clients/C3").status_code == 404


def test_a_disabled_person_is_out_at_once_and_an_administrator_cannot_shut_himself_out(own: Browsers) -> None:
    alice, adam = own.of("alice"), own.of("adam")
    assert alice.get("/my-day").status_code == 200

    post(adam, f"/administration/people/{person_id(own, 'alice')}/active", "/administration/people", active="no")

    assert alice.get("/my-day").status_code == 303
    assert sign_in(own.stranger(), "alice").status_code == 401
    own_id = person_id(own, "adam")
    assert post(adam, f"/administration/people/{own_id}/active", "/administration/people", active="no").status_code == 400
    refused = post(adam, f"/administration/people/{own_id}", "/administration/people", display_name="Adam", role="marketer", language="en")
    assert (refused.status_code, "your own role" in refused.text) == (400, True)


def test_a_reset_password_ends_sessions_and_is_shown_once(own: Browsers) -> None:
    alice = own.of("alice")

    page = post(own.of("adam"), f"/administration/people/{person_id(own, 'alice')}/password", "/administration/people")

    first = re.search(r"<code>([\w-]{12,})</code>", page.text)[1]
    assert alice.get("/my-day").status_code == 303
    assert sign_in(own.stranger(), "alice").status_code == 401
    assert sign_in(own.stranger(), "alice", first).status_code == 303


def test_ones_own_password_changes_only_with_the_present_one_and_the_same_new_one_twice(own: Browsers) -> None:
    http = own.of("alice")

    for old, new, again in (("wrong", NEW_PASSWORD, NEW_PASSWORD), (builders.PASSWORD, NEW_PASSWORD, "other phrase"), (builders.PASSWORD, "short", "short")):
        assert post(http, "/account/password", "/account", old=old, new=new, again=again).status_code == 400
    assert http.get("/my-day").status_code == 200


def test_the_trail_is_filtered_and_tells_when_an_entry_was_changed(own: Browsers) -> None:
    a_token(own, "alice", "clients")
    axel = own.of("axel")

    found = axel.get("/administration/audit?action=token_issued&person=alice&first=2020-01-01&check=1").text
    assert "token:1" in found
    assert "sign_in</code>" not in found
    assert "the chain holds" in found
    assert "No entry matches" in axel.get("/administration/audit?person=alice&last=2020-01-01").text
    assert axel.get("/administration/audit?first=nonsense").status_code == 400

    with transaction(make_engine(own.settings.store)) as session:
        session.exec(update(AuditEntry).where(AuditEntry.action == "token_issued").values(subject="token:9"))
    assert "the chain is broken from entry" in axel.get("/administration/audit?check=1").text


def test_the_trail_is_paged_and_exported_whole(own: Browsers) -> None:
    with transaction(make_engine(own.settings.store)) as session:
        for number in range(130):
            audit.record(session, "probe", f"probe:{number}", note="=1+1")
    axel = own.of("axel")

    first = axel.get("/administration/audit?action=probe").text
    following = html.unescape(re.search(r'rel="next" href="([^"]+)"', first)[1])
    second = axel.get(following).text
    file = axel.get("/administration/audit/export?action=probe&format=csv", buffered=True)

    assert first.count("probe:") + second.count("probe:") == 130
    assert file.headers["X-Row-Count"] == "130"
    assert file.text.count("probe:") == 130


def test_a_policy_draft_is_compared_with_what_is_in_force_and_a_slip_is_told(own: Browsers) -> None:
    http = own.of("odile")

    good = post(http, "/administration/policy/try", "/administration/policy", text="[tiers]\nplatinum_share = 0.02\n").text
    same = post(http, "/administration/policy/try", "/administration/policy", text="").text
    slip = post(http, "/administration/policy/try", "/administration/policy", text="[tiers]\nplatnum_share = 0.02\n").text

    assert "Entries it changes: 1" in good
    assert "<del>0.05</del>" in good
    assert "<ins>0.02</ins>" in good
    assert "changes nothing" in same
    assert "unknown entry tiers.platnum_share" in slip
    assert http.get("/administration/policy?compared=" + "0" * 64).status_code == 404
