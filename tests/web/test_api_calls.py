"""What holds for every call of the API: done once under a key, told unchanged under an ETag, refused in a problem document."""

import threading

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from bankseg.domain.request_errors import RepeatedCallError
from bankseg.services import idempotency
from bankseg.storage.client_contact import ClientContact
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.idempotency_key import KEPT_SECONDS, LEASE_SECONDS, IdempotencyKey
from bankseg.web.app import create_app
from tests.web.conftest import Browsers
from tests.web.programs import Program

KEY = {"Idempotency-Key": "7e9f6c2a-1f3b-4f0e-9d53-0e6f5b1c2d3e"}
REACHED = {"outcome": "reached"}


@pytest.fixture
def alice(own: Browsers):
    """A program of Alice's."""
    return Program(own, "alice", "clients", "log_contact")


def contacts(own: Browsers) -> int:
    """Contacts recorded so far."""
    with reading(make_engine(own.settings.store)) as session:
        return len(session.exec(select(ClientContact)).all())


def test_the_same_call_under_a_key_is_done_once_and_answered_alike(own: Browsers, alice) -> None:
    first, again = (alice("POST", "/clients/C1/contacts", REACHED, KEY) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.data, again.mimetype) == (first.data, first.mimetype)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert contacts(own) == 1


def test_another_call_under_a_key_is_refused(own: Browsers, alice) -> None:
    alice("POST", "/clients/C1/contacts", REACHED, KEY)

    other = alice("POST", "/clients/C1/contacts", {"outcome": "refused"}, KEY)

    assert (other.status_code, other.mimetype) == (409, "application/problem+json")
    assert other.json["remedy"] == "use a new key for each thing asked for"
    assert contacts(own) == 1


def test_a_key_is_of_one_person(own: Browsers, alice) -> None:
    alice("POST", "/clients/C1/contacts", REACHED, KEY)

    assert Program(own, "bob", "log_contact")("POST", "/clients/C3/contacts", REACHED, KEY).status_code == 201


def test_a_refused_call_gives_its_key_back(own: Browsers, alice) -> None:
    assert alice("POST", "/clients/C1/contacts", {"outcome": "call_back"}, KEY).status_code == 400

    assert alice("POST", "/clients/C1/contacts", REACHED, KEY).status_code == 201


def test_a_key_is_forgotten_after_a_day(own: Browsers, alice) -> None:
    alice("POST", "/clients/C1/contacts", REACHED, KEY)
    with transaction(make_engine(own.settings.store)) as session:
        session.connection().execute(update(IdempotencyKey).values(claimed_at=IdempotencyKey.claimed_at - KEPT_SECONDS - 1))

    assert "Idempotency-Replayed" not in alice("POST", "/clients/C1/contacts", REACHED, KEY).headers
    assert contacts(own) == 2


@pytest.mark.parametrize("key", ["", "short", "x" * 101, "with a blank in it"])
def test_a_key_that_is_none_is_refused(alice, key: str) -> None:
    assert alice("POST", "/clients/C1/contacts", REACHED, {"Idempotency-Key": key}).status_code == 400


def test_two_calls_at_the_same_moment_are_one(own: Browsers, alice) -> None:
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(alice("POST", "/clients/C1/contacts", REACHED, KEY))) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert contacts(own) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert alice("POST", "/clients/C1/contacts", REACHED, KEY).status_code == 201


def later(own: Browsers) -> None:
    """Let the lease of every key run out."""
    with transaction(make_engine(own.settings.store)) as session:
        session.connection().execute(update(IdempotencyKey).values(claimed_at=IdempotencyKey.claimed_at - LEASE_SECONDS - 1))


def test_a_call_that_died_before_it_did_anything_is_made_by_the_next_one(own: Browsers) -> None:
    engine = make_engine(own.settings.store)
    died = idempotency.claim(engine, 1, "some-key", "ab")
    with pytest.raises(RepeatedCallError, match="has not ended"):
        idempotency.claim(engine, 1, "some-key", "ab")
    later(own)

    second = idempotency.claim(engine, 1, "some-key", "ab")

    assert (second.key_id, second.fence) == (died.key_id, died.fence + 1)


def test_a_call_that_lost_its_key_cannot_commit(own: Browsers) -> None:
    engine = make_engine(own.settings.store)
    slow = idempotency.claim(engine, 1, "some-key", "ab")
    later(own)
    idempotency.claim(engine, 1, "some-key", "ab")

    idempotency.begin(slow)
    with pytest.raises(RepeatedCallError, match="took so long"), transaction(engine) as session:
        session.add(ClientContact(client_id="C1", person_id=1, run_id=1, at=1.0, contact_on="2026-01-01", channel="phone", outcome="reached"))
    idempotency.forget()

    assert contacts(own) == 0


def test_an_effect_whose_answer_was_lost_is_told_and_not_repeated(own: Browsers) -> None:
    engine = make_engine(own.settings.store)
    idempotency.begin(idempotency.claim(engine, 1, "some-key", "ab"))
    with transaction(engine) as session:
        session.connection().execute(update(ClientContact).values(note=""))
    idempotency.forget()  # the process dies here
    later(own)

    with pytest.raises(RepeatedCallError, match="its answer was lost"):
        idempotency.claim(engine, 1, "some-key", "ab")
    with reading(engine) as session:
        assert session.exec(select(IdempotencyKey.state).where(col(IdempotencyKey.key) == "some-key")).one() == "effected"


def test_an_answer_that_still_holds_is_not_sent_again(alice) -> None:
    first = alice("GET", "/clients/C1")

    same = alice("GET", "/clients/C1", headers={"If-None-Match": first.headers["ETag"]})
    other = alice("GET", "/clients/C2", headers={"If-None-Match": first.headers["ETag"]})

    assert (same.status_code, same.data, other.status_code) == (304, b"", 200)


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("PATCH", "/clients", {}, 405),
        ("POST", "/clients/C1/contacts", {"data": "outcome=reached", "content_type": "application/x-www-form-urlencoded"}, 415),
        ("POST", "/clients/C1/contacts", {"data": "{", "content_type": "application/json"}, 400),
        ("POST", "/clients/C1/contacts", {"data": "[]", "content_type": "application/json"}, 422),
        ("POST", "/clients/C1/contacts", {"data": '{"outcome":"' + "x" * 70_000 + '"}', "content_type": "application/json"}, 413),
        ("GET", "/clients?limit=many", {}, 422),
    ],
)
def test_every_refusal_is_a_problem_document(own: Browsers, alice, method: str, path: str, sent: dict, status: int) -> None:
    answer = own.stranger().open(f"/api/v1{path}", method=method, headers=alice.headers, **sent)

    assert (answer.status_code, answer.mimetype, answer.json["status"]) == (status, "application/problem+json", status)


def test_whoever_calls_too_often_is_told_when_to_come_back(own: Browsers) -> None:
    own.app = create_app(own.settings.model_copy(update={"api_calls_a_minute": 2}))
    alice, mark = Program(own, "alice", "clients"), Program(own, "mark", "clients")

    answers = [alice("GET", "/clients/C1") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert mark("GET", "/clients/C1").status_code == 200


def test_a_fault_of_ours_tells_nothing_of_the_code(own: Browsers, alice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(own.app.view_functions, "api.client", lambda **_: 1 / 0)

    answer = alice("GET", "/clients/C1")

    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert "division" not in answer.text
