"""At the door of every request: who is it, may they open this, is the form ours."""

from flask import Flask, Response, g, request, url_for
from werkzeug.exceptions import Unauthorized

from bankseg.domain.errors import NotFoundError
from bankseg.domain.rights import Right, require
from bankseg.services.sign_in import LANGUAGES
from bankseg.storage import signed_in
from bankseg.storage.database import reading, transaction
from bankseg.web.desk import desk
from bankseg.web.forms import cookie_name, refuse_forged
from bankseg.web.policy import POLICY, Door

SESSION_COOKIE = "session"
API_PREFIX = "/api/"


def install(app: Flask) -> None:
    """Put the guard before every view."""
    app.before_request(recognise)
    app.before_request(guard)


def recognise() -> None:
    """Find the person behind the session cookie."""
    g.language = request.accept_languages.best_match(LANGUAGES) or "en"
    token = request.cookies.get(cookie_name(SESSION_COOKIE))
    if not token or request.endpoint == "static":
        return
    with reading(desk().engine) as session:
        held = signed_in.find(session, token)
    if held is None:
        return
    g.person, g.scope, g.language, g.token = held.person, held.person.scope, held.language, token
    if held.is_stale:
        with transaction(desk().engine) as session:
            signed_in.touch(session, token)


def guard() -> Response | None:
    """Open the route, ask to sign in, or answer as if there were nothing here."""
    if request.endpoint is None:
        return None  # no such route: Flask answers 404 or 405
    door = POLICY.get(request.endpoint)
    if door is None:
        raise NotFoundError("nothing here")
    if door is not Door.PUBLIC:
        if "person" not in g:
            return _ask_to_sign_in()
        if isinstance(door, Right):
            require(g.scope, door)
    refuse_forged()
    return None


def _ask_to_sign_in() -> Response:
    if request.path.startswith(API_PREFIX):
        raise Unauthorized
    wanted = request.full_path.rstrip("?") if request.method == "GET" and request.path != "/" else None
    target = url_for("entrance.sign_in_form", next=wanted)
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": target})
    return Response(status=303, headers={"Location": target})


def safe_target(wanted: str | None) -> str:
    """Where to go after signing in: a page of ours, never another site."""
    if wanted and wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and "\\" not in wanted and wanted.isprintable():
        return wanted
    return url_for("entrance.home")
