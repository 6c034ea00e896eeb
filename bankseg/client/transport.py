"""Calls over HTTP: the token, retries where a call may be made again, and problem documents as errors."""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlencode, urlsplit

from bankseg.client.errors import ApiError, UnavailableError, error_of

API = "/api/v1"
ATTEMPTS = 4
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
SAFE = frozenset({"GET", "HEAD"})
AGAIN = frozenset({429, 502, 503, 504})
LOST = (urllib.error.URLError, ConnectionError, TimeoutError, HTTPException)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its JSON document (None without one), its ETag, and where the thing or its progress is."""

    status: int
    document: Any  # JSON
    etag: str | None
    location: str | None
    was_replayed: bool


@dataclass
class Transport:
    """One service and one token. `pause` waits, for tests to replace."""

    server: str
    token: str = field(repr=False)
    timeout_seconds: float = 120.0
    attempts: int = ATTEMPTS
    pause: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        self.server = self.server.rstrip("/")
        if urlsplit(self.server).scheme not in {"http", "https"}:
            raise ApiError(0, {"found": f"the server {self.server!r}", "expected": "an address such as https://bankseg.example", "remedy": "correct --server"})
        self._opener = urllib.request.build_opener(_NoRedirect())  # a token is sent to the server it was made for, and nowhere else

    def call(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None, if_match: str | None = None) -> Reply:
        """Make a call. One that changes something carries an Idempotency-Key, so that it may be repeated when the answer was lost.

        Raises
        ------
        ApiError
            What the API refused it with; `UnavailableError` when no attempt reached it.
        """
        headers = {"Accept": "application/json", **({} if method in SAFE else _key())}
        if if_match:
            headers["If-Match"] = if_match
        data = None if body is None else json.dumps(body).encode()
        typed = {"Content-Type": "application/json"} if data is not None else {}
        with self._open(method, path, query, data, headers | typed) as answer:
            return _reply(answer)

    def send(self, path: str, file: Path, *, query: Mapping[str, Any] | None = None) -> Reply:
        """Send a file as the body, read as it goes; under one key, so that it may be repeated when the answer was lost."""
        typed = {"Accept": "application/json", "Content-Type": "application/octet-stream", "Content-Length": str(file.stat().st_size)}
        with file.open("rb") as data, self._open("POST", path, query, data, typed | _key()) as answer:
            return _reply(answer)

    def text(self, path: str) -> str:
        """A small document that is no JSON."""
        with self.stream(path) as answer:
            return answer.read().decode()

    @contextmanager
    def stream(self, path: str, *, query: Mapping[str, Any] | None = None) -> Iterator[HTTPResponse]:
        """A file, to be read in pieces."""
        with self._open("GET", path, query, None, {}) as answer:
            yield answer

    def _open(self, method: str, path: str, query: Mapping[str, Any] | None, data: bytes | IO[bytes] | None, headers: Mapping[str, str]) -> HTTPResponse:
        asked = {name: value for name, value in (query or {}).items() if value is not None and value != ""}
        address = f"{self.server}{path}{'?' + urlencode(asked, doseq=True) if asked else ''}"
        for attempt in range(1, self.attempts + 1):
            if data is not None and not isinstance(data, bytes):
                data.seek(0)
            request = urllib.request.Request(address, data, {**headers, "Authorization": f"Bearer {self.token}"}, method=method)  # noqa: S310  # http or https
            try:
                return cast("HTTPResponse", self._opener.open(request, timeout=self.timeout_seconds))
            except urllib.error.HTTPError as refused:
                error = _error(refused)
                if refused.code not in AGAIN or attempt == self.attempts:
                    raise error from None
                self.pause(min(error.retry_after or _pause(attempt), LONGEST_PAUSE_SECONDS))
            except LOST as lost:
                if attempt == self.attempts:
                    raise _lost(self.server, lost) from lost
                self.pause(_pause(attempt))
        raise _lost(self.server, TimeoutError())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The API redirects nobody: an answer that does comes from somewhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def _reply(answer: HTTPResponse) -> Reply:
    text = answer.read()
    headers = answer.headers
    return Reply(answer.status, json.loads(text) if text else None, headers.get("ETag"), headers.get("Location"), headers.get("Idempotency-Replayed") == "true")


def _error(refused: urllib.error.HTTPError) -> ApiError:
    with refused:
        text = refused.read()
    try:
        problem = json.loads(text)
    except ValueError:
        problem = {"title": refused.reason}
    after = refused.headers.get("Retry-After", "")
    return error_of(refused.code, problem if isinstance(problem, dict) else {}, float(after) if after.isdigit() else None)


def _lost(server: str, why: BaseException) -> UnavailableError:
    reason = getattr(why, "reason", None) or why
    return UnavailableError(
        0, {"found": f"{server} cannot be reached: {reason}", "expected": "a service that answers", "remedy": "check the address, and that the service runs"}
    )


def _pause(attempt: int) -> float:
    """Seconds before the next attempt.

    >>> [_pause(attempt) for attempt in (1, 2, 3)]
    [0.5, 1.0, 2.0]
    """
    return float(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
