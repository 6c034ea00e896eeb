"""The API's description: as stored, and true of every call."""

import importlib
import json
import pkgutil
from collections import Counter
from pathlib import Path

import pytest
from pydantic import BaseModel

import bankseg.web.api
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


def test_no_call_is_left_out_and_no_two_models_have_one_name(browsers: Browsers, told: dict) -> None:
    rules = [rule for rule in browsers.app.url_map.iter_rules() if rule.rule.startswith("/api/v1/") and not rule.endpoint.startswith("api_pages.")]
    modules = [importlib.import_module(found.name) for found in pkgutil.iter_modules(bankseg.web.api.__path__, "bankseg.web.api.")]
    models = {value for module in modules for value in vars(module).values() if isinstance(value, type) and issubclass(value, BaseModel)}

    assert sorted(rule.endpoint.replace(".", "_") for rule in rules) == sorted(
        call["operationId"] for calls in told["paths"].values() for call in calls.values()
    )
    assert [name for name, number in Counter(model.__name__ for model in models if model.__module__.startswith("bankseg.web.api")).items() if number > 1] == []


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
