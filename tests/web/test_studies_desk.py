"""The studies desk: asked for on a form, followed on its page, saved in the designer, and read over the API."""

import re

import pytest
from sqlmodel import select

from bankseg.services import segment_studies
from bankseg.storage.database import make_engine, transaction
from bankseg.storage.job import Job
from bankseg.storage.segment_study import SegmentStudy
from bankseg.web.studies.pictures import shade, tree_picture
from tests.web.conftest import Browsers, token_of


@pytest.fixture(autouse=True)
def _no_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_studies, "ring", lambda _settings, _ids: True)


def sent(http, kind: str, **fields: object):
    token = token_of(http.get(f"/segments/studies/new/{kind}").text)
    return http.post(f"/segments/studies/new/{kind}", data={"form_token": token, **fields})


def the_study(own: Browsers, number: int) -> tuple[SegmentStudy, Job | None]:
    engine = make_engine(own.settings.store)
    with transaction(engine) as session:
        study = session.get_one(SegmentStudy, number)
        found = study, session.exec(select(Job).where(Job.id == study.job_id)).one_or_none()
    engine.dispose()
    return found


def test_a_study_is_asked_for_on_a_form_and_its_page_tells_how_far_it_is(own: Browsers) -> None:
    http = own.of("mark")

    asked = sent(http, "tree", goal="value", depth="2", least_clients="1", leaves="4", attributes=["tenure_days", "products_held"])

    assert (asked.status_code, asked.location) == (303, "/segments/studies/2")
    study, job = the_study(own, 2)
    assert study.parameters == {"goal": "value", "attributes": ["products_held", "tenure_days"], "depth": 2, "least_clients": 1, "leaves": 4}
    assert (job.stage, job.state, job.payload) == ("study", "queued", {"study_id": 2})
    page = http.get("/segments/studies/2").text
    assert "Waiting for a worker" in page
    assert "http-equiv" in page  # told again without scripts
    assert sent(http, "tree", goal="value", depth="2", least_clients="1", leaves="4", attributes=["products_held", "tenure_days"]).location == asked.location


def test_a_form_offers_no_protected_attribute_and_refuses_one_that_is_forced(own: Browsers) -> None:
    http = own.of("mark")

    form = http.get("/segments/studies/new/clusters").text

    assert 'value="tenure_days"' in form
    assert all(f'value="{name}"' not in form for name in ("sex", "credit_score", "rm_id", "p:dormancy", "balance_minor"))
    assert sent(http, "clusters", attributes=["tenure_days", "sex"]).status_code == 400
    assert sent(http, "tree", depth="many").status_code == 400
    assert http.get("/segments/studies/new/horoscope").status_code == 404


@pytest.mark.parametrize(
    ("language", "words"), [("en", ("Very like", "Tenure: long", "90%")), ("fr", ("Très semblable", "Ancienneté : longue", "Clients semblables à un segment"))]
)
def test_what_was_found_is_told_in_both_languages_with_the_clients_behind_it(own: Browsers, language: str, words: tuple[str, ...]) -> None:
    http = own.of("mark")
    http.post("/language", data={"form_token": token_of(http.get("/segments/studies/").text), "language": language, "next": "/"})

    page = http.get("/segments/studies/1").text

    assert all(one in page for one in words)
    assert "Client C2" in page
    assert "Zoé Secret" in page
    assert "Zoé Secret" not in http.get("/segments/studies/1?group=very_like").text


def test_a_study_opens_the_designer_filled_and_its_list_leaves_as_a_file(own: Browsers) -> None:
    http = own.of("rita")

    designer = http.get("/segments/studies/1/scheme").text
    file = http.get("/segments/studies/1/export?format=csv&group=unlike", buffered=True)

    assert "lookalike_1" in designer
    assert "tenure_days" in designer
    assert file.headers["X-Row-Count"] == "1"
    assert "C3" in file.text
    assert "C2" not in file.text


def test_the_api_asks_follows_and_reads(own: Browsers) -> None:
    http = own.of("mark")
    token = token_of(http.get("/segments/studies/").text)

    asked = http.post("/api/v1/studies", json={"kind": "clusters", "attributes": ["tenure_days", "products_held"], "k": 2}, headers={"X-Form-Token": token})
    refused = http.post("/api/v1/studies", json={"kind": "tree", "attributes": ["sex"]}, headers={"X-Form-Token": token})

    assert (asked.status_code, asked.json["state"], refused.status_code) == (202, "queued", 400)
    assert [row["id"] for row in http.get("/api/v1/studies").json["studies"]] == [asked.json["id"], 1]
    assert http.get("/api/v1/studies/1").json["result"]["seeds"] == 1
    assert [row["client_id"] for row in http.get("/api/v1/studies/1/clients?group=very_like").json["rows"]] == ["C2"]
    assert http.get(f"/api/v1/studies/{asked.json['id']}/clients").status_code == 404


def test_a_tree_is_drawn_with_every_question_and_leaf_once() -> None:
    branches = {"attribute": "x", "cut": 3, "yes": {"leaf": 1}, "no": {"attribute": "y", "level": "a", "yes": {"leaf": 0}, "no": {"leaf": 2}}}
    leaves = [("1. high", "10 clients", 3.0), ("2. middle", "20 clients", 1.0), ("3. low", "30 clients", 0.2)]

    found = tree_picture(branches, leaves, lambda branch: f"{branch['attribute']} is a question of more than one line, and of more than two", ("yes", "no"))

    assert sorted((box.leaf, box.shade) for box in found.boxes) == [(0, 0), (0, 0), (1, 2), (2, 0), (3, -2)]
    assert [link.answer for link in found.links] == ["yes", "no", "yes", "no"]
    assert max(box.x + 196 for box in found.boxes) <= found.width
    assert max(box.y + 46 for box in found.boxes) <= found.height
    assert shade(None) == 0


def test_the_page_of_lifetime_value_says_why_there_is_none_and_asks_for_its_back_test(own: Browsers) -> None:
    http = own.of("rita")

    page = http.get("/segments/studies/lifetime-value").text
    asked = http.post("/segments/studies/lifetime-value", data={"form_token": token_of(page)})

    assert "the run began before lifetime value was computed" in page
    assert (asked.status_code, asked.location) == (303, "/segments/studies/lifetime-value")
    assert "Waiting for a worker" in http.get("/segments/studies/lifetime-value").text
    answer = http.get("/api/v1/lifetime-value").json
    assert (answer["summary"]["why"], answer["back_test"]) == ("the run began before lifetime value was computed", None)
    study, _ = the_study(own, 2)
    assert (study.kind, study.parameters) == ("lifetime", {"seen_from": "2024-12-31", "months": 12})


def test_a_client_without_a_lifetime_value_is_told_without_a_number(own: Browsers) -> None:
    page = own.of("alice").get("/clients/C1").text

    assert "no data: the run began before lifetime value was computed" in re.sub(r"\s+", " ", page)
