"""Every route against every role: a route without a policy fails here, a foreign client looks like none."""

import re

import pytest

from bankseg.domain.people import Role
from bankseg.domain.rights import ROLES_WITH, Right
from bankseg.web.policy import POLICY, Door
from tests.web.builders import PEOPLE
from tests.web.conftest import Browsers

pytestmark = pytest.mark.matrix

ROLE_OF = {login: role for login, _, role, _, _ in PEOPLE}
# A value for each parameter of a route, such that Alice (RM1) is in her right.
EXAMPLES = {
    "client_id": "C1", "product": "life_insurance", "run_id": "1", "filename": "desk.css", "target": "hard_exit", "version": "1", "alert_id": "1",
    "code": "lifecycle", "segment": "developing", "kind": "tree", "study_id": "1", "person_id": "1", "token_id": "1", "contact_id": "1", "view_id": "1", "list_id": "1", "batch_id": "1", "upload_id": "1", "erasure_id": "1", "hold_id": "1", "proposal_id": "1", "what": "tier", "name": "tier", "offer_id": "1",
}  # fmt: skip
OVERRIDES = {"risk.case": {"client_id": "C2"}, "work_api.case": {"client_id": "C2"}, "api_pages.static": {"filename": "css/swagger-ui.css"}}
OF_THEIR_OWN = {
    "health.readyz": 503,
    "metrics.page": 404,
    "openid.start": 404,
    "openid.answer": 404,
    "views_api.view": 404,
}  # no worker serves the small bank, no provider signs its people in; nobody holds a token for its metrics, or keeps a view
NOTHING_KEPT = ("operations.quarantine", "uploads.rejects", "uploads_api.rejects", "files_api.quarantine")  # no row of the small bank was refused
OF_TWO_DATES = ("life_api.migration",)  # the small bank has published one
OF_ONE_CLIENT = (
    "relationship.client",
    "client.activity",
    "client.ties",
    "client.past",
    "client.movements",
    "risk.case",
    "work_api.case",
    "work_api.contacts",
    "api.client",
    "segments.why",
    "pictures.client",
    "pictures_api.client_rfm",
    "pictures_api.client_segments",
    "client_parts_api.activity",
    "client_parts_api.ties",
    "client_parts_api.past",
    "client_parts_api.movements",
    "design_api.why",
    "usage.client",
    "usage_api.client",
    "usage.talk",
    "offers_api.talk",
    "subject.access",
    "subjects_api.access",
    "subjects_api.objection_of",
    "firm.profile",
    "firms_api.profile",
)


def address(browsers: Browsers, endpoint: str, **changes: str) -> str:
    """The address of a route with its parameters filled in."""
    rule = next(rule for rule in browsers.app.url_map.iter_rules() if rule.endpoint == endpoint)
    values = EXAMPLES | OVERRIDES.get(endpoint, {}) | changes
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda part: values[part[1]], rule.rule)


WRITING = {"POST", "PUT", "DELETE", "PATCH"}
WRITES = (
    "views_api.seen", "views_api.keep", "views_api.change", "views_api.delete", "design_api.save", "design_api.preview", "design_api.check", "design_api.save_own", "design_api.retire_own",
    "design_api.save_sheet", "scheme_life_api.publish", "scheme_life_api.override", "scheme_life_api.decide", "scheme_life_api.retire", "scheme_life_api.cadence", "life_api.keep",
    "studies_api.check", "governance_api.propose", "governance_api.decide", "governance_api.rollback", "governance_api.retraining", "governance_api.alert", "runs_api.start", "runs_api.retry",
    "runs_api.stop", "staff_api.add", "staff_api.change", "staff_api.enable", "staff_api.reset", "staff_api.revoke", "staff_api.revoke_own", "staff_api.try_policy",
    "erasures.ask", "erasures.hold", "erasures.lift", "erasures.decide", "erasures.retry", "subject.object_to_marketing", "subject.withdraw", "subjects_api.ask", "subjects_api.decide",
    "subjects_api.retry", "subjects_api.hold", "subjects_api.lift", "subjects_api.object_to_marketing", "subjects_api.withdraw",
    "uploads_api.send", "uploads_api.choose", "uploads_api.write", "uploads_api.try_out", "uploads_api.load", "uploads_api.retry", "uploads_api.call_off", "uploads_api.withdraw",
    "work_api.record", "work_api.withdraw", "work_api.decide", "work_api.sign", "work_api.assign",
    "operations.retry_run", "operations.stop_run", "uploads.take_files", "uploads.choose", "uploads.write", "uploads.try_out", "uploads.load", "uploads.retry", "uploads.call_off", "uploads.withdraw",
    "entrance.sign_in", "entrance.sign_out", "entrance.language", "models.propose", "models.decide", "models.rollback", "models.retraining", "models.alert", "segments.preview", "segments.save", "studies.ask", "studies_api.ask", "studies.check",
    "portfolio.seen", "portfolio.save_view", "portfolio.delete_view", "relationship.contact", "relationship.withdraw", "risk.decide", "risk.sign", "risk.assign", "account.password", "account.issue", "account.revoke", "administration.add", "administration.change", "administration.enable", "administration.reset", "administration.revoke", "openid.link",
    "lists.keep", "lists.freeze", "lists.release", "lists.close", "lists_api.count", "lists_api.keep", "lists_api.freeze", "lists_api.release", "lists_api.close",
    "administration.try_policy", "policy_editor.try_fields", "policy_editor.propose", "policy_editor.decide", "policy_api.try_fields", "policy_api.propose", "policy_api.decide", "life.publish", "life.override", "life.decide", "life.retire", "life.cadence", "life.keep",
    "attributes.check", "attributes.save", "attributes.retire",
    "attributes.check", "attributes.save", "attributes.retire", "strategy.save",
    "offers_api.save_text",
    "offers_api.withdraw",
    "offers_api.save",
    "offers.save_text",
    "offers.withdraw",
    "offers.save",
    "firm.save",
    "firms_api.save",
    "advisers.ask",
    "advisers.decide",
    "advisers_api.ask",
    "advisers_api.decide",
    "positions.save",
    "positions_api.save",
)  # fmt: skip


def reads() -> list[str]:
    """The routes that are read."""
    return [endpoint for endpoint in POLICY if endpoint not in WRITES]


def method_of(browsers: Browsers, endpoint: str) -> str:
    """The method by which a route writes."""
    methods = next(rule.methods or set() for rule in browsers.app.url_map.iter_rules() if rule.endpoint == endpoint)
    return next(iter(WRITING & methods))


def test_the_routes_that_write_are_those_that_take_a_post_put_or_delete(browsers: Browsers) -> None:
    assert {rule.endpoint for rule in browsers.app.url_map.iter_rules() if WRITING & (rule.methods or set())} == set(WRITES)


@pytest.mark.parametrize("endpoint", [endpoint for endpoint in WRITES if isinstance(POLICY[endpoint], Right)])
def test_a_write_is_refused_to_strangers_and_hidden_from_roles_without_the_right(browsers: Browsers, endpoint: str) -> None:
    path, right, method = address(browsers, endpoint), POLICY[endpoint], method_of(browsers, endpoint)

    assert browsers.stranger().open(path, method=method).status_code == (401 if path.startswith("/api/") else 303)
    for login, role in ROLE_OF.items():
        status = browsers.of(login).open(path, method=method).status_code  # without the token of a form: 403 is as far as a right leads
        assert status == (403 if role in ROLES_WITH[right] else 404), login


def test_every_route_has_a_policy_and_every_policy_a_route(browsers: Browsers) -> None:
    assert {rule.endpoint for rule in browsers.app.url_map.iter_rules()} == set(POLICY)


def test_a_route_that_was_forgotten_opens_for_nobody(browsers: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(POLICY, "overview.segments")

    assert browsers.of("rita").get("/segments").status_code == 404


@pytest.mark.parametrize("endpoint", reads())
def test_a_stranger_is_asked_to_sign_in(browsers: Browsers, endpoint: str) -> None:
    path = address(browsers, endpoint)

    response = browsers.stranger().get(path, buffered=True)

    if POLICY[endpoint] is Door.PUBLIC:
        assert response.status_code == OF_THEIR_OWN.get(endpoint, 200)
    elif path.startswith("/api/"):
        assert (response.status_code, response.mimetype) == (401, "application/problem+json")
    else:
        assert response.status_code == 303
        assert response.location.startswith("/sign-in")


@pytest.mark.parametrize("login", [login for login, *_ in PEOPLE])
@pytest.mark.parametrize("endpoint", reads())
def test_a_role_without_the_right_finds_nothing(browsers: Browsers, endpoint: str, login: str) -> None:
    door, role = POLICY[endpoint], Role(ROLE_OF[login])
    foreign = login == "bob" and endpoint in OF_ONE_CLIENT

    response = browsers.of(login).get(address(browsers, endpoint), buffered=True)

    if isinstance(door, Right) and (role not in ROLES_WITH[door] or foreign):
        assert response.status_code == 404
    else:
        assert response.status_code in ({409} if endpoint in (*OF_TWO_DATES, *NOTHING_KEPT) else {OF_THEIR_OWN.get(endpoint, 200), 303})


@pytest.mark.parametrize("endpoint", OF_ONE_CLIENT)
@pytest.mark.parametrize(
    ("login", "client_id"), [("alice", "C3"), ("alice", "C4"), ("bob", "C1"), ("bea", "C3"), ("adam", "C1"), ("axel", "C1"), ("odile", "C1")]
)
def test_anothers_client_looks_like_one_that_does_not_exist(browsers: Browsers, endpoint: str, login: str, client_id: str) -> None:
    http = browsers.of(login)

    foreign, missing = http.get(address(browsers, endpoint, client_id=client_id)), http.get(address(browsers, endpoint, client_id="nobody"))

    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert foreign.text.replace(client_id, "nobody") == missing.text
    assert client_id not in foreign.text or not endpoint.startswith("api.")


LISTS = (
    "/clients", "/clients?q=C1", "/clients?q=Client", "/clients?sort=name", "/my-day", "/cross-sell/life_insurance", "/cross-sell/life_insurance?top=9", "/risk", "/segments",
    "/api/v1/clients?limit=200", "/api/v1/clients?q=C", "/api/v1/cross-sell/life_insurance", "/api/v1/risk-queue", "/clients/export?format=csv", "/risk/export",
    "/cross-sell/life_insurance/export", "/segments/schemes/lifecycle/developing", "/segments/schemes/lifecycle/developing/export", "/segments/schemes/lifecycle",
    "/api/v1/schemes/lifecycle/segments/developing/clients", "/segments/listed", "/segments/listed?in=tier/gold", "/segments/listed/export", "/segments/birthdays",
    "/segments/birthdays/export", "/api/v1/pictures/clients", "/api/v1/pictures/clients?inside=fm/4", "/api/v1/pictures/birthdays",
)  # fmt: skip
HIDDEN_FROM = {"bob": ("C1", "C2", "C4"), "bea": ("C3", "C4")}


def named(text: str, login: str) -> list[str]:
    """The clients not this person's that an answer names."""
    forms = r"{0}<|Client {0}|/clients/{0}\b|\"client_id\":\"{0}\"|,{0},"
    found = [client_id for client_id in HIDDEN_FROM[login] if re.search(forms.format(client_id), text)]
    return found + ["Zoé"] * (login != "bob" and "Zoé" in text)


@pytest.mark.parametrize("login", HIDDEN_FROM)
@pytest.mark.parametrize("path", LISTS)
def test_no_list_search_or_export_names_a_foreign_client(browsers: Browsers, login: str, path: str) -> None:
    assert named(browsers.of(login).get(path, buffered=True).text, login) == []


def test_a_count_tells_nothing_of_foreign_clients(browsers: Browsers) -> None:
    assert "<strong>1</strong> of 1 clients" in browsers.of("bob").get("/clients").text
    assert browsers.of("bob").get("/api/v1/segments").json["clients"] == 1
    assert browsers.of("bob").get("/api/v1/cross-sell/life_insurance").json["funnel"]["candidates"] == 1
    assert browsers.of("bob").get("/cross-sell/savings").status_code == 404


HIDDEN_FROM_MARKETING = (
    "655",
    "internal",
    "12,346",
    "40,000",
    "Length of the relationship",
    "last one 74 days",
    "4,567",
    "at least 4567",
    "churn band is high",
)


@pytest.mark.parametrize(
    "path",
    [
        "/clients/C1",
        "/clients",
        "/cross-sell/life_insurance",
        "/segments",
        "/clients/export",
        "/cross-sell/life_insurance/export",
        "/segments/schemes/lifecycle/developing",
        "/segments/schemes/lifecycle/developing/export",
        "/segments/listed",
        "/segments/listed/export",
        "/segments/birthdays/export",
    ],
)
def test_a_marketer_sees_no_credit_score_balance_or_reason(browsers: Browsers, path: str) -> None:
    text = browsers.of("mark").get(path, buffered=True).text

    assert "C1" in text or path == "/segments"
    for hidden in HIDDEN_FROM_MARKETING:
        assert hidden not in text


def test_a_marketers_api_answer_lacks_the_hidden_fields(browsers: Browsers) -> None:
    detail = browsers.of("mark").get("/api/v1/clients/C1").json

    assert {"credit_score", "balance_minor", "debt_minor", "churn_reasons", "risk_triggers", "tier_reason"}.isdisjoint(detail["client"])
    assert detail["risk_case"] is None
    assert detail["history"] == []
    assert all("reasons" not in product for product in detail["products"])


def test_a_marketer_cannot_order_by_what_they_may_not_see(browsers: Browsers) -> None:
    assert browsers.of("mark").get("/clients?sort=-balance").status_code == 400
    assert browsers.of("mark").get("/api/v1/clients?sort=-balance").status_code == 400
    assert browsers.of("rita").get("/api/v1/clients?sort=-balance").status_code == 200


def test_a_risk_officer_sees_every_client_with_score_and_reasons(browsers: Browsers) -> None:
    page = browsers.of("rita").get("/clients/C2").text

    for shown in ("655", "Salary or pension: last one 74 days ago; raises the estimate", "41 days past due", "12,346", "value of at least 4,567"):
        assert shown in page
    assert {case["client_id"] for case in browsers.of("rita").get("/api/v1/risk-queue").json["cases"]} == {"C2", "C3"}
