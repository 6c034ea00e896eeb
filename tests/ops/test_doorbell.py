"""Ringing: a message is an id, and a broker that is away costs seconds, not work."""

import base64
import json
import logging
import socket
import time

import pytest

from bankseg.embedded.broker import client
from bankseg.queue import QUEUE_NAME, RING_SECONDS, RUN_JOB, ring, workers_answering
from bankseg.settings import Settings


def test_a_ring_carries_the_job_id_and_nothing_else(broker_url, tmp_path):
    rang = ring(Settings(home=tmp_path, broker_url=broker_url), [7, 8])

    with client(broker_url) as broker:
        messages = [json.loads(raw) for raw in broker.lrange(QUEUE_NAME, 0, -1)]
    assert rang
    assert {message["headers"]["task"] for message in messages} == {RUN_JOB}
    bodies = [json.loads(base64.b64decode(message["body"])) for message in messages]
    assert sorted(body[1]["job_id"] for body in bodies) == [7, 8]
    assert all(body[0] == [] and list(body[1]) == ["job_id"] for body in bodies)


def test_ringing_for_nothing_needs_no_broker(tmp_path):
    assert ring(Settings(home=tmp_path), [])


def test_a_missing_broker_is_said_and_not_raised(tmp_path, caplog):
    started = time.monotonic()

    with caplog.at_level(logging.WARNING):
        rang = ring(Settings(home=tmp_path), [1])

    assert not rang
    assert "reconciler rings again" in caplog.text
    assert time.monotonic() - started < 4 * RING_SECONDS


@pytest.mark.faults
def test_a_broker_that_accepts_and_never_answers_holds_nobody_for_long(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        settings = Settings(home=tmp_path, broker_url=f"redis://127.0.0.1:{deaf.getsockname()[1]}/0")
        started = time.monotonic()

        rang = ring(settings, [1])

    assert not rang
    assert time.monotonic() - started < 4 * RING_SECONDS


def test_no_worker_answers_where_there_is_none(broker_url, tmp_path):
    assert workers_answering(Settings(home=tmp_path, broker_url=broker_url), within_seconds=0.2) == ()
    assert workers_answering(Settings(home=tmp_path), within_seconds=0.2) == ()
