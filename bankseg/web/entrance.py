"""Signing in and out, the language, and each role's first page."""

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.people import Role
from bankseg.services import sign_in as service
from bankseg.web import desk, forms
from bankseg.web.access import SESSION_COOKIE, let_in, safe_target

BLUEPRINT = Blueprint("entrance", __name__)
SIGN_IN_LIMIT = "20 per minute; 200 per hour"  # from one address
HOMES = {
    Role.RELATIONSHIP_MANAGER: "relationship.my_day",
    Role.BRANCH_HEAD: "relationship.my_day",
    Role.MARKETER: "marketing.products",
    Role.RISK_OFFICER: "risk.queue",
    Role.MODEL_OWNER: "models.registry",
    Role.AUDITOR: "oversight.page",
    Role.ADMINISTRATOR: "oversight.page",
}
LONGEST_LOGIN = 200


@BLUEPRINT.get("/")
def home() -> BaseResponse:
    """Send each role to the page its day starts with."""
    return redirect(url_for(HOMES[desk.scope().role]), 303)


@BLUEPRINT.get("/sign-in")
def sign_in_form() -> BaseResponse | str:
    """The form; the language may be chosen before anybody is known."""
    if desk.person() is not None:
        return redirect(safe_target(request.args.get("next")), 303)
    g.language = _asked_language() or request.accept_languages.best_match(service.LANGUAGES) or g.language
    return render_template("sign_in.html", wanted=request.args.get("next", ""), refused=False, login="")


@BLUEPRINT.post("/sign-in")
def sign_in() -> BaseResponse:
    """Check the password; a right one opens a new session, a wrong one is told nothing but that."""
    login, password = request.form.get("login", "").strip()[:LONGEST_LOGIN], request.form.get("password", "")
    wanted = request.form.get("next", "")
    g.language = _asked_language() or g.language
    token = service.sign_in(desk.desk().engine, login, password, _asked_language())
    if token is None:
        return Response(render_template("sign_in.html", wanted=wanted, refused=True, login=login), status=401)
    return let_in(token, wanted)


@BLUEPRINT.post("/sign-out")
def sign_out() -> BaseResponse:
    """End the session on the server and forget the cookie."""
    service.sign_out(desk.desk().engine, g.token)
    response = Response(status=303, headers={"Location": url_for("entrance.sign_in_form", language=desk.language())})
    forms.drop_cookie(response, SESSION_COOKIE)
    return response


@BLUEPRINT.post("/language")
def language() -> BaseResponse:
    """Keep the language chosen and go back to the page it was chosen on."""
    service.choose_language(desk.desk().engine, g.token, request.form.get("language", ""))
    return Response(status=303, headers={"Location": safe_target(request.form.get("next"))})


def _asked_language() -> str | None:
    asked = request.values.get("language", "")
    return asked if asked in service.LANGUAGES else None
