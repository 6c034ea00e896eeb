"""What log lines hold, and what they must never hold."""

import io
import json
import logging
import threading
from collections.abc import Iterator

import pytest
from celery import Celery

from bankseg import logs
from bankseg.domain.errors import ArtefactError

SECRETS = ("Zoé Petit", "12 rue des Lilas", "FR7630001007941234567890185")


class RowError(Exception):
    """An exception of somebody else's, whose words quote a row."""


@pytest.fixture(params=["json", "plain"])
def written(request) -> Iterator[io.StringIO]:
    """What the root logger writes, in each form."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(request.param, "INFO", stream)
    yield stream
    root.handlers[:], root.level = handlers, level


def fail(error: Exception) -> None:
    raise error


def test_a_librarys_exception_is_told_by_class_and_place_and_ours_in_its_words(written):
    for error in (RowError(*SECRETS), ArtefactError("model 12ab is refused", "the artefact as it was saved", "train again")):
        try:
            fail(error)
        except (RowError, ArtefactError):
            logging.getLogger("bankseg.somewhere").exception("job failed", extra={"job": "score:1:2", "client_name": SECRETS[0]})

    text = written.getvalue()

    assert not [secret for secret in SECRETS if secret in text]
    for told in ("RowError", "test_log_lines.py", "score:1:2", "ArtefactError: model 12ab is refused"):
        assert told in text


def test_celery_does_not_repeat_the_words_of_a_failed_task(written):
    app = Celery("failing", set_as_current=False, broker="memory://")
    app.conf.task_ignore_result = True

    @app.task(name="bankseg.fails")
    def fails() -> None:
        raise RowError(*SECRETS)

    from celery.app.trace import build_tracer

    build_tracer("bankseg.fails", fails, app=app)("an-id", (), {}, {"id": "an-id"})

    text = written.getvalue()
    assert "bankseg.fails[an-id]" in text
    assert "RowError" in text
    assert not [secret for secret in SECRETS if secret in text]


def test_the_ids_of_the_work_are_on_every_line_inside_and_on_none_after_it(written):
    log = logging.getLogger("bankseg.somewhere")
    with logs.bound(run_id=7), logs.bound(job_id=31):
        log.info("inside")
        other = threading.Thread(target=log.info, args=("beside",))
        other.start()
        other.join()
    log.info("after")

    inside, beside, after = written.getvalue().splitlines()

    assert "31" in inside
    assert "7" in inside
    assert "31" not in beside.partition("beside")[2]
    assert "31" not in after.partition("after")[2]


def test_a_json_line_is_one_object_whatever_the_message_holds():
    record = logging.LogRecord("bankseg", logging.WARNING, __file__, 1, 'line\nbreak "quoted" %s', ("\u2028",), None)

    line = logs.JsonLines().format(record)

    assert "\n" not in line
    assert json.loads(line)["event"] == 'line\nbreak "quoted" \u2028'
    assert json.loads(line)["level"] == "WARNING"
