"""What every answer carries, and how errors look."""

import re

import pytest
from sqlalchemy.exc import OperationalError

from bankseg.settings import Settings
from bankseg.storage import tables
from bankseg.storage.database import make_engine
from bankseg.web.app import create_app
from tests.web import builders
from tests.web.conftest import Browsers


@pytest.mark.parametrize("path", ["/clients", "/clients/nobody", "/sign-in", "/healthz", "/api/v1/clients", "/nowhere"])
def test_every_answer_is_hardened_and_never_kept(browsers: Browsers, path: str) -> None:
    headers = browsers.of("alice").get(path).headers

    assert "'unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/my-day", "/clients", "/clients/C1", "/cross-sell", "/cross-sell/life_insurance", "/risk", "/segments", "/runs", "/runs/1"])
def test_no_page_holds_an_inline_script_or_style(browsers: Browsers, path: str) -> None:
    text = browsers.of("alice").get(path).text

    assert "<script>" not in text
    assert "<style" not in text
    assert " style=" not in text
    assert "onclick" not in text


def test_before_the_first_publication_a_page_says_what_to_do(tmp_path) -> None:
    settings = Settings(home=tmp_path)
    engine = make_engine(settings.store)
    tables.METADATA.create_all(engine)
    builders.staff(engine)
    own = Browsers(settings)

    page, answer = own.of("alice").get("/clients"), own.of("alice").get("/api/v1/clients")

    assert page.status_code == answer.status_code == 409
    assert "bankseg run --as-of" in page.text
    assert answer.mimetype == "application/problem+json"
    assert own.of("alice").get("/runs").status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/api/v1/nowhere", 404), ("/api/v1/clients?limit=0", 422), ("/api/v1/clients?bogus=1", 422), ("/clients?sort=bogus", 400), ("/clients?after=bogus", 400), ("/cross-sell/life_insurance?top=x", 400), ("/cross-sell/life_insurance?least=nan", 400), ("/risk?severity=9", 400), ("/clients/export?format=exe", 400)])  # fmt: skip
def test_bad_requests_get_a_designed_answer(browsers: Browsers, path: str, status: int) -> None:
    answer = browsers.of("alice").get(path)

    assert answer.status_code == status
    assert answer.mimetype == ("application/problem+json" if path.startswith("/api/") else "text/html")
    assert "Traceback" not in answer.text


def test_a_wrong_method_says_which_are_right(browsers: Browsers) -> None:
    answer = browsers.of("alice").delete("/clients")

    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_an_unforeseen_error_shows_a_page_without_its_trace(browsers: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("bankseg.web.overview.views.segments_overview", fail)

    page = browsers.of("alice").get("/segments")

    assert page.status_code == 500
    assert "secret detail" not in page.text
    assert "Traceback" not in page.text


def test_a_store_that_does_not_answer_is_503_with_a_time_to_retry(browsers: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr("bankseg.web.overview.views.segments_overview", fail)

    page = browsers.of("alice").get("/segments")

    assert page.status_code == 503
    assert page.headers["Retry-After"]


def test_health_is_told_to_anybody_and_tells_nothing(browsers: Browsers, tmp_path) -> None:
    assert browsers.stranger().get("/healthz").json == {"status": "ok"}
    away = create_app(Settings(home=tmp_path, store_url=f"sqlite:///{tmp_path / 'missing' / 'store.sqlite'}"))
    assert away.test_client().get("/healthz").status_code == 503


def test_the_description_of_the_api_names_every_route_and_its_problems(browsers: Browsers) -> None:
    document = browsers.of("alice").get("/api/v1/openapi.json").json

    assert document["openapi"].startswith("3.1")
    served = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in browsers.app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")}
    assert set(document["paths"]) == served - {"/api/v1/openapi.json"} > {"/api/v1/clients"}
    refused = document["paths"]["/api/v1/clients"]["get"]["responses"]["404"]["$ref"].rpartition("/")[2]
    assert "application/problem+json" in document["components"]["responses"][refused]["content"]
