"""The models desk: what stands on its pages, the file that is taken away, and the way from a proposal to a decision."""

import re
from html.parser import HTMLParser

import pytest

from bankseg.domain import governance
from bankseg.services.bank import open_bank
from tests.services.model_builders import a_version
from tests.web.conftest import Browsers, token_of

WHY = "better calibrated, on rows it never saw"


def send(browsers: Browsers, login: str, path: str, **fields: str):
    """Fill in a form of the version's page as a person does."""
    http = browsers.of(login)
    token = token_of(http.get("/models/").text)
    return http.post(path, data={"form_token": token, **fields})


def test_the_registry_shows_every_version_with_its_figures_and_its_light(browsers: Browsers) -> None:
    page = browsers.of("odile").get("/models/").text

    for shown in ("version 1", "version 2", "champion", "challenger", "0.8", "0.130", "watch", "Closes the last account"):
        assert shown in page
    assert "/models/hard_exit/2" in page
    assert "marketing analytics" in page


def test_versions_stand_side_by_side_with_their_gates_and_live_figures(browsers: Browsers) -> None:
    page = browsers.of("axel").get("/models/hard_exit").text

    assert page.count("verdict-green") > 8
    assert "not matured yet: known from 7 Apr 2026 on" in page
    assert "0.930" in page


@pytest.mark.parametrize(("language", "title", "verdict"), [("en", "Fairness", "met"), ("fr", "Équité", "respecté")])
def test_a_version_shows_its_whole_file_in_the_readers_language(own: Browsers, language: str, title: str, verdict: str) -> None:
    http = own.of("rita")
    http.post("/language", data={"form_token": token_of(http.get("/models/").text), "language": language, "next": "/models/"})

    page = http.get("/models/hard_exit/1").text

    assert title in page
    assert verdict in page
    for part in (
        "purpose",
        "gates",
        "metrics",
        "challenge",
        "backtest",
        "segments",
        "drivers",
        "disparity",
        "monitoring",
        "limits",
        "data",
        "decisions",
        "openings",
    ):
        assert f'<section id="{part}">' in page
    assert page.count('<svg class="plot"') >= 4
    assert " style=" not in page  # the page's policy allows none


class _Addresses(HTMLParser):
    """Every attribute that could make a browser ask for something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "srcset", "data", "action", "poster"}]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_file_is_one_document_that_asks_for_nothing(own: Browsers, language: str) -> None:
    response = own.of("axel").get(f"/models/hard_exit/1/file?language={language}")

    parser = _Addresses()
    parser.feed(response.text)
    assert parser.found == []
    assert not re.search(r"url\(|@import|<script|<link|<iframe", response.text)
    assert response.headers["Content-Disposition"] == f'attachment; filename="model-hard-exit-v1-{language}.html"'
    assert f'<html lang="{language}">' in response.text
    assert own.of("axel").get("/api/v1/models/hard_exit/1/file").text.startswith("<!doctype html>")


def test_every_word_of_the_catalogue_has_both_languages_and_the_same_gaps() -> None:
    for kind, entries in governance._words().items():
        for code, words in entries.items():
            assert len(words) == 2, (kind, code)
            english, french = (set(re.findall(r"\{\w+\}", text)) for text in words)
            assert english == french, (kind, code)


def test_one_proposes_and_another_decides_on_the_page(own: Browsers) -> None:
    assert send(own, "odile", "/models/hard_exit/2/propose", reason=WHY).status_code == 303
    assert "waits for a second person" in own.of("odile").get("/models/").text
    assert "a second person decides" in own.of("odile").get("/models/hard_exit/2").text
    assert "waits for you" in own.of("rita").get("/models/").text

    assert send(own, "odile", "/models/hard_exit/2/decide", decision="approve", reason=WHY).status_code == 409
    assert send(own, "rita", "/models/hard_exit/2/decide", decision="approve", reason="agreed in the committee").status_code == 303

    rows = {row["version"]: row["status"] for row in own.of("rita").get("/api/v1/models").json["models"]}
    assert rows == {1: "shadow", 2: "champion"}
    decided = own.of("rita").get("/api/v1/models/hard_exit/2").json["decisions"]
    assert [(one["action"], one["person"]) for one in decided[-2:]] == [("proposed", "Odile Model"), ("approved", "Rita Moreau")]

    assert send(own, "rita", "/models/hard_exit/1/rollback", reason="complaints from the branches").status_code == 303
    assert own.of("axel").get("/api/v1/models/hard_exit/1").json["model"]["status"] == "champion"


def test_a_refusal_is_told_in_words(own: Browsers) -> None:
    page = send(own, "odile", "/models/hard_exit/2/propose", reason="short")

    assert page.status_code == 400
    assert "10 letters or more" in page.text


def test_an_alert_is_taken_over_and_closed_with_a_reason(own: Browsers) -> None:
    assert send(own, "odile", "/models/alerts/1", decision="acknowledge").status_code == 303
    assert "acknowledged (Odile Model)" in " ".join(own.of("odile").get("/models/").text.split())
    assert send(own, "odile", "/models/alerts/1", decision="close", reason="").status_code == 400
    assert send(own, "odile", "/models/alerts/1", decision="close", reason="a new branch opened in May").status_code == 303

    assert own.of("odile").get("/api/v1/models").json["alerts"] == []
    assert own.of("axel").get("/api/v1/models/hard_exit/1").json["alerts"][0]["reason"] == "a new branch opened in May"


def test_what_does_not_exist_looks_like_what_is_not_for_you(browsers: Browsers) -> None:
    missing, hidden = browsers.of("odile").get("/models/nothing/9"), browsers.of("mark").get("/models/hard_exit/1")

    assert (missing.status_code, hidden.status_code) == (404, 404)
    assert browsers.of("odile").get("/models/hard_exit/1/file?language=de").status_code == 400


def test_what_a_bank_names_is_shown_as_text_and_never_run(own: Browsers) -> None:
    hostile = "<script>alert(1)</script>"
    bank = open_bank(own.settings)
    drivers = [{"feature": hostile, "gain_share": 0.2}]
    a_version(bank, 3, importance=drivers, owner=hostile, exclusions=[hostile], label_sql=hostile, segments=[], purposes=[hostile])
    bank.engine.dispose()

    for path in ("/models/hard_exit/3", "/models/hard_exit/3/file"):
        page = own.of("odile").get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
