"""The pictures of segmentation: what they count is what they list, within the reader's scope, in both languages."""

import json

import pytest

from tests.web.conftest import Browsers, token_of

PAGES = (
    "/segments/pictures", "/segments/apart/lifecycle", "/segments/rfm", "/segments/rfm?monetary=balance", "/segments/contribution", "/segments/concentration?g=40&m=70", "/segments/strategy",
    "/segments/strategy?risk=high", "/segments/matrix?rows=tier&columns=scheme:lifecycle", "/segments/places", "/segments/places?level=department", "/segments/two?one=value_tiers/gold&other=moments/birthday_7_days",
    "/segments/fit", "/segments/fit?scheme=lifecycle", "/segments/groups?figure=holds:savings&by=tier", "/segments/birthdays?days=7", "/segments/loyal?years=1", "/segments/standing/C1", "/segments/listed?in=tier/gold&out=churn_band/high", "/segments/schemes/value_tiers",
)  # fmt: skip


def test_every_picture_opens_in_both_languages_and_says_as_of_when(own: Browsers) -> None:
    http = own.of("alice")
    english = {path: http.get(path) for path in PAGES}
    http.post("/language", data={"form_token": token_of(http.get("/segments/schemes").text), "language": "fr", "next": "/"})
    french = {path: http.get(path) for path in PAGES}

    assert {path: (english[path].status_code, french[path].status_code) for path in PAGES} == dict.fromkeys(PAGES, (200, 200))
    assert [path for path in PAGES if "31 Dec 2025" not in english[path].text or "31 déc. 2025" not in french[path].text] == []
    assert [path for path in PAGES if ' style="' in english[path].text or "<script>" in english[path].text] == []


def test_a_cell_lists_as_many_clients_as_it_counts(browsers: Browsers) -> None:
    http = browsers.of("rita")
    grid = http.get("/api/v1/pictures/matrix?rows=tier&columns=churn_band").json["grid"]

    assert sum(cell["clients"] for cell in grid["cells"]) == grid["total"]["clients"] == 4
    for cell in grid["cells"]:
        inside = [f"tier/{cell['row'] or ''}", f"churn_band/{cell['column'] or ''}"]
        listed = http.get("/api/v1/pictures/clients", query_string={"inside": inside}).json
        file = http.get("/segments/listed/export", query_string={"in": inside, "format": "csv"}, buffered=True)
        assert listed["clients"] == len(listed["rows"]) == cell["clients"] == int(file.headers["X-Row-Count"])


def test_a_relationship_manager_counts_its_own_clients_alone(browsers: Browsers) -> None:
    assert browsers.of("alice").get("/api/v1/pictures/base").json["clients"] == 2
    assert browsers.of("rita").get("/api/v1/pictures/base").json["clients"] == 4
    assert [row["client_id"] for row in browsers.of("bob").get("/api/v1/pictures/clients").json["rows"]] == ["C3"]


def test_every_scheme_of_the_whole_base_adds_up_to_it(browsers: Browsers) -> None:
    page = browsers.of("rita").get("/api/v1/pictures/base").json

    assert len(page["strips"]) > 15
    assert {sum(row["clients"] for row in strip["segments"]) for strip in page["strips"]} == {page["clients"]}


@pytest.mark.parametrize(
    "axis", ["risk_band", "is_high_risk", "credit_band", "scheme:payer", "member:payer:a", "scheme:strategic_grid", "sex", "name", "household_id", "nothing"]
)
def test_what_a_marketer_may_not_read_parts_no_clients(browsers: Browsers, axis: str) -> None:
    http = browsers.of("mark")

    assert http.get(f"/segments/matrix?rows={axis}&columns=tier").status_code == 404
    assert http.get(f"/segments/listed?in={axis}/x").status_code == 404
    assert http.get(f"/api/v1/pictures/groups?by={axis}").status_code == 404


def test_a_protected_attribute_selects_nobody_whoever_asks(browsers: Browsers) -> None:
    assert browsers.of("rita").get("/segments/listed?in=sex/female").status_code == 404
    assert browsers.of("rita").get("/segments/listed?in=risk_band/high").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/segments/listed?in=tier", "/segments/concentration?g=90&m=50", "/segments/concentration?g=x", "/segments/birthdays?days=999", "/segments/listed?in=class:9/large",
        "/segments/two?one=gold", "/segments/matrix?rows=scheme:moments&columns=tier", "/segments/listed?" + "&".join(["in=tier/gold"] * 7),
    ],
)  # fmt: skip
def test_a_slip_in_the_address_is_told_and_breaks_nothing(browsers: Browsers, path: str) -> None:
    answer = browsers.of("rita").get(path)

    assert answer.status_code == 400
    assert "Traceback" not in answer.text


def test_a_client_s_rfm_says_both_amounts_and_hides_the_balance_from_marketing(browsers: Browsers) -> None:
    found = browsers.of("rita").get("/api/v1/clients/C1/rfm").json

    assert (found["measures"]["recency_score"], found["mean_turnover"], found["mean_balance"]) == (5, 4.0, 3.0)
    assert found["measures"]["deposits_mean_12m_minor"] == 765_432
    assert "deposits_mean_12m_minor" not in browsers.of("mark").get("/api/v1/clients/C1/rfm").json["measures"]
    assert "7,654" not in browsers.of("mark").get("/segments/standing/C1").text


def test_a_payer_grade_shows_its_evidence_to_those_who_may_read_it(browsers: Browsers) -> None:
    grade = browsers.of("rita").get("/api/v1/clients/C1/segments").json["grade"]

    assert grade["code"] == "b"
    assert len(grade["facts"]) == 1
    assert grade["measures"]["late_instalments_365d"] == 1
    assert browsers.of("mark").get("/api/v1/clients/C1/segments").json["grade"] is None
    assert "Payer grade" not in browsers.of("mark").get("/segments/standing/C1").text


def test_the_lines_of_the_contribution_add_up_and_a_marketer_sees_no_loss(browsers: Browsers) -> None:
    for login, hidden in (("rita", "costs_and_loss"), ("mark", "expected_loss")):
        tiers = browsers.of(login).get("/api/v1/pictures/contribution").json["tiers"]
        assert all(sum(one["lines"].values()) == (one["value_12m_minor"] or 0) for one in tiers if one["valued"])
        assert all(hidden not in one["lines"] for one in tiers)


def test_loyal_clients_are_counted_by_one_s_own_measure_and_kept_as_a_scheme(own: Browsers) -> None:
    http = own.of("mark")

    found = http.get("/api/v1/pictures/loyal?products=2&index=70").json
    kept = http.post(
        "/segments/designer/save", data={"form_token": token_of(http.get("/segments/loyal").text), "document": json.dumps(found["document"]), "note": ""}
    )

    assert found["clients"] == found["of"] == 4
    assert http.get("/api/v1/pictures/loyal?index=72").json["clients"] == 0
    assert kept.location == "/segments/schemes/loyal_clients"
    assert http.get("/api/v1/schemes/loyal_clients/segments/loyal/clients").json["clients"] == 4
    assert http.get("/segments/loyal?months=13").status_code == 400


def test_places_too_small_to_be_told_leave_neither_on_the_page_nor_in_the_file(browsers: Browsers) -> None:
    http = browsers.of("rita")

    page = http.get("/api/v1/pictures/places?level=department").json
    file = http.get("/segments/places/export?level=department", buffered=True)

    assert (page["hidden_places"], page["hidden_clients"], page["spots"]) == (1, 4, [])
    assert file.headers["X-Row-Count"] == "0"
    assert "69" not in file.text.split("\n", 1)[1]


def test_the_part_a_page_asks_for_is_only_the_part(browsers: Browsers) -> None:
    part = browsers.of("rita").get("/segments/apart/lifecycle", headers={"HX-Request": "true"}).text

    assert "<html" not in part
    assert "portraits" in part
