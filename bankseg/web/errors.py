"""One place where an error becomes an answer: a designed page, or problem+json (RFC 9457) for the API."""

import logging
from http import HTTPStatus

import orjson
from flask import Flask, Response, render_template, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from bankseg.domain.errors import BanksegError, NotFoundError, NothingPublishedError
from bankseg.storage.reachability import StoreAwayError
from bankseg.web import desk
from bankseg.web.access import API_PREFIX

LOG = logging.getLogger(__name__)
SHOWN = frozenset({400, 403, 409, 412})  # statuses whose words were written for the person who reads them
RETRY_SECONDS = 5
WAIT_SECONDS = 60  # where a limit says nothing of its own


def install(app: Flask) -> None:
    """Map error classes to answers."""
    app.register_error_handler(BanksegError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(StoreAwayError, _store_away)
    app.register_error_handler(Exception, _unforeseen)


def problem(status: int, detail: str = "", **more: object) -> Response:
    """A problem document."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, **({"detail": detail} if detail else {}), **more}
    return Response(orjson.dumps(body), status=status, mimetype="application/problem+json")


def invalid_request(error: ValidationError) -> Response:
    """What flask-openapi3 answers to parameters that break their schema: what is wrong where, never the value itself."""
    errors = [
        {"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return problem(422, "the request does not match its description", errors=errors)


def _ours(error: BanksegError) -> Response:
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        LOG.error("%s answered with %s: %s", request.endpoint, error.status, error)
    # Absent, foreign and forbidden must not differ by a single byte.
    return _answer(error.status, None if isinstance(error, NotFoundError) else error)


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]  # made by our own validation callback
    response = _answer(error.code or 500)
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    if error.code == HTTPStatus.TOO_MANY_REQUESTS:
        response.headers.setdefault("Retry-After", str(WAIT_SECONDS))
    return response


def _store_away(error: StoreAwayError) -> Response:
    LOG.error("the store cannot be reached: %s", error.orig)
    response = _answer(503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _unforeseen(error: Exception) -> Response:
    LOG.error("unforeseen error in %s", request.endpoint, exc_info=error)
    return _answer(500)


def _answer(status: int, error: BanksegError | None = None) -> Response:
    told = error if status in SHOWN else None
    if request.path.startswith(API_PREFIX):
        parts = {"found": told.found, "expected": told.expected, "remedy": told.remedy} if told else {}
        return problem(status, str(told) if told else "", **{name: words for name, words in parts.items() if words})
    desk.close_read()
    return Response(
        render_template("error.html", status=status, error=told, is_empty=isinstance(told, NothingPublishedError)), status=status, mimetype="text/html"
    )
