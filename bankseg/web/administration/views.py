"""The administration: people and the audit trail."""

from functools import partial

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Role
from bankseg.services import access_tokens, audit_trail, staff
from bankseg.services.sign_in import LANGUAGES
from bankseg.services.staff import Description
from bankseg.storage.audit import AuditFilter
from bankseg.web import desk
from bankseg.web.administration import policy_views
from bankseg.web.arguments import day, whole_number
from bankseg.web.downloads import download, file_format
from bankseg.web.openid_views import linked

BLUEPRINT = Blueprint("administration", __name__, url_prefix="/administration")


@BLUEPRINT.get("/people")
def people() -> str:
    """Everybody who signs in."""
    return _people()


@BLUEPRINT.post("/people")
def add() -> str | tuple[str, int]:
    """Let somebody new sign in, and show the first password once."""
    login = request.form.get("login", "")
    try:
        first = staff.add_person(desk.desk().engine, desk.scope(), login, Description.of(request.form))
    except InputError as error:
        return _people(error=error), error.status
    return _people(handed_over=(login.strip(), first))


@BLUEPRINT.get("/people/<int:person_id>")
def person(person_id: int) -> str:
    """One person."""
    return _person(person_id)


@BLUEPRINT.post("/people/<int:person_id>")
def change(person_id: int) -> BaseResponse | tuple[str, int]:
    """Change what a person is."""
    try:
        staff.change_person(desk.desk().engine, desk.scope(), person_id, Description.of(request.form))
    except InputError as error:
        return _person(person_id, error=error), error.status
    return redirect(url_for("administration.people"), 303)


@BLUEPRINT.post("/people/<int:person_id>/active")
def enable(person_id: int) -> BaseResponse:
    """Let a person sign in again, or no more."""
    staff.set_active(desk.desk().engine, desk.scope(), person_id, is_active=request.form.get("active") == "yes")
    return redirect(url_for("administration.people"), 303)


@BLUEPRINT.post("/people/<int:person_id>/password")
def reset(person_id: int) -> str:
    """Give a new first password, shown once."""
    first = staff.reset_password(desk.desk().engine, desk.scope(), person_id)
    row = _found(person_id)
    return _people(handed_over=(str(row["login"]), first))


@BLUEPRINT.post("/tokens/<int:token_id>/revoke")
def revoke(token_id: int) -> BaseResponse:
    """End anybody's token."""
    access_tokens.revoke(desk.desk().engine, desk.scope(), token_id)
    return redirect(url_for("administration.people"), 303)


@BLUEPRINT.get("/audit")
def audit() -> str:
    """The trail, newest first."""
    before = whole_number("before", request.args.get("before", ""), 0)
    page = audit_trail.audit_page(desk.read(), desk.scope(), _asked(), before or None, check=request.args.get("check") == "1")
    return render_template("administration/audit.html", page=page)


@BLUEPRINT.get("/audit/export")
def export_audit() -> Response:
    """The same as a file."""
    chosen = file_format(request.args.get("format", "csv"))
    return download("audit", chosen, partial(audit_trail.export_audit, desk.desk().engine, desk.scope(), _asked(), file_format=chosen))


@BLUEPRINT.get("/policy")
def policy() -> str:
    """The policy in force, and how it differs from one of before."""
    return policy_views.shown(compared=request.args.get("compared") or None)


@BLUEPRINT.post("/policy/try")
def try_policy() -> str | tuple[str, int]:
    """What a draft written as text would change; nothing is kept."""
    return policy_views.tried(request.form.get("text", "").replace("\r\n", "\n"))


def _asked() -> AuditFilter:
    given = request.args
    return audit_trail.filter_of(
        given.get("action", ""), given.get("person", ""), given.get("subject", ""), day("first", given.get("first", "")), day("last", given.get("last", ""))
    )


def _people(error: InputError | None = None, handed_over: tuple[str, str] | None = None) -> str:
    page = staff.staff_page(desk.read(), desk.scope())
    return render_template(
        "administration/people.html", page=page, roles=list(Role), languages=LANGUAGES, error=error, handed_over=handed_over, given=request.form
    )


def _person(person_id: int, error: InputError | None = None) -> str:
    return render_template("administration/person.html", row=_found(person_id), roles=list(Role), languages=LANGUAGES, error=error, subject=linked(person_id))


def _found(person_id: int) -> dict[str, object]:
    page = staff.staff_page(desk.read(), desk.scope())
    row = next((row for row in page.people if row["id"] == person_id), None)
    if row is None:
        raise NotFoundError(f"no person {person_id}")
    return row
