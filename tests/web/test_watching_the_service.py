"""Request ids, the log, /metrics and /readyz, asked as a monitoring system asks."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from bankseg import logs
from bankseg.embedded.broker import client
from bankseg.services import canary
from bankseg.services.metrics import CATALOGUE
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import make_engine, transaction
from bankseg.storage.job import Job
from bankseg.web.app import create_app
from tests.web.conftest import Browsers, sign_in

TOKEN = "a token for the scraper"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SAMPLE = re.compile(r'^[a-z_]+(\{[a-z_]+="(?:[^"\\]|\\.)*"(,[a-z_]+="(?:[^"\\]|\\.)*")*\})? -?[0-9.e+-]+$')


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the root logger writes as JSON."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("json", "DEBUG", stream)
    yield stream
    root.handlers[:], root.level = handlers, level


def watched(bank_home, broker_url: str = "") -> Browsers:
    """The small bank with a token for its scraper."""
    return Browsers(Settings(home=bank_home, metrics_token=TOKEN, broker_url=broker_url))


def test_a_request_keeps_the_id_of_its_proxy_and_others_get_one(browsers: Browsers, lines: io.StringIO) -> None:
    given = "0123456789abcdef0123456789abcdef"

    assert browsers.stranger().get("/sign-in", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given
    made = browsers.stranger().get("/sign-in", headers={"X-Request-ID": "Zoe Petit"}).headers["X-Request-ID"]

    assert re.fullmatch(r"[0-9a-f]{32}", made)
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["request_id"] for line in told if line["event"] == "request answered"] == [given, made]
    assert all(set(line) >= {"time", "level", "logger", "event"} for line in told)


def test_no_log_line_holds_a_name_a_password_or_what_was_searched_for(own: Browsers, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    own.app.config["PROPAGATE_EXCEPTIONS"] = False
    alice = own.of("alice")
    alice.get("/clients?q=Zo%C3%A9+Petit")
    alice.get("/api/v1/clients?q=Zo%C3%A9&sort=nonsense")
    alice.get("/clients/C1")
    sign_in(own.app.test_client(), "alice", "a wrong password of mine")
    monkeypatch.setitem(own.app.view_functions, "relationship.clients", lambda: {}["Zoé Petit, 12 rue des Lilas"])
    assert alice.get("/clients").status_code == 500

    written = lines.getvalue()

    assert '"person_id"' in written
    assert "KeyError" in written
    assert "test_watching_the_service.py" in written
    for hidden in ("Zo", "Petit", "Lilas", "password of mine", "correct horse", "q=", "Alice", "Client C1"):
        assert hidden not in written, hidden


def test_metrics_are_not_there_without_the_token(bank_home, browsers: Browsers) -> None:
    guarded = watched(bank_home)

    assert browsers.stranger().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    assert guarded.stranger().get("/metrics").status_code == 404
    assert guarded.stranger().get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
    assert guarded.of("adam").get("/metrics").status_code == 404


def test_metrics_are_lines_that_a_scraper_reads_and_name_no_client(bank_home, broker_url: str) -> None:
    guarded = watched(bank_home, broker_url)
    guarded.of("alice").get("/clients")

    answer = guarded.stranger().get("/metrics", headers=BEARER)

    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    told = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert all(SAMPLE.match(line) for line in told)
    assert {re.match(r"# TYPE (\w+)", line)[1] for line in answer.text.splitlines() if line.startswith("# TYPE")} <= set(CATALOGUE)
    assert 'bankseg_http_requests_total{endpoint="relationship.clients",method="GET",status="200"} 1' in told
    assert 'bankseg_http_request_seconds_count{endpoint="relationship.clients",status="200"} 1' in told
    assert "bankseg_published_clients 4" in told
    assert "C1" not in answer.text


def test_two_processes_count_together(bank_home, broker_url: str) -> None:
    first, second = watched(bank_home, broker_url), watched(bank_home, broker_url)
    for process in (first, second):
        process.stranger().get("/sign-in")
        process.app.extensions["bankseg.http_counts"].tell()

    text = second.stranger().get("/metrics", headers=BEARER).text

    assert 'bankseg_http_requests_total{endpoint="entrance.sign_in_form",method="GET",status="200"} 2' in text


def test_without_a_broker_metrics_say_so_and_nothing_that_is_not_known(bank_home) -> None:
    text = watched(bank_home).stranger().get("/metrics", headers=BEARER).text

    assert "bankseg_broker_up 0" in text
    assert "bankseg_canary_age_seconds" not in text
    assert "bankseg_http_requests_total" not in text


@pytest.fixture
def migrated(tmp_path, broker_url: str) -> Settings:
    """An empty bank of this release with a broker."""
    settings = Settings(home=tmp_path / "home", broker_url=broker_url)
    settings.home.mkdir()
    engine = make_engine(settings.store)
    schema.upgrade(engine)
    engine.dispose()
    return settings


def reasons(settings: Settings) -> list[str]:
    answer = create_app(settings).test_client().get("/readyz")
    assert answer.status_code == (503 if answer.json.get("reasons") else 200)
    return answer.json.get("reasons", [])


def test_the_service_is_ready_once_a_worker_did_the_canarys_task_and_not_when_it_falls_silent(migrated: Settings) -> None:
    assert reasons(migrated) == ["no worker ever did the canary's task"]

    canary.sing(migrated)
    assert reasons(migrated) == []

    with client(migrated.broker_url) as broker:
        broker.set(canary.KEY, float(broker.get(canary.KEY)) - 181)
    assert re.fullmatch(r"no worker did the canary's task for 18\d s", reasons(migrated)[0])


def test_a_worker_too_busy_for_the_canary_is_known_by_the_lease_it_holds(migrated: Settings) -> None:
    engine = make_engine(migrated.store)
    with transaction(engine) as session:
        session.add(Job(key="train:1", stage="train", state="running", lease_until=4e9))
    assert reasons(migrated) == []

    with transaction(engine) as session:
        session.merge(Job(id=1, key="train:1", stage="train", state="running", lease_until=1.0))
    assert reasons(migrated) == ["no worker ever did the canary's task"]
    engine.dispose()


def test_a_store_of_another_release_and_a_broker_that_is_away_are_each_a_reason(tmp_path) -> None:
    home = tmp_path / "empty"
    home.mkdir()

    found = reasons(Settings(home=home))

    assert len(found) == 2
    assert found[0].startswith("the store's schema is at no revision, this release brings ")
    assert found[1] == "the broker does not answer"
