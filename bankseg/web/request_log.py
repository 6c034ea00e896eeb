"""Every request under one id: taken over from the proxy or made, echoed, logged once with what it came to, and counted.

The log line names the endpoint, never the address: an address holds what was searched for.
"""

import logging
import re
import time
import uuid
from contextlib import ExitStack
from typing import cast

from flask import Flask, Response, current_app, g, request

from bankseg import logs, traces
from bankseg.services.http_counts import HttpCounts
from bankseg.web import desk

HEADER = "X-Request-ID"
PROBES = frozenset({"health.healthz", "health.readyz", "metrics.page", "static"})  # asked all day long: logged when they fail
EXTENSION = "bankseg.http_counts"
FAILED = 500

_WELL_FORMED = re.compile(r"[0-9a-fA-F-]{16,64}")  # no letters that could spell a name
_log = logging.getLogger(__name__)


def install(app: Flask) -> None:
    """Go before and after everything else."""
    app.extensions[EXTENSION] = HttpCounts(desk.of(app).settings)
    app.before_request(begin)
    app.after_request(end)
    app.teardown_request(leave)


def counts() -> HttpCounts:
    """What this process counts."""
    return cast("HttpCounts", current_app.extensions[EXTENSION])


def begin() -> None:
    """Give the request its id and start its clock."""
    given = request.headers.get(HEADER, "")
    g.request_id = given if _WELL_FORMED.fullmatch(given) else uuid.uuid4().hex
    g.began = time.perf_counter()
    logs.bind(request_id=g.request_id)
    if traces.is_on() and request.endpoint not in PROBES:
        g.trace = ExitStack()
        carrier = {"traceparent": request.headers.get("traceparent", "")}
        g.answer = g.trace.enter_context(traces.span(f"{request.method} {request.endpoint}", carrier, request_id=g.request_id))


def end(response: Response) -> Response:
    """Echo the id, log, count."""
    if "began" not in g:
        return response
    seconds = time.perf_counter() - g.began
    response.headers[HEADER] = g.request_id
    level = logging.DEBUG if request.endpoint in PROBES and response.status_code < FAILED else logging.INFO
    person = g.get("person")
    ids = {"person_id": person.id if person else None, "endpoint": request.endpoint, "method": request.method, "status": response.status_code}
    _log.log(level, "request answered", extra={**ids, "milliseconds": round(seconds * 1000)})
    counts().add(request.endpoint, request.method, response.status_code, seconds)
    counts().tell_now_and_then()
    if "answer" in g:
        g.answer |= {"status": response.status_code, "person_id": ids["person_id"]}
    return response


def leave(error: BaseException | None) -> None:
    """End the request's trace, whatever became of it."""
    if "trace" in g:
        g.trace.__exit__(type(error) if error else None, error, None)
