"""The webhook against a receiver on the loopback address: told in order, signed, once where nothing fails, and nothing lost where something does."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, Condition, Event, Thread

import pyarrow as pa
import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import update
from sqlmodel import select

from bankseg.cli.main import main
from bankseg.domain.errors import ConfigurationError, ServiceUnavailableError
from bankseg.faults import KILLED, VARIABLE
from bankseg.services import webhook
from bankseg.services.doctor import State, examine
from bankseg.services.metrics import metrics
from bankseg.services.publish import roll_back
from bankseg.services.runs import start_run
from bankseg.services.webhook import deliver, signature, standing, webhook_of
from bankseg.storage import audit
from bankseg.storage.audit import AuditEntry
from bankseg.storage.bulk import append
from bankseg.storage.database import reading, transaction
from bankseg.storage.segment_event import SegmentEvent, one_writer
from bankseg.storage.webhook_state import WebhookState
from tests.services.conftest import AS_OF, CLIENTS, another_run, drive

KEY = bytes(range(32))
SECRET = "whsec_" + b64encode(KEY).decode()
CHECKOUT = Path(__file__).parents[2]


@dataclass
class Receiver:
    """What was posted, and the statuses to answer next (204 when none is left). `open_door` lets answers out."""

    url: str = ""
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    open_door: Event = field(default_factory=Event)
    arrived: Condition = field(default_factory=Condition)

    def wait_for(self, posts: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.posts) >= posts, timeout=120)

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.posts]

    @property
    def keys(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.posts]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    found.open_door.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with found.arrived:
                found.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
                found.arrived.notify_all()
            found.open_door.wait(30)
            status = found.answers.pop(0) if found.answers else 204
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", found.url + "elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            raise AssertionError("a redirect was followed")

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_port}/told"
        yield found
        found.open_door.set()
        server.shutdown()


@pytest.fixture
def told(any_bank, receiver):
    """A bank whose webhook began with its first round."""
    bank = any_bank
    object.__setattr__(bank, "settings", bank.settings.model_copy(update={"webhook_url": receiver.url, "webhook_secret": SecretStr(SECRET)}))
    assert deliver(bank.settings, bank.engine).sent == 0
    return bank


def happened(bank, *actions: str) -> None:
    details = {"run_published": {"clients": 3, "as_of": "2025-12-31"}, "list_released": {"reason": "Madame Martin agreed", "contact_on": "2026-01-05"}}
    subjects = {"run_published": "run 1", "list_released": "list:4"}
    for action in actions:
        with transaction(bank.engine) as session:
            audit.record(session, action, subjects.get(action, "person:rm.martin"), **details.get(action, {}))


def state_of(bank) -> WebhookState:
    with reading(bank.engine) as session:
        return session.get_one(WebhookState, 1)


def due_at_once(bank) -> None:
    """The wait for the next attempt passes, and a lost process's hold runs out."""
    with transaction(bank.engine) as session:
        session.connection().execute(update(WebhookState).values(next_at=0.0, claimed_until=0.0))


def test_a_publication_and_a_way_back_are_told_in_order_and_signed(told, receiver):
    start_run(told, AS_OF)
    drive(told)
    another_run(told, 2, date(2026, 1, 31))
    drive(told)
    roll_back(told, 1, person_id=None, reason="the extract of January was short")

    assert deliver(told.settings, told.engine).sent == 3
    assert deliver(told.settings, told.engine).sent == 0

    bodies = [json.loads(body) for _, body in receiver.posts]
    assert [(body["type"], body["data"]) for body in bodies] == [
        ("run.published", {"run_id": 1, "as_of": AS_OF.isoformat(), "clients": CLIENTS}),
        ("run.published", {"run_id": 2, "as_of": "2026-01-31", "clients": CLIENTS}),
        ("run.rolled_back", {"run_id": 1, "from_run_id": 2}),
    ]
    assert bodies == sorted(bodies, key=lambda body: body["timestamp"])
    for headers, body in receiver.posts:
        at = int(headers["webhook-timestamp"])
        assert headers["webhook-signature"] == signature(KEY, headers["webhook-id"], at, body)
    assert len(set(receiver.keys)) == 3


def test_what_is_told_names_no_person_no_client_and_no_reason(told, receiver):
    happened(told, "person_changed", "list_released", "sign_in_refused", "list_closed_by_nobody")

    assert deliver(told.settings, told.engine).sent == 1
    body = json.loads(receiver.posts[0][1])
    assert (body["type"], body["data"]) == ("list.released", {"list_id": 4, "see": "/api/v1/lists/4", "contact_on": "2026-01-05"})
    assert not any(word in receiver.posts[0][1].decode() for word in ("Martin", "agreed", "person"))


def test_moves_are_told_once_a_scheme_and_run_with_the_place_to_read_them(told, receiver):
    start_run(told, AS_OF)
    drive(told)
    deliver(told.settings, told.engine)
    for code, moves in (("value", 3), ("risk", 2)):
        append(told.engine, "segment_event", moved(code, moves))

    assert deliver(told.settings, told.engine).sent == 2
    data = [json.loads(body)["data"] for _, body in receiver.posts[-2:]]
    assert [(one["scheme"], one["moves"], one["see"]) for one in data] == [
        ("value", 3, "/api/v1/segment-events?scheme=value&after=0"),
        ("risk", 2, "/api/v1/segment-events?scheme=risk&after=3"),
    ]
    assert deliver(told.settings, told.engine).sent == 0


def moved(code: str, moves: int) -> pa.Table:
    same = {"code": code, "version": 1, "run_id": 1, "from_segment": "a", "to_segment": "b", "from_as_of": "2025-11-30", "as_of": "2025-12-31", "made_at": 9.0}
    return pa.table({name: [value] * moves for name, value in same.items()} | {"client_id": [f"C{number:02d}" for number in range(moves)]})


@pytest.mark.parametrize("status", [500, 404, 410, 301, 307])
def test_what_is_not_taken_is_posted_again_later_and_nothing_passes_it(told, receiver, status):
    receiver.answers = [status, status]
    happened(told, "run_published", "list_released")

    first = deliver(told.settings, told.engine)
    assert (first.sent, first.last.is_taken, first.last.words[:12]) == (0, False, f"answered {status}")
    assert deliver(told.settings, told.engine).last is None  # not due yet
    due_at_once(told)
    deliver(told.settings, told.engine)
    assert state_of(told).attempts == 2
    due_at_once(told)
    assert deliver(told.settings, told.engine).sent == 2

    assert receiver.types == ["run.published"] * 3 + ["list.released"]
    assert len(set(receiver.keys)) == 2
    assert len({body for _, body in receiver.posts}) == 2
    assert state_of(told).attempts == 0


def test_a_receiver_that_is_away_costs_nothing_but_time(told, receiver):
    happened(told, "run_published")
    away = told.settings.model_copy(update={"webhook_url": "http://127.0.0.1:9/told"})

    found = deliver(away, told.engine)
    assert found.last.words.startswith("not reached: ConnectionRefusedError")
    with reading(told.engine) as session:
        seen = standing(session)
    assert (seen.waiting, seen.attempts) == (1, 1)
    assert 0 < seen.due_in_seconds <= 15
    assert deliver(told.settings, told.engine, at_once=True).sent == 1


def test_of_tellers_at_once_one_tells(told, receiver):
    happened(told, "run_published", "list_released")
    barrier, sent = Barrier(4), []

    def tell() -> None:
        barrier.wait()
        sent.append(deliver(told.settings, told.engine).sent)

    threads = [Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert receiver.types == ["run.published", "list.released"]
    assert sorted(sent) == [0, 0, 0, 2]


def test_who_lost_the_hold_writes_down_nothing(told, receiver):
    happened(told, "run_published")
    receiver.open_door.clear()
    slow = Thread(target=deliver, args=(told.settings, told.engine))
    slow.start()
    receiver.wait_for(1)
    due_at_once(told)  # its time ran out while it waited for the answer
    quick = Thread(target=deliver, args=(told.settings, told.engine))
    quick.start()
    receiver.wait_for(2)
    fence = state_of(told).fence
    receiver.open_door.set()
    slow.join()
    quick.join()

    assert len(set(receiver.keys)) == 1  # twice, under one key
    assert (state_of(told).fence, standing_of(told).waiting) == (fence, 0)


def standing_of(bank):
    with reading(bank.engine) as session:
        return standing(session)


@pytest.mark.faults
def test_a_process_killed_between_the_answer_and_its_note_posts_the_same_again(told, receiver):
    happened(told, "run_published", "list_released")
    script = "from bankseg.services.webhook import deliver_bank; from bankseg.settings import Settings; deliver_bank(Settings())"
    settings = told.settings
    variables = {"HOME": settings.home, "STORE_URL": settings.store_url, "LAKE_URL": settings.lake_url, "WEBHOOK_URL": receiver.url, "WEBHOOK_SECRET": SECRET}
    environment = {**os.environ, **{f"BANKSEG_{name}": str(value) for name, value in variables.items()}, VARIABLE: "webhook.sent:2"}

    killed = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, env=environment, check=False)

    assert killed.returncode == KILLED
    assert deliver(told.settings, told.engine).sent == 0  # the hold of the dead has to run out
    due_at_once(told)
    assert deliver(told.settings, told.engine).sent == 1
    assert receiver.types == ["run.published", "list.released", "list.released"]
    assert receiver.posts[1][1] == receiver.posts[2][1]
    assert receiver.keys[1] == receiver.keys[2]


def test_it_begins_with_what_happens_from_then_on(any_bank, receiver):
    settings = any_bank.settings.model_copy(update={"webhook_url": receiver.url, "webhook_secret": SecretStr(SECRET)})
    happened(any_bank, "run_published")

    assert deliver(settings, any_bank.engine).sent == 0
    happened(any_bank, "list_released")
    assert deliver(settings, any_bank.engine).sent == 1
    assert receiver.types == ["list.released"]


def test_without_an_address_nobody_is_told_and_nothing_is_kept(any_bank):
    assert deliver(any_bank.settings, any_bank.engine).sent == 0
    with reading(any_bank.engine) as session:
        assert session.exec(select(WebhookState)).all() == []


@pytest.mark.parametrize(
    ("url", "secret", "said"),
    [
        ("http://crm.example/told", SECRET, "no safe address"),
        ("ftp://127.0.0.1/told", SECRET, "no safe address"),
        ("https://crm.example/told", "", "WEBHOOK_SECRET is missing"),
        ("https://crm.example/told", "whsec_dG9vIHNob3J0", "WEBHOOK_SECRET is missing or no secret"),
        ("https://crm.example/told", SECRET.removeprefix("whsec_"), "WEBHOOK_SECRET"),
        ("https://crm.example/told", "whsec_not base64!", "WEBHOOK_SECRET"),
    ],
)
def test_what_would_be_read_along_or_forged_is_refused(bank, url, secret, said):
    settings = bank.settings.model_copy(update={"webhook_url": url, "webhook_secret": SecretStr(secret)})
    with pytest.raises(ConfigurationError, match=said) as raised:
        webhook_of(settings)
    assert not secret or secret not in str(raised.value)


def test_status_test_deliver_and_skip_at_the_command_line(told, receiver, monkeypatch):
    for name, value in {"HOME": told.settings.home, "STORE_URL": told.settings.store_url, "WEBHOOK_URL": receiver.url, "WEBHOOK_SECRET": SECRET}.items():
        monkeypatch.setenv(f"BANKSEG_{name}", str(value))
    run = CliRunner()

    assert run.invoke(main, ["webhook", "test"]).output == "the receiver answered 204 No Content\n"
    receiver.answers = [503, 503]
    refused = run.invoke(main, ["webhook", "test"])
    assert (refused.exit_code, "answered 503" in refused.output) == (ServiceUnavailableError.exit_code, True)
    happened(told, "run_published", "list_released")
    refused = run.invoke(main, ["webhook", "deliver"])
    assert (refused.exit_code, "2 messages wait" in refused.output.replace("\n", " ")) == (ServiceUnavailableError.exit_code, True)
    assert run.invoke(main, ["webhook", "status"]).output.startswith("2 messages wait, 1 failed attempts, tried again in ")
    assert json.loads(run.invoke(main, ["webhook", "deliver", "--json"]).output) == {"sent": 2, "waiting": 0}
    happened(told, "run_published")
    assert run.invoke(main, ["webhook", "skip"]).exit_code == 2
    assert json.loads(run.invoke(main, ["webhook", "skip", "--yes", "--json"]).output) == {"skipped": 1}
    assert deliver(told.settings, told.engine).sent == 0
    assert receiver.types == [webhook.PING, webhook.PING, "run.published", "run.published", "list.released"]
    with reading(told.engine) as session:
        assert session.exec(select(AuditEntry.details).where(AuditEntry.action == "webhook_skipped")).all() == [{"waiting": 1}]
        assert audit.first_broken(session) is None


def test_metrics_and_the_doctor_tell_what_waits(told, receiver):
    receiver.answers = [500]
    happened(told, "run_published")
    deliver(told.settings, told.engine)

    found = {family.name: [sample.value for sample in family.samples] for family in metrics(told.settings, told.engine)}
    assert (found["bankseg_webhook_waiting"], found["bankseg_webhook_attempts"]) == ([1], [1])
    check = next(check for check in examine(told.settings, 0.0, {}) if check.name == "webhook")
    assert (check.state, check.found[:34]) == (State.WARNING, "1 messages wait after 1 attempts: ")
    deliver(told.settings, told.engine, at_once=True)
    assert next(check for check in examine(told.settings, 0.0, {}) if check.name == "webhook").found == "all was taken"


def test_every_kind_of_moves_is_kept_in_the_order_it_is_committed(told):
    """Two processes write moves at once: ids follow commits, so that nothing is committed behind who read on."""
    start_run(told, AS_OF)
    drive(told)

    def write(code: str) -> None:
        with one_writer(told.engine):
            append(told.engine, "segment_event", moved(code, 20))

    threads = [Thread(target=write, args=(f"s{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(told.engine) as session:
        codes = session.exec(select(SegmentEvent.code).order_by(SegmentEvent.id)).all()
    assert [code for place, code in enumerate(codes) if place % 20 == 0] == sorted(set(codes), key=codes.index)
    assert all(len(set(codes[place : place + 20])) == 1 for place in range(0, 80, 20))
