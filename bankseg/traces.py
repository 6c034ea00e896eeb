"""Traces of requests, rings, jobs and database statements, for a collector that speaks OTLP; without an address nothing of it is loaded.

A span carries ids, names and counts and never what a person typed: an address names the route, a statement its verb and tables, an exception its class.
"""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bankseg.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

NAME = "bankseg"
_TABLES = re.compile(r"\b(?:from|join|into|update|table)\s+\"?([a-z_][a-z_0-9]*)", re.IGNORECASE)
_tracer: "Tracer | None" = None


def configure(address: str, service: str, exporter: "SpanExporter | None" = None) -> bool:
    """Send spans of this process to a collector; answers whether it will.

    Parameters
    ----------
    address
        OTLP over HTTP, such as ``http://collector:4318/v1/traces``; empty: no traces.
    service
        What this process is, such as ``bankseg-web``.
    exporter
        Where to instead, for those who keep spans themselves.

    Raises
    ------
    ConfigurationError
        When an address is given and the extra is not installed.
    """
    global _tracer  # noqa: PLW0603  # a process is traced or it is not, as it logs in one form or another
    if not address and exporter is None:
        _tracer = None
        return False
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    except ImportError as error:
        raise ConfigurationError(
            "BANKSEG_TRACES_URL is set and the packages that send traces are missing", "both or neither", "pip install 'bankseg[traces]'"
        ) from error
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    provider.add_span_processor(SimpleSpanProcessor(exporter) if exporter else BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
    _tracer = provider.get_tracer(NAME)
    return True


@contextmanager
def span(name: str, carrier: Mapping[str, str] | None = None, **ids: object) -> Iterator[MutableMapping[str, object]]:
    """Trace what happens in the block; what is put into the mapping it gives is written on the span.

    Parameters
    ----------
    carrier
        Headers of a message that may name the span this one belongs to.
    ids
        Ids and counts, those that are None left out.
    """
    found: dict[str, object] = {}
    if _tracer is None:
        yield found
        return
    from opentelemetry.trace import Status, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract(dict(carrier)) if carrier else None
    with _tracer.start_as_current_span(name, context=context, record_exception=False, set_status_on_exception=False) as current:
        current.set_attributes(_known(ids))
        try:
            yield found
        except BaseException as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))  # its words may quote a row, and with it a client
            raise
        finally:
            current.set_attributes(_known(found))


def headers() -> dict[str, str]:
    """What a message carries so that its work belongs to this span; empty without traces."""
    carrier: dict[str, str] = {}
    if _tracer is not None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(carrier)
    return carrier


def is_on() -> bool:
    """Whether this process sends spans."""
    return _tracer is not None


def statement_name(statement: str) -> str:
    """What a database statement does, without a value.

    Examples
    --------
    >>> statement_name("SELECT name FROM published_client WHERE client_id = 'C1'")
    'SELECT published_client'
    """
    tables = list(dict.fromkeys(_TABLES.findall(statement)))
    return " ".join([statement.split(None, 1)[0].upper() if statement.strip() else "EMPTY", *tables[:4]])


def _known(ids: Mapping[str, object]) -> dict[str, Any]:  # values of the kinds a span may hold
    return {f"{NAME}.{name}": value if isinstance(value, str | bool | int | float) else str(value) for name, value in ids.items() if value is not None}
