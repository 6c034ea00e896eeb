"""What a call may be refused with: the problem documents of the API as errors that say what was found, expected and to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from bankseg.domain.errors import BanksegError


class ApiError(BanksegError):
    """The API refused a call; `problem` is its problem document (RFC 9457), `retry_after` seconds after which to ask again."""

    exit_code = 25
    status = 502

    def __init__(self, answered: int, problem: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.answered, self.problem, self.retry_after = answered, dict(problem), retry_after
        slips = "; ".join(f"{one.get('where')}: {one.get('what')}" for one in self.problem.get("errors") or ())
        found = str(self.problem.get("found") or self.problem.get("detail") or self.problem.get("title") or f"the answer {answered}")
        super().__init__(
            f"{found}{f' ({slips})' if slips else ''} [{answered}]",
            str(self.problem.get("expected") or ""),
            str(self.problem.get("remedy") or self.usual_remedy),
        )

    usual_remedy = "see the problem document, or the log of the service under the request's id"


class RefusedError(ApiError):
    """The call does not hold: its parameters, or a rule of the bank."""

    exit_code = 26
    usual_remedy = "correct the call"


class UnknownCallerError(ApiError):
    """No token, or one that has ended."""

    exit_code = 27
    usual_remedy = "make a new token on the page of your account"


class NotThereError(ApiError):
    """There is no such thing, or not for this caller."""

    exit_code = 28
    usual_remedy = "check the address, and that the token was given the right"


class ConflictError(ApiError):
    """The thing is not in the state the call needs."""

    exit_code = 29


class ChangedError(ApiError):
    """Somebody changed the thing since it was read."""

    exit_code = 30
    usual_remedy = "read it again, and change that"


class UnavailableError(ApiError):
    """The service cannot be reached, or is too busy."""

    exit_code = 31
    usual_remedy = "try again later"


KINDS: Mapping[int, type[ApiError]] = {
    HTTPStatus.BAD_REQUEST: RefusedError, HTTPStatus.UNPROCESSABLE_ENTITY: RefusedError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE: RefusedError, HTTPStatus.UNAUTHORIZED: UnknownCallerError,
    HTTPStatus.NOT_FOUND: NotThereError, HTTPStatus.CONFLICT: ConflictError, HTTPStatus.PRECONDITION_FAILED: ChangedError, HTTPStatus.TOO_MANY_REQUESTS: UnavailableError,
    HTTPStatus.BAD_GATEWAY: UnavailableError, HTTPStatus.SERVICE_UNAVAILABLE: UnavailableError, HTTPStatus.GATEWAY_TIMEOUT: UnavailableError,
}  # fmt: skip


def error_of(answered: int, problem: Mapping[str, Any], retry_after: float | None = None) -> ApiError:
    """The error for an answer.

    Examples
    --------
    >>> type(error_of(404, {"title": "Not Found"})).__name__
    'NotThereError'
    """
    return KINDS.get(answered, ApiError)(answered, problem, retry_after)
