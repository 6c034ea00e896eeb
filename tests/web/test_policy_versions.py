"""The policy changed by two persons: drafted in fields, compared, counted, proposed, decided, used from the next run."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from werkzeug.test import TestResponse

from bankseg.domain.policy import load_policy
from bankseg.services.bank import open_bank
from bankseg.services.policy_effect import LEAST_TOLD, effect_of
from bankseg.storage import person, policy_version, published_counts
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.policy_version import PolicyVersion
from bankseg.storage.run import current
from tests.web.conftest import Browsers, token_of
from tests.web.programs import Program

PAGE = "/administration/policy"
TIERS = "[tiers]\nplatinum_share = 0.5\n"


def post(own: Browsers, login: str, path: str, **fields: str) -> TestResponse:
    """Send a form of the policy as a person."""
    return own.of(login).post(f"{PAGE}/{path}", data={"form_token": token_of(own.of(login).get(PAGE).text), **fields})


def versions(own: Browsers) -> list[PolicyVersion]:
    """Every version, newest first."""
    with reading(make_engine(own.settings.store)) as session:
        return policy_version.history(session)


def test_a_version_is_proposed_by_one_decided_by_another_and_in_force_from_then(own: Browsers) -> None:
    tried = post(own, "rita", "try", text=TIERS).text
    assert "tiers.platinum_share" in tried
    assert "Platinum" in tried.split("Clients it would move")[-1]

    assert post(own, "rita", "propose", text=TIERS, reason="more of the best").status_code == 303
    assert "your own proposal" in post(own, "rita", "versions/1/decide", decision="approve", reason="yes").text
    assert "Approve: in force" not in own.of("rita").get(PAGE).text
    assert "one proposal at a time" in post(own, "odile", "propose", text="[tiers]\ngold_share = 0.2\n", reason="x").text
    assert "no reason" in post(own, "odile", "versions/1/decide", decision="approve", reason=" ").text
    assert open_bank(own.settings).policy.sha256 == load_policy().sha256

    assert post(own, "odile", "versions/1/decide", decision="approve", reason="seen the counts").status_code == 303

    bank = open_bank(own.settings)
    bank.engine.dispose()
    assert (bank.policy.section("tiers")["platinum_share"], bank.policy.version) == (0.5, 1)
    page = own.of("axel").get(PAGE).text
    for told in ("Rita Moreau", "more of the best", "Odile Model", "seen the counts"):
        assert told in page
    with reading(make_engine(own.settings.store)) as session:
        assert {"policy_proposed", "policy_approved"} <= set(session.exec(select(AuditEntry.action)))
    assert post(own, "odile", "versions/1/decide", decision="approve", reason="again").status_code == 409
    assert post(own, "odile", "versions/9/decide", decision="approve", reason="none").status_code == 404


def test_those_who_see_no_client_are_told_how_many_move_and_no_class_of_a_few(own: Browsers) -> None:
    for login in ("odile", "axel"):
        assert "once a run is published" in post(own, login, "try", text=TIERS).text

    with transaction(make_engine(own.settings.store)) as session:
        published_counts.keep(session, current(session).id)
    policy, draft = load_policy(), load_policy(None, TIERS)

    with reading(make_engine(own.settings.store)) as session:
        whole, masked = (effect_of(session, person.by_login(session, login).scope, policy, draft) for login in ("rita", "odile"))
    assert [(one.code, one.before) for one in masked] == [(one.code, None if 0 < one.before < LEAST_TOLD else one.before) for one in whole]
    assert any(one.moved is None for one in masked)
    assert all(one.moved == one.after - one.before for one in whole)
    assert "fewer than 10" in post(own, "axel", "try", text=TIERS).text.split("Clients it would move")[-1]
    assert "fewer than 10" not in post(own, "rita", "try", text=TIERS).text


def test_a_rejected_version_changes_nothing_and_any_two_are_compared(own: Browsers) -> None:
    for text, decision in ((TIERS, "approve"), ("[tiers]\nplatinum_share = 0.1\n", "reject")):
        post(own, "rita", "propose", text=text, reason="a reason")
        post(own, "odile", f"versions/{len(versions(own))}/decide", decision=decision, reason="a reason")

    assert [version.state for version in versions(own)] == ["rejected", "approved"]
    assert "0.5" in own.of("axel").get(f"{PAGE}/versions?before=0&after=1").text
    between = own.of("axel").get(f"{PAGE}/versions?before=1&after=2").text
    assert "<del>0.5</del>" in between
    assert "<ins>0.1</ins>" in between
    assert own.of("axel").get(f"{PAGE}/versions?before=1&after=7").status_code == 404


def test_values_typed_become_a_draft_and_those_that_cannot_be_read_are_told_beside_their_field(own: Browsers) -> None:
    bad = post(own, "rita", "fields", **{"tiers.platinum_share": "5 %", "tiers.gold_share": "1.5", "worklist.calls_a_day": "-3"})
    assert bad.status_code == 400
    assert bad.text.count('class="alert" id=') == 3
    assert "a share between 0 and 1" in bad.text

    good = post(own, "rita", "fields", **{"tiers.platinum_share": "0.02", "churn.headline": "dormancy, hard_exit", "governance.promote_first": "false"}).text
    assert "Entries it changes: 3" in good
    assert "promote_first = false" in good
    assert "headline = [&#34;dormancy&#34;, &#34;hard_exit&#34;]" in good


def test_a_field_set_back_leaves_the_version(own: Browsers) -> None:
    post(own, "rita", "propose", text=TIERS + "gold_share = 0.2\n", reason="a reason")
    post(own, "odile", "versions/1/decide", decision="approve", reason="a reason")

    draft = post(own, "odile", "fields", **{"tiers.platinum_share": "0.05"}).text.split("</textarea>")[0].split("<textarea")[1]

    assert "gold_share = 0.2" in draft
    assert "platinum_share" not in draft


def test_a_version_lies_over_the_file_of_the_bank(own: Browsers) -> None:
    path = own.settings.home / "own.toml"
    path.write_text("[tiers]\nplatinum_share = 0.01\ngold_share = 0.3\n", encoding="utf-8")

    policy = load_policy(path, TIERS, 1)

    assert (policy.section("tiers")["platinum_share"], policy.section("tiers")["gold_share"]) == (0.5, 0.3)


def test_a_program_drafts_and_proposes_and_another_person_decides(own: Browsers) -> None:
    rita, odile = (Program(own, login, "policy", "change_policy") for login in ("rita", "odile"))
    read = rita("GET", "/policy/fields")
    assert {"name": "worklist.calls_a_day", "value": 20, "typed": "20"} in read.json["sections"]["worklist"]

    draft = rita("POST", "/policy/fields", {"values": {"worklist.calls_a_day": "7"}})
    assert [(one["name"], one["after"]) for one in draft.json["changes"]] == [("worklist.calls_a_day", 7)]
    assert rita("POST", "/policy/fields", {"values": {"worklist.calls_a_day": "many"}}).status_code == 400

    asked = {"text": draft.json["text"], "reason": "shorter days"}
    assert rita("POST", "/policy/versions", asked, {"If-Match": '"another"'}).status_code == 412
    proposed = rita("POST", "/policy/versions", asked, {"If-Match": read.headers["ETag"]})
    assert (proposed.status_code, proposed.json) == (201, {"version": 1, "state": "open"})
    assert rita("GET", proposed.headers["Location"].removeprefix("/api/v1")).json["changes"] == draft.json["changes"]

    agreed = {"decision": "approve", "reason": "agreed"}
    assert rita("POST", "/policy/versions/1/decision", agreed).status_code == 400
    assert odile("POST", "/policy/versions/1/decision", agreed).json == {"version": 1, "state": "approved"}
    assert odile("POST", "/policy/versions/1/decision", agreed).status_code == 409
    assert odile("GET", "/policy/fields").headers["ETag"] != read.headers["ETag"]


def test_the_store_itself_refuses_that_one_person_does_both(own: Browsers) -> None:
    row = PolicyVersion(entries=TIERS, sha256="0" * 64, state="approved", proposed_by=5, reason="x", proposed_at=1.0, decided_by=5, decided_at=2.0)

    with pytest.raises(IntegrityError), transaction(make_engine(own.settings.store)) as session:
        session.add(row)


@pytest.mark.parametrize("text", ["[tiers", "[tiers]\nplatnum_share = 0.1\n", "[tiers]\nplatinum_share = 'much'\n", ""])
def test_a_draft_that_does_not_hold_or_changes_nothing_is_not_proposed(own: Browsers, text: str) -> None:
    assert post(own, "rita", "propose", text=text, reason="a reason").status_code == 400
    assert versions(own) == []
