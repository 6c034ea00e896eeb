"""Every call of the API against what its description promises, by Schemathesis with all of its checks, for three people.

Cases are drawn from the description: with the values of the small bank in the path, with any, with one thing wrong, at every bound, and in chains along
the links. They are the same in every run. Every call begins with the small bank as it was.
"""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.schemas import APIOperation

from bankseg.domain.rights import Right, may
from bankseg.web import desk
from bankseg.web.app import create_app
from bankseg.web.policy import POLICY
from tests.web.conftest import Browsers
from tests.web.programs import token_for
from tests.web.test_who_may_open_what import EXAMPLES, ROLE_OF

pytestmark = pytest.mark.slow

WHO = ("adam", "mark", "alice")
# Beside what Schemathesis lets a server answer to what fits its description: 400, where a rule of the bank refuses it that no JSON schema can hold (a day
# that has passed, a place in a list that we did not write, two fields that need each other), and 412, where If-Match is not the tag of what stands.
REFUSED_BY_A_RULE = ["400", "412"]
KNOWN, ANY, WRONG = 2, 1, 1  # cases drawn for each call and person
EVERY = 3  # of the cases at the bounds, so many are one that is made: some 1,600 in all
CHAINS, STEPS = 8, 6
DOORS = {endpoint.replace(".", "_"): door for endpoint, door in POLICY.items()}


def read_whole(app: Any) -> Any:
    """The service behind a door that reads each answer to its end and closes it, as a server does."""

    def door(environ: dict[str, Any], start: Any) -> list[bytes]:
        answer = app(environ, start)
        try:
            return [b"".join(answer)]
        finally:
            answer.close()

    return door


class Service:
    """The small bank behind its API, and one person's token."""

    def __init__(self, browsers: Browsers, login: str) -> None:
        self._store = Path(browsers.settings.home) / "store.sqlite"
        self.headers = {"Authorization": f"Bearer {token_for(browsers.settings, login)}"}
        self._kept = sqlite3.connect(":memory:")
        with sqlite3.connect(self._store) as store:
            store.backup(self._kept)
        self._files = {path: path.read_bytes() for path in browsers.settings.uploads.rglob("*") if path.is_file()}
        self._uploads = browsers.settings.uploads
        self.app = create_app(browsers.settings.model_copy(update={"api_calls_a_minute": 10**9}))
        self.schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", read_whole(self.app), headers=self.headers)
        expected = self.schema.config.checks.positive_data_acceptance
        expected.expected_statuses = [*expected.expected_statuses, *REFUSED_BY_A_RULE]
        for generation in (self.schema.config.generation, self.schema.config.phases.stateful.generation):
            generation.with_security_parameters = False  # whoever calls has a token: `ignored_auth` takes it away and spoils it by itself
        self.answers: Counter[int] = Counter()

    def operations(self) -> Iterator[APIOperation]:
        """Every call, each on the bank as it was."""
        for found in self.schema.get_all_operations():
            desk.of(self.app).engine.dispose()
            with sqlite3.connect(self._store) as store:
                self._kept.backup(store)
            self._lay_files()
            yield found.ok()

    def _lay_files(self) -> None:
        """Lay the files that wait where a call may have moved or deleted them."""
        shutil.rmtree(self._uploads, ignore_errors=True)
        for path, content in self._files.items():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_bytes(content)

    def check(self, case: Case) -> None:
        """Make a call and hold the answer against every check."""
        answer = case.call(headers=self.headers)
        self.answers[answer.status_code] += 1
        case.validate_response(answer, headers=self.headers)


@pytest.fixture(params=WHO)
def service(request: pytest.FixtureRequest, own: Browsers) -> Service:
    """The service as one person calls it."""
    return Service(own, request.param)


def drawn(check: Callable[[Case], None], cases: Any, number: int) -> None:
    """Make so many cases, the same in every run."""
    bounds = settings(max_examples=number, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    bounds(given(cases)(check))()


def known_path(operation: APIOperation) -> dict[str, Any]:
    """What the small bank has for the parameters of a path."""
    return {part.name: EXAMPLES[part.name] for part in operation.path_parameters}


def opens_for(login: str, operation: APIOperation) -> bool:
    """Whether a person has the right to a call."""
    door = DOORS[operation.definition.raw["operationId"]]
    return not isinstance(door, Right) or may(ROLE_OF[login], door)


def test_no_check_is_left_out() -> None:
    load_all_checks()

    assert set(CHECKS.get_all_names()) >= {
        "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
        "positive_data_acceptance", "missing_required_header", "unsupported_method", "allow_header_conformance", "use_after_free", "ensure_resource_availability", "ignored_auth",
    }  # fmt: skip


def test_every_call_keeps_its_promises(service: Service, request: pytest.FixtureRequest) -> None:
    login = request.node.callspec.params["service"]
    for operation in service.operations():
        path, has_right = known_path(operation), opens_for(login, operation)
        drawn(service.check, operation.as_strategy(GenerationMode.POSITIVE, **({"path_parameters": path} if path else {})), KNOWN if has_right else 1)
        if not has_right:
            continue  # 404, whatever is asked: the guard stands before the view
        if path:
            drawn(service.check, operation.as_strategy(GenerationMode.POSITIVE), ANY)
        if path or operation.query or operation.body:
            drawn(service.check, operation.as_strategy(GenerationMode.NEGATIVE), WRONG)

    assert sum(service.answers.values()) > 150
    assert {200, 404, 422} <= set(service.answers)
    assert not [status for status in service.answers if status >= 500]


def test_every_call_keeps_its_promises_at_its_bounds(service: Service, request: pytest.FixtureRequest) -> None:
    login = request.node.callspec.params["service"]
    for operation in service.operations():
        if login != next((one for one in WHO if opens_for(one, operation)), WHO[0]):
            continue  # one person makes these: the first who has the right
        path = known_path(operation)
        cases = service.schema.iter_coverage_cases(operation, generation_modes=list(GenerationMode), generation_config=service.schema.config.generation)
        for case in islice(cases, 0, None, EVERY):
            if not any(where.name == "PATH" and part.mode.is_negative for where, part in case.meta.components.items()):
                case.path_parameters.update(path)
            service.check(case)

    assert {200, 405, 422} <= set(service.answers)
    assert not [status for status in service.answers if status >= 500]


def test_what_one_call_makes_the_next_one_finds(service: Service) -> None:
    class Chains(service.schema.as_state_machine()):
        """Calls along the links of the description."""

        def get_call_kwargs(self, case: Case) -> dict[str, Any]:
            del case
            return {"headers": service.headers}

        def after_call(self, response: Any, case: Case) -> None:
            super().after_call(response, case)
            service.answers[response.status_code] += 1

        def validate_response(self, response: Any, case: Case, *given_checks: Any, **more: Any) -> None:
            del given_checks, more  # the headers among them are named, so that `ignored_auth` knows whose token it takes away
            case.validate_response(response, headers=service.headers, recorder=self.recorder)

    next(service.operations())
    Chains.run(
        settings=settings(
            max_examples=CHAINS, stateful_step_count=STEPS, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
    )  # fmt: skip

    assert sum(service.answers.values()) >= CHAINS
