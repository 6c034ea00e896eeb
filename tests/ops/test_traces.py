"""A request, its ring, the job behind it and their statements are one trace, and nothing in it tells of a person."""

import builtins

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text

from bankseg import queue, traces
from bankseg.domain.errors import ConfigurationError
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import make_engine, transaction
from bankseg.web.app import create_app


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    traces.configure("", "bankseg-test", exporter)
    yield exporter
    traces.configure("", "bankseg-test")


def named(exporter):
    return {span.name: span for span in exporter.get_finished_spans()}


def test_without_an_address_nothing_is_loaded_or_carried():
    assert not traces.configure("", "bankseg-test")
    with traces.span("anything", client="C1") as found:
        found["status"] = 200
    assert traces.headers() == {}
    assert not traces.is_on()


def test_an_address_without_the_packages_says_what_to_install(monkeypatch):
    real = builtins.__import__
    monkeypatch.setattr(
        builtins, "__import__", lambda name, *rest: (_ for _ in ()).throw(ImportError(name)) if name.startswith("opentelemetry") else real(name, *rest)
    )

    with pytest.raises(ConfigurationError, match=r"bankseg\[traces\]"):
        traces.configure("http://127.0.0.1:4318/v1/traces", "bankseg-test")


def test_a_request_and_its_statements_are_one_trace_without_what_was_asked_for(spans, settings):
    settings.home.mkdir(parents=True)
    schema.upgrade(make_engine(settings.store))
    answer = create_app(settings).test_client().get("/clients?q=Zoe+Petit", headers={"traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"})

    found = [span for span in spans.get_finished_spans() if span.name.startswith("GET ")]
    assert answer.status_code in {302, 303}
    assert [span.attributes["bankseg.status"] for span in found] == [answer.status_code]
    assert format(found[0].context.trace_id, "032x") == "ab" * 16
    assert not any("Zoe" in str(span.attributes) + span.name for span in spans.get_finished_spans())


def test_statements_say_verb_and_tables_and_an_error_its_class_only(spans, tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path / 'one.sqlite'}")
    with transaction(engine) as session:
        session.connection().execute(text("CREATE TABLE noted (name TEXT)"))
        session.connection().execute(text("INSERT INTO noted VALUES (:name)"), {"name": "Zoe Petit"})
    with pytest.raises(Exception, match="absent"), transaction(engine) as session:
        session.connection().execute(text("SELECT * FROM absent WHERE name = 'Zoe Petit'"))
    engine.dispose()

    found = named(spans)
    assert {"CREATE noted", "INSERT noted", "SELECT absent"} <= set(found)
    assert found["SELECT absent"].status.description == "OperationalError"
    assert not any("Zoe" in str(span.to_json()) for span in spans.get_finished_spans())


def test_a_job_belongs_to_the_request_that_rang_for_it(spans, broker_url, tmp_path):
    settings = Settings(home=tmp_path / "home", broker_url=broker_url)
    with traces.span("request"):
        assert queue.ring(settings, [41])
    with queue._sender(settings) as (app, connection):
        message = app.amqp.queues[queue.QUEUE_NAME].bind(connection.channel()).get()
    with traces.span("job", {"traceparent": message.headers["traceparent"]}, job_id=41):
        pass

    found = named(spans)
    assert found["job"].context.trace_id == found["request"].context.trace_id
    assert found["job"].parent.span_id == found["ring"].context.span_id
