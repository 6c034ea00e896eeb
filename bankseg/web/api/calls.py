"""What holds for every call of the API: how often, in what form, once under a key, and not at all when the caller holds the answer already."""

import time
from hashlib import sha256
from typing import Any, cast

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import BadRequest, TooManyRequests, UnsupportedMediaType

from bankseg.domain.errors import InputError
from bankseg.services import idempotency
from bankseg.services.idempotency import Answer, Claim
from bankseg.web import desk
from bankseg.web.access import API_PREFIX
from bankseg.web.forms import SAFE_METHODS
from bankseg.web.operations import incoming

EXTENSION = "bankseg.api_limiter"
KEY_HEADER, REPLAYED_HEADER = "Idempotency-Key", "Idempotency-Replayed"
KEPT_HEADERS = ("Content-Type", "Location", "Retry-After", "ETag")
SECRETS = frozenset({"first_password"})  # shown once and never again: not kept with an answer
JSON = "application/json"


def install(app: Flask) -> None:
    """Go between the guard and the views."""
    app.extensions[EXTENSION] = FixedWindowRateLimiter(MemoryStorage())
    app.before_request(throttle)
    app.before_request(refuse_unreadable)
    app.before_request(claim_key)
    app.after_request(keep_answer)
    app.after_request(tag_answer)
    app.teardown_request(forget_call)


def throttle() -> None:
    """Refuse a person who calls too often; each process counts its own."""
    if not _is_call() or "person" not in g:
        return
    limiter: FixedWindowRateLimiter = current_app.extensions[EXTENSION]
    most = RateLimitItemPerMinute(desk.desk().settings.api_calls_a_minute)
    if not limiter.hit(most, str(g.person.id)):
        reset_at = limiter.get_window_stats(most, str(g.person.id)).reset_time
        raise TooManyRequests(retry_after=max(1, round(reset_at - time.time())))


def refuse_unreadable() -> None:
    """Refuse a body that is no JSON document; a file is streamed aside where one is taken.

    Raises
    ------
    UnsupportedMediaType, BadRequest
        When it says that it is something else, or is not what it says.
    """
    if not _is_call() or request.method in SAFE_METHODS:
        return
    if incoming.is_a_file():
        incoming.read_body()
        return
    if not request.get_data():
        return
    if request.mimetype != JSON:
        raise UnsupportedMediaType
    if isinstance(request.get_json(silent=True), dict):
        return
    try:
        request.get_json()
    except BadRequest as error:
        raise InputError("a body that is no JSON", "a JSON object", "correct it") from error


def claim_key() -> Response | None:
    """Claim the key of a call that changes something; a call that was made already gets its answer again."""
    key = request.headers.get(KEY_HEADER)
    if key is None or not _is_call() or request.method in SAFE_METHODS or "person" not in g:
        return None
    if not idempotency.is_key(key):
        raise InputError(f"a key of {len(key)} characters", "8 to 100 letters, digits, - or _, such as a UUID", "give each thing asked for a key of its own")
    found = idempotency.claim(desk.desk().engine, g.person.id, key, _fingerprint())
    if isinstance(found, Answer):
        return Response(found.body, status=found.status, headers={**found.headers, REPLAYED_HEADER: "true"})
    g.call = found
    idempotency.begin(found)
    return None


def keep_answer(response: Response) -> Response:
    """Keep what a call under a key was answered, or give the key back when it changed nothing."""
    call = cast("Claim | None", g.pop("call", None))
    if call is None:
        return response
    desk.close_read()  # or the key would wait for the read of this very request
    if response.status_code < 400 or call.has_effect:
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        idempotency.settle(desk.desk().engine, call, Answer(response.status_code, headers, _without_secrets(response)))
    else:
        idempotency.release(desk.desk().engine, call)
    return response


def tag_answer(response: Response) -> Response:
    """Mark a document with its ETag, and send 304 to whoever holds it."""
    if _is_call() and request.method in SAFE_METHODS and response.status_code == 200 and response.mimetype == JSON:
        if "ETag" not in response.headers:
            response.add_etag()
        response.make_conditional(request)
    return response


def forget_call(error: BaseException | None = None) -> None:
    """Leave nothing of this request to the next one of the same thread."""
    del error
    idempotency.forget()


def _is_call() -> bool:
    return request.path.startswith(API_PREFIX) and request.endpoint is not None


def _fingerprint() -> str:
    body = incoming.body_file().sha256.encode() if incoming.is_a_file() else request.get_data()
    parts = (request.method.encode(), request.full_path.encode(), request.headers.get("If-Match", "").encode(), body)
    return sha256(b"\n".join(parts)).hexdigest()


def _without_secrets(response: Response) -> str:
    body: Any = response.get_json(silent=True)  # JSON of any shape
    if isinstance(body, dict) and SECRETS & body.keys():
        return current_app.json.dumps({name: None if name in SECRETS else value for name, value in body.items()})
    return response.get_data(as_text=True)
