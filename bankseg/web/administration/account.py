"""One's own account: the password, and the tokens one calls the API with."""

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import InputError
from bankseg.services import access_tokens, staff
from bankseg.web import desk, forms
from bankseg.web.access import SESSION_COOKIE
from bankseg.web.arguments import whole_number

BLUEPRINT = Blueprint("account", __name__, url_prefix="/account")


@BLUEPRINT.get("")
def page() -> str:
    """The account."""
    return _page()


@BLUEPRINT.post("/password")
def password() -> BaseResponse | tuple[str, int]:
    """Change the password; every session ends, and one signs in with the new one."""
    given = request.form
    try:
        staff.change_own_password(desk.desk().engine, desk.scope(), given.get("old", ""), given.get("new", ""), given.get("again", ""))
    except InputError as error:
        return _page(error=error), error.status
    response = Response(status=303, headers={"Location": url_for("entrance.sign_in_form", language=desk.language())})
    forms.drop_cookie(response, SESSION_COOKIE)
    return response


@BLUEPRINT.post("/tokens")
def issue() -> str | tuple[str, int]:
    """Make a token and show it once."""
    try:
        days = whole_number("days", request.form.get("days", ""), access_tokens.USUAL_DAYS)
        made = access_tokens.issue(desk.desk().engine, desk.scope(), request.form.get("label", ""), request.form.getlist("right"), days)
    except InputError as error:
        return _page(token_error=error), error.status
    return _page(made=made)


@BLUEPRINT.post("/tokens/<int:token_id>/revoke")
def revoke(token_id: int) -> BaseResponse:
    """End a token."""
    access_tokens.revoke(desk.desk().engine, desk.scope(), token_id)
    return redirect(url_for("account.page"), 303)


def _page(error: InputError | None = None, made: access_tokens.Issued | None = None, token_error: InputError | None = None) -> str:
    return render_template(
        "administration/account.html", error=error, made=made, token_error=token_error, tokens=access_tokens.own_tokens(desk.read(), desk.scope()),
        rights=access_tokens.grantable(desk.scope()), usual_days=access_tokens.USUAL_DAYS, must_change=g.person.must_change_password,
    )  # fmt: skip
