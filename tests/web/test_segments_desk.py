"""The segments desk: what a person writes is counted before it is saved, and a slip is told in words."""

import json

import pytest

from tests.web.conftest import Browsers, token_of

DOCUMENT = {
    "code": "own", "label_en": "Own scheme", "label_fr": "Schéma maison",
    "segment": [
        {"code": "gold", "label_en": "Golden", "label_fr": "Dorés", "when": {"attribute": "tier", "equals": "gold"}},
        {"code": "rest", "label_en": "The others", "label_fr": "Les autres"},
    ],
}  # fmt: skip


def sent(http, path: str, document: object, **fields: str):
    token = token_of(http.get("/segments/designer").text)
    return http.post(path, data={"form_token": token, "document": document if isinstance(document, str) else json.dumps(document), **fields})


def test_a_scheme_is_previewed_saved_shown_and_edited_again(own: Browsers) -> None:
    http = own.of("mark")

    assert "Golden" in sent(http, "/segments/designer/preview", DOCUMENT).text
    saved = sent(http, "/segments/designer/save", DOCUMENT, note="for the spring campaign")
    assert (saved.status_code, saved.location) == (303, "/segments/schemes/own")
    page = http.get("/segments/schemes/own").text
    assert "Golden" in page
    assert "for the spring campaign" in page
    assert "Own scheme" in http.get("/segments/schemes").text
    wider = {**DOCUMENT, "segment": [{**DOCUMENT["segment"][0], "when": {"attribute": "tier", "in": ["gold", "silver"]}}, DOCUMENT["segment"][1]]}
    preview = sent(http, "/segments/designer/preview", wider).text
    assert "Client C2" in preview  # who would enter
    assert "tier" in http.get("/segments/designer?scheme=own").text


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("{", "TOML or JSON"),
        ("{}", "code"),
        ({**DOCUMENT, "segment": [{**DOCUMENT["segment"][0], "when": {"attribute": "sex", "equals": "male"}}, DOCUMENT["segment"][1]]}, "protected"),
        ({**DOCUMENT, "segment": [{**DOCUMENT["segment"][0], "when": {"attribute": "credit_score", "below": 500}}, DOCUMENT["segment"][1]]}, "credit_score"),
        ({**DOCUMENT, "segment": [{**DOCUMENT["segment"][0], "when": {"attribute": "'; DROP TABLE run; --", "equals": 1}}, DOCUMENT["segment"][1]]}, "unknown"),
    ],
)
def test_a_slip_is_told_beside_the_document_and_never_saved(own: Browsers, document: object, told: str) -> None:
    http = own.of("mark")

    preview = sent(http, "/segments/designer/preview", document)
    saved = sent(http, "/segments/designer/save", document)

    assert preview.status_code == 200
    assert told in preview.text
    assert saved.status_code in {400, 500}
    assert "Traceback" not in saved.text
    assert http.get("/segments/schemes/own").status_code == 404


def test_a_scheme_reads_in_both_languages_and_says_why_a_client_is_where_it_is(own: Browsers) -> None:
    http = own.of("alice")
    token = token_of(http.get("/segments/schemes").text)
    http.post("/language", data={"form_token": token, "language": "fr", "next": "/"})

    assert "Cycle de vie de la relation" in http.get("/segments/schemes/lifecycle").text
    why = http.get("/segments/why/lifecycle/C1").text
    assert "En développement" in why
    assert "ici" in why


def test_what_only_others_may_read_is_no_attribute_of_a_marketer(own: Browsers) -> None:
    assert "risk_band" not in own.of("mark").get("/segments/attributes").text
    assert "risk_band" in own.of("rita").get("/segments/attributes").text
    names = [row["name"] for row in own.of("mark").get("/api/v1/attributes").json["attributes"]]
    assert "tier" in names
    assert "credit_score" not in names
    assert own.of("mark").get("/api/v1/schemes/payer").status_code == 404


def test_an_export_holds_what_the_page_counts(own: Browsers) -> None:
    http = own.of("rita")

    counted = http.get("/api/v1/schemes/lifecycle/segments/developing/clients").json
    file = http.get("/segments/schemes/lifecycle/developing/export?format=csv", buffered=True)

    assert len(counted["rows"]) == counted["clients"] == int(file.headers["X-Row-Count"]) == len(file.text.strip().splitlines()) - 1
