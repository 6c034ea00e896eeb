"""Pages of segments in time, attributes and sheets: what a person does on them, in both languages."""

from tests.web.conftest import Browsers, token_of

WHY = "the spring campaign needs it"
DRAFT = {
    "code": "rich", "label_en": "Rich", "label_fr": "Aisé", "definition": "More than four hundred of value", "unit": "yes/no", "owner": "marketing", "expression": "value_12m_minor > 40000",
}  # fmt: skip


def posted(http, path: str, page: str = "/segments/schemes", **fields: str):
    return http.post(path, data={"form_token": token_of(http.get(page).text), **fields})


def test_red_lines_are_shown_overridden_by_two_persons_and_the_scheme_retired(own: Browsers) -> None:
    mark, rita = own.of("mark"), own.of("rita")
    page = mark.get("/segments/validity/lifecycle").text
    assert "red lines block publishing" in page
    assert "needed" in page  # the number beside the bound
    assert "Large enough" in page

    assert posted(mark, "/segments/life/lifecycle/publish").status_code == 400
    assert posted(mark, "/segments/life/lifecycle/override", reason="no").status_code == 400
    assert posted(mark, "/segments/life/lifecycle/override", reason=WHY).status_code == 303
    assert "a colleague decides" in mark.get("/segments/validity/lifecycle").text
    assert posted(mark, "/segments/life/lifecycle/decide", reason=WHY, decision="grant").status_code == 400
    assert WHY in rita.get("/segments/validity/lifecycle").text
    assert posted(rita, "/segments/life/lifecycle/decide", reason="a small bank, accepted", decision="grant").status_code == 303

    page = mark.get("/segments/validity/lifecycle").text
    assert "Against its scorecard, because:" in page
    assert "Rita Moreau" in page
    assert mark.get("/api/v1/schemes/lifecycle/validity").json["state"] == "live"
    assert posted(mark, "/segments/life/lifecycle/retire", reason="the season is over").status_code == 303
    assert mark.get("/api/v1/schemes/lifecycle/validity").json["state"] == "ready-made"


def test_a_relationship_manager_reads_the_scorecard_and_finds_no_button(own: Browsers) -> None:
    page = own.of("alice").get("/segments/validity/lifecycle").text

    assert "Large enough" in page
    assert "/publish" not in page
    assert "/override" not in page


def test_the_cadence_is_set_and_a_membership_kept_on_demand(own: Browsers) -> None:
    http = own.of("rita")
    assert "No membership is kept yet" in http.get("/segments/life/lifecycle").text

    assert posted(http, "/segments/life/lifecycle/cadence", cadence="monthly").status_code == 303
    assert posted(http, "/segments/life/lifecycle/cadence", cadence="hourly").status_code == 400
    assert posted(http, "/segments/life/lifecycle/keep").status_code == 303

    found = http.get("/api/v1/schemes/lifecycle/memberships").json
    assert (found["cadence"], [row["as_of"] for row in found["memberships"]]) == ("monthly", ["2025-12-31"])
    assert found["memberships"][0]["sha256"][:16] in http.get("/segments/life/lifecycle").text


def test_with_one_date_nobody_moved_and_the_file_says_so(own: Browsers) -> None:
    http = own.of("mark")

    assert "One date is published so far" in http.get("/segments/changes/lifecycle").text
    assert http.get("/segments/changes/lifecycle/export?format=csv", buffered=True).headers["X-Row-Count"] == "0"
    assert http.get("/api/v1/schemes/lifecycle/changes").json["moved"] == 0
    assert http.get("/api/v1/segment-events").json == {"run_id": 1, "as_of": "2025-12-31", "events": [], "next_after": None}
    assert http.get("/api/v1/segment-events?limit=0").status_code == 422
    assert http.get("/segments/changes/lifecycle?segment=nonsense").status_code == 400
    assert http.get("/segments/changes/payer").status_code == 404  # reads what a marketer may not


def test_an_attribute_of_our_own_is_written_checked_saved_and_read_by_rules(own: Browsers) -> None:
    http = own.of("mark")

    slip = posted(http, "/segments/own-attributes/check", **{**DRAFT, "expression": "salary > 1"})
    assert slip.status_code == 200
    assert "no attribute you may read" in slip.text
    assert "What to do:" in slip.text
    checked = posted(http, "/segments/own-attributes/check", **DRAFT).text
    assert "as both readers find them" in checked
    saved = posted(http, "/segments/own-attributes/save", **DRAFT)
    assert (saved.status_code, saved.location) == (303, "/segments/attributes/own_rich_v1")
    assert "More than four hundred of value" in http.get("/segments/attributes/own_rich_v1").text
    assert "own_rich_v1" in [row["name"] for row in http.get("/api/v1/attributes").json["attributes"]]
    assert posted(http, "/segments/own-attributes/rich/retire", version="1").status_code == 303
    assert http.get("/segments/attributes/own_rich_v1").status_code == 404


def test_the_catalogue_is_narrowed_and_reads_in_french(own: Browsers) -> None:
    http = own.of("mark")
    posted(http, "/language", language="fr", next="/")

    page = http.get("/segments/attributes?q=niveau+de+valeur").text
    assert "Niveau de valeur" in page
    assert "Utilisable" in page
    assert "Aucun attribut ne correspond" in http.get("/segments/attributes?q=xyzzy").text
    assert "Part" in http.get("/segments/attributes/tier").text
    assert http.get("/segments/attributes/risk_band").status_code == 404


def test_a_sheet_is_written_held_against_its_figures_and_printed_on_one_page(own: Browsers) -> None:
    http = own.of("mark")
    page = http.get("/segments/strategy/lifecycle/developing").text
    assert "not written yet" in page
    assert "whole base" in page

    fields = {"needs_en": "Advice on saving", "proof_en": "Nine of ten stayed", "measure": "clients", "target": "1", "target_on": "2026-06-30"}
    assert posted(http, "/segments/strategy/lifecycle/developing", **fields).status_code == 303
    page = http.get("/segments/strategy/lifecycle/developing").text
    assert "Advice on saving" in page
    assert "reached" in page
    assert "version 1" in page
    assert "Clients: 1" in http.get("/segments/strategy/lifecycle").text
    for slip in ({"measure": "clients"}, {"measure": "beauty", "target": "1"}, {"target_on": "soon"}, {"unheard": "of"}):
        assert posted(http, "/segments/strategy/lifecycle/developing", **slip).status_code == 400
    assert http.get("/segments/strategy/payer").status_code == 404
    assert posted(own.of("alice"), "/segments/strategy/lifecycle/developing", needs_en="mine").status_code == 404


def test_the_risk_desk_says_when_warnings_were_not_measured_and_whom_to_protect(own: Browsers) -> None:
    http = own.of("rita")

    assert "have not been measured yet" in http.get("/risk/warnings").text
    assert "To protect, not to select." in http.get("/risk/vulnerable").text
    assert own.of("mark").get("/risk/vulnerable").status_code == 404


def test_the_same_is_told_over_the_api_within_the_rights_of_the_role(own: Browsers) -> None:
    rita, mark = own.of("rita"), own.of("mark")

    tier = rita.get("/api/v1/attributes/tier").json
    assert (tier["attribute"]["owner"], tier["state"], sum(one["clients"] for one in tier["values"])) == ("models", "usable", tier["known"])
    assert mark.get("/api/v1/attributes/risk_band").status_code == 404
    sheets = mark.get("/api/v1/schemes/lifecycle/strategy").json
    assert sum(one["standing"]["clients"] for one in sheets["segments"]) == sheets["base"]["clients"]
    assert rita.get("/api/v1/warning-quality").json["rules"] == []
    assert rita.get("/api/v1/vulnerable-clients").json["clients"] == 0
    assert mark.get("/api/v1/vulnerable-clients").status_code == 404
