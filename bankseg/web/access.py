"""At the door of every request: who is it, may they open this, is the form ours."""

from flask import Flask, Response, g, request, url_for
from werkzeug.exceptions import Unauthorized

from bankseg.domain.errors import NotFoundError
from bankseg.domain.rights import Right, require
from bankseg.services.sign_in import LANGUAGES, sign_out
from bankseg.storage import access_token, signed_in
from bankseg.storage.database import reading, transaction
from bankseg.web.desk import desk
from bankseg.web.forms import VISIT_COOKIE, cookie_name, drop_cookie, refuse_forged, set_cookie
from bankseg.web.policy import POLICY, Door

SESSION_COOKIE = "session"
API_PREFIX = "/api/"
# What somebody may open who signed in with a first password.
BEFORE_A_PASSWORD = frozenset({"account.page", "account.password", "entrance.sign_out", "entrance.language"})


def install(app: Flask) -> None:
    """Put the guard before every view."""
    app.before_request(recognise)
    app.before_request(guard)


def recognise() -> None:
    """Find the person behind an API token or the session cookie; a request that brings a token is judged by it alone."""
    g.language = request.accept_languages.best_match(LANGUAGES) or "en"
    if request.path.startswith(API_PREFIX) and "Authorization" in request.headers:
        _recognise_token()
        return
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


def _recognise_token() -> None:
    """The person a bearer token belongs to; anything else in the header is nobody."""
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        return
    with reading(desk().engine) as session:
        held = access_token.find(session, given.token)
    if held is None:
        return
    g.person, g.scope, g.granted = held.person, held.person.scope, held.rights
    if held.is_stale:
        with transaction(desk().engine) as session:
            access_token.touch(session, held.token_id)


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
            if "granted" in g and door not in g.granted:
                raise NotFoundError("nothing here for this token")
        if g.person.must_change_password and request.endpoint not in BEFORE_A_PASSWORD:
            return _ask_for_a_password()
    if "granted" not in g:  # a token is never sent by a browser on its own
        refuse_forged()
    return None


def _ask_for_a_password() -> Response:
    if request.path.startswith(API_PREFIX):
        raise Unauthorized
    target = url_for("account.page")
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": target})
    return Response(status=303, headers={"Location": target})


def _ask_to_sign_in() -> Response:
    if request.path.startswith(API_PREFIX):
        raise Unauthorized
    wanted = request.full_path.rstrip("?") if request.method == "GET" and request.path != "/" else None
    target = url_for("entrance.sign_in_form", next=wanted)
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": target})
    return Response(status=303, headers={"Location": target})


def let_in(token: str, wanted: str | None) -> Response:
    """Hand a new session to this browser and go where it was going; the session of whoever sat here before ends with it."""
    if "token" in g:
        sign_out(desk().engine, g.token)
    response = Response(status=303, headers={"Location": safe_target(wanted)})
    set_cookie(response, SESSION_COOKIE, token)
    drop_cookie(response, VISIT_COOKIE)
    return response


def safe_target(wanted: str | None) -> str:
    """Where to go after signing in: a page of ours, never another site."""
    if wanted and wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and "\\" not in wanted and wanted.isprintable():
        return wanted
    return url_for("entrance.home")
