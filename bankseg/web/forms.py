"""Forms that only our own pages can send.

The form token is an HMAC of the browser's secret cookie: it dies with the session, and a page's body is the same every time it is asked for.
"""

import hmac
import secrets
from hashlib import sha256
from urllib.parse import urlsplit

from flask import Response, g, request

from bankseg.domain.errors import BanksegError
from bankseg.web.desk import desk

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
VISIT_COOKIE = "visit"  # a browser that has not signed in yet
FIELD = "form_token"


class ForgedFormError(BanksegError):
    """A form that did not come from our page, or from a page of an ended session."""

    exit_code = 1
    status = 403


def form_token() -> str:
    """The token of this browser's forms."""
    return hmac.new(desk().form_key, f"form:{_secret()}".encode(), sha256).hexdigest()


def refuse_forged() -> None:
    """Refuse an unsafe request that another site caused, or that carries no token of this browser.

    Raises
    ------
    ForgedFormError
        Always in that case.
    """
    if request.method in SAFE_METHODS:
        return
    given = request.form.get(FIELD, "") or request.headers.get("X-Form-Token", "")
    if _is_foreign() or not hmac.compare_digest(given.encode(), form_token().encode()):
        raise ForgedFormError("this form has expired or was not sent from our page", "a form of this session", "open the page again and repeat")


def visit() -> str:
    """The secret of a browser nobody has signed in with: the cookie of its visit, else one made now."""
    token = g.get("new_visit") or request.cookies.get(cookie_name(VISIT_COOKIE))
    if not token:
        token = g.new_visit = secrets.token_urlsafe(32)
    return str(token)


def keep_visit(response: Response) -> Response:
    """Give a new browser its cookie, so that the token of its sign-in form can be checked."""
    visit = g.get("new_visit")
    if visit is not None:
        set_cookie(response, VISIT_COOKIE, visit)
    return response


def cookie_name(name: str) -> str:
    """Name of a cookie; over HTTPS with the prefix that ties it to this host."""
    return f"__Host-bankseg_{name}" if desk().settings.secure_cookies else f"bankseg_{name}"


def set_cookie(response: Response, name: str, value: str) -> None:
    """Set a cookie no script can read and no other site's form can send."""
    response.set_cookie(cookie_name(name), value, httponly=True, secure=desk().settings.secure_cookies, samesite="Lax", path="/")


def drop_cookie(response: Response, name: str) -> None:
    """Drop a cookie."""
    response.delete_cookie(cookie_name(name), httponly=True, secure=desk().settings.secure_cookies, samesite="Lax", path="/")


def _secret() -> str:
    """The browser's secret: its session's token, else that of its visit."""
    return str(g.get("token") or visit())


def _is_foreign() -> bool:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        return True
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host
