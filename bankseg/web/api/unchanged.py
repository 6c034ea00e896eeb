"""If-Match: what a caller read, so that a change made since is not lost."""

from flask import Response, request


def expected() -> frozenset[str] | None:
    """The tags of what the caller read; None: the caller does not ask, or takes whatever stands."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    return frozenset(request.if_match.as_set())


def tagged(response: Response, tag: str) -> Response:
    """An answer under the tag that If-Match is held against."""
    response.set_etag(tag)
    return response
