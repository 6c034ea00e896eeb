"""Everything a page does, a program can: each page's route has its twin under /api/v1, or a reason why it has none."""

import pytest

from bankseg.web.policy import POLICY
from tests.web.conftest import Browsers

TWINS = {
    "relationship.my_day": "views_api.my_day", "relationship.clients": "api.clients", "relationship.export": "files_api.clients", "relationship.client": "api.client",
    "relationship.contact": "work_api.record", "relationship.withdraw": "work_api.withdraw", "portfolio.overview": "views_api.overview", "portfolio.seen": "views_api.seen",
    "portfolio.save_view": "views_api.keep", "portfolio.delete_view": "views_api.delete", "client.activity": "client_parts_api.activity", "client.ties": "client_parts_api.ties",
    "client.past": "client_parts_api.past", "client.movements": "client_parts_api.movements", "marketing.products": "api.products", "marketing.cross_sell": "api.cross_sell",
    "marketing.export": "files_api.cross_sell", "lists.index": "lists_api.lists", "lists.new": "design_api.list_choices", "lists.keep": "lists_api.keep", "lists.one": "lists_api.one",
    "lists.freeze": "lists_api.freeze", "lists.release": "lists_api.release", "lists.close": "lists_api.close", "lists.export": "lists_api.members",
    "lists.exclusions": "lists_api.exclusions", "risk.queue": "api.risk_queue_page", "risk.export": "files_api.risk", "risk.overview": "api.risk_overview", "risk.case": "work_api.case",
    "risk.decide": "work_api.decide", "risk.sign": "work_api.sign", "risk.assign": "work_api.assign", "watch.warnings": "living_api.warnings", "watch.vulnerable": "living_api.vulnerable",
    "overview.segments": "api.segments", "segments.schemes": "segments_api.schemes", "segments.scheme": "segments_api.scheme", "segments.members": "segments_api.segment_clients",
    "segments.export": "files_api.segment", "segments.why": "design_api.why", "segments.attributes": "segments_api.attributes", "segments.moves": "life_api.migration",
    "segments.trial": "life_api.scorecard", "segments.designer": "design_api.draft", "segments.preview": "design_api.preview", "segments.save": "design_api.save",
    "pictures.base": "pictures_api.base", "pictures.portraits": "pictures_api.portraits", "pictures.rfm": "pictures_api.rfm", "pictures.tiers": "pictures_api.tiers",
    "pictures.curve": "pictures_api.curve", "pictures.strategy": "pictures_api.strategy", "pictures.crossing": "pictures_api.crossing", "pictures.places": "pictures_api.places",
    "pictures.export_places": "files_api.places", "pictures.two": "pictures_api.two", "pictures.fit": "pictures_api.fit", "pictures.comparison": "pictures_api.comparison",
    "pictures.coming_birthdays": "pictures_api.coming_birthdays", "pictures.export_birthdays": "files_api.coming_birthdays", "pictures.loyal": "pictures_api.loyal",
    "pictures.client": "pictures_api.client_segments", "pictures.listed": "pictures_api.listed", "pictures.export": "files_api.pictured", "strategy.scheme": "living_api.strategy",
    "strategy.sheet": "design_api.sheet", "strategy.save": "design_api.save_sheet", "attributes.one": "living_api.attribute", "attributes.own": "design_api.own_attributes",
    "attributes.check": "design_api.check", "attributes.save": "design_api.save_own", "attributes.retire": "design_api.retire_own", "life.scheme": "life_api.memberships",
    "life.changes": "life_api.changes", "life.export": "files_api.changes", "life.publish": "scheme_life_api.publish", "life.override": "scheme_life_api.override",
    "life.decide": "scheme_life_api.decide", "life.retire": "scheme_life_api.retire", "life.cadence": "scheme_life_api.cadence", "life.keep": "life_api.keep",
    "studies.index": "studies_api.studies", "studies.new": "design_api.study_choices", "studies.ask": "studies_api.ask", "studies.study": "studies_api.study",
    "studies.scheme": "studies_api.scheme", "studies.export": "files_api.study", "studies.lifetime": "studies_api.lifetime", "studies.check": "studies_api.check",
    "models.registry": "api.models", "models.target": "governance_api.target", "models.version": "api.model", "models.file": "api.model_document", "models.propose": "governance_api.propose",
    "models.decide": "governance_api.decide", "models.rollback": "governance_api.rollback", "models.retraining": "governance_api.retraining", "models.alert": "governance_api.alert",
    "account.page": "staff_api.account", "account.revoke": "staff_api.revoke_own", "oversight.page": "staff_api.overview", "administration.people": "staff_api.people",
    "administration.add": "staff_api.add", "administration.person": "staff_api.person", "administration.change": "staff_api.change", "administration.enable": "staff_api.enable",
    "administration.reset": "staff_api.reset", "administration.revoke": "staff_api.revoke", "administration.audit": "staff_api.audit", "administration.export_audit": "files_api.audit",
    "administration.policy": "staff_api.policy", "administration.try_policy": "staff_api.try_policy", "operations.runs": "runs_api.runs", "operations.run": "runs_api.run", "operations.retry_run": "runs_api.retry", "operations.stop_run": "runs_api.stop",
    "operations.imports": "runs_api.imports", "operations.import_batch": "runs_api.one_import", "operations.quarantine": "files_api.quarantine",
    "usage.client": "usage_api.client", "erasures.index": "subjects_api.erasures", "erasures.ask": "subjects_api.ask", "erasures.one": "subjects_api.one",
    "erasures.receipt": "subjects_api.one", "erasures.decide": "subjects_api.decide", "erasures.retry": "subjects_api.retry", "erasures.hold": "subjects_api.hold",
    "erasures.lift": "subjects_api.lift", "subject.object_to_marketing": "subjects_api.object_to_marketing", "subject.withdraw": "subjects_api.withdraw",
    "subject.access": "subjects_api.access",
    "applications.index": "applications_api.index",
    "applications.export": "applications_api.export",
    "usage.talk": "offers_api.talk",
    "firm.profile": "firms_api.profile",
    "firm.save": "firms_api.save",
    "advisers.index": "advisers_api.index",
    "advisers.ask": "advisers_api.ask",
    "advisers.one": "advisers_api.one",
    "advisers.decide": "advisers_api.decide",
    "advisers.export": "files_api.advisers",
    "positions.grid": "positions_api.grid",
    "positions.note": "positions_api.note",
    "positions.save": "positions_api.save",
    "offers.scheme": "offers_api.offers",
    "offers.save": "offers_api.save",
    "offers.withdraw": "offers_api.withdraw",
    "offers.texts": "offers_api.texts",
    "offers.save_text": "offers_api.save_text",
    "age_groups.one": "age_groups_api.one",
    "uploads.page": "uploads_api.uploads", "uploads.take_files": "uploads_api.send", "uploads.one": "uploads_api.one", "uploads.choose": "uploads_api.choose", "uploads.write": "uploads_api.write", "uploads.mapping": "uploads_api.mapping", "uploads.try_out": "uploads_api.try_out", "uploads.rejects": "uploads_api.rejects", "uploads.load": "uploads_api.load", "uploads.retry": "uploads_api.retry", "uploads.call_off": "uploads_api.call_off", "uploads.withdraw": "uploads_api.withdraw",
    "policy_editor.fields": "policy_api.fields", "policy_editor.try_fields": "policy_api.try_fields", "policy_editor.propose": "policy_api.propose",
    "policy_editor.decide": "policy_api.decide", "policy_editor.compare": "policy_api.compare",
}  # fmt: skip
IN_A_BROWSER = "a matter of one browser: its session, its language, its first page, its help"
# By endpoint, or by blueprint for all of its routes.
NO_TWIN = {
    "static": "files of the pages themselves",
    "health": "for probes, outside the API",
    "metrics": "for a monitoring system with its own token",
    "entrance": IN_A_BROWSER,
    "openid": IN_A_BROWSER,
    "help": IN_A_BROWSER,
    "account.password": "whoever holds a token must not be able to take the account over",
    "account.issue": "a token that could make tokens would outlive its end",
    "api_pages": "the description of the API",
}


def page_endpoints(browsers: Browsers) -> set[str]:
    """The routes outside the API's parts."""
    return {
        rule.endpoint
        for rule in browsers.app.url_map.iter_rules()
        if not rule.endpoint.partition(".")[0].endswith("_api") and not rule.endpoint.startswith("api.")
    }


def test_every_page_has_a_twin_or_a_reason(browsers: Browsers) -> None:
    alone = [name for name in page_endpoints(browsers) - set(TWINS) if name not in NO_TWIN and name.partition(".")[0] not in NO_TWIN]

    assert sorted(alone) == []


def test_every_twin_is_there(browsers: Browsers) -> None:
    assert set(TWINS) <= page_endpoints(browsers)
    assert set(TWINS.values()) <= set(POLICY)


@pytest.mark.parametrize("page", sorted(TWINS))
def test_a_twin_opens_for_those_for_whom_the_page_does(page: str) -> None:
    assert POLICY[TWINS[page]] is POLICY[page]
