"""The API's description: as stored, and true of every call."""

import json
from pathlib import Path

import pytest

from bankseg.web.api.description import GUARDED, LINKS, description
from tests.web.conftest import Browsers

STORED = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"


@pytest.fixture(scope="module")
def told(browsers: Browsers) -> dict:
    """The description of the running service."""
    return description(browsers.app)


def test_the_stored_description_is_that_of_the_code(told: dict) -> None:
    assert json.loads(STORED.read_text(encoding="utf-8")) == json.loads(json.dumps(told)), "run: python docs/generate.py"


def test_every_call_is_described_with_what_it_answers(told: dict) -> None:
    for path, calls in told["paths"].items():
        for method, call in calls.items():
            answers = set(call["responses"])
            assert {"400", "401", "404", "422", "429", "500", "503"} <= answers, path
            assert any(status.startswith("2") for status in answers), path
            assert call["summary"], path
            assert (method == "get") == ("Idempotency-Key" not in {one["name"] for one in call["parameters"]}), path
            assert call["security"] == [{"session": []}, {"token": []}], path


def test_links_and_preconditions_name_calls_that_exist(told: dict) -> None:
    called = {call["operationId"]: (path, method) for path, calls in told["paths"].items() for method, call in calls.items()}

    assert len(called) == sum(len(calls) for calls in told["paths"].values())
    assert set(called.values()) >= {*LINKS, *GUARDED}
    for links in LINKS.values():
        for operation, parameter, _ in links.values():
            path, method = called[operation]
            assert parameter in {one["name"] for one in told["paths"][path][method]["parameters"]}


def test_the_description_opens_for_whoever_is_signed_in(browsers: Browsers, told: dict) -> None:
    answer = browsers.of("alice").get("/api/v1/openapi.json")

    assert (answer.status_code, answer.json["openapi"], len(answer.json["paths"])) == (200, "3.1.0", len(told["paths"]))
    assert browsers.of("alice").get("/api/v1/openapi.json", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
