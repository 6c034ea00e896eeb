"""The policy: what is in force and since when, drafts, proposals, decisions, and any two versions compared."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import BanksegError, ConfigurationError, InputError, MissingDataError
from bankseg.services import policy_page, policy_versions
from bankseg.web import desk
from bankseg.web.arguments import whole_number

BLUEPRINT = Blueprint("policy_editor", __name__, url_prefix="/administration/policy")
REFUSALS = (InputError, ConfigurationError, MissingDataError)


@BLUEPRINT.get("/fields")
def fields() -> str:
    """Every entry that has a field."""
    return _fields()


@BLUEPRINT.post("/fields")
def try_fields() -> str | tuple[str, int]:
    """What was typed, as a draft; values that cannot be read are marked."""
    given, here = request.form.to_dict(), desk.desk()
    try:
        text = policy_versions.entries_typed(here.settings, desk.read(), desk.scope(), given)
    except InputError as error:
        return _fields(given, error), error.status
    return tried(text)


@BLUEPRINT.post("/propose")
def propose() -> BaseResponse | tuple[str, int]:
    """Propose a draft."""
    here, text = desk.desk(), request.form.get("text", "").replace("\r\n", "\n")
    try:
        policy_versions.propose(here.settings, here.engine, desk.scope(), text, request.form.get("reason", ""))
    except REFUSALS as error:
        return shown(text=text, error=error), 409 if isinstance(error, MissingDataError) else 400
    return redirect(url_for("administration.policy", _anchor="waiting"), 303)


@BLUEPRINT.post("/versions/<int:version>/decide")
def decide(version: int) -> BaseResponse | tuple[str, int]:
    """Approve or reject an open version."""
    here, given = desk.desk(), request.form
    try:
        policy_versions.decide(here.settings, here.engine, desk.scope(), version, approve=given.get("decision") == "approve", reason=given.get("reason", ""))
    except REFUSALS as error:
        return shown(error=error), 409 if isinstance(error, MissingDataError) else 400
    return redirect(url_for("administration.policy", _anchor="history"), 303)


@BLUEPRINT.get("/versions")
def compare() -> str:
    """Any two versions side by side."""
    before, after = (whole_number(name, request.args.get(name, ""), 0) for name in ("before", "after"))
    here = desk.desk()
    compared = policy_page.compare_versions(here.settings, desk.read(), desk.scope(), before, after)
    return render_template("administration/policy_versions.html", compared=compared, page=policy_page.policy_page(here.settings, desk.read(), desk.scope()))


def tried(text: str) -> str | tuple[str, int]:
    """What a draft would change; nothing is kept."""
    try:
        found, effect = policy_page.try_policy(desk.desk().settings, desk.read(), desk.scope(), text)
    except ConfigurationError as error:
        return shown(text=text, error=error), 400
    return shown(text=text, found=found, effect=effect)


def shown(compared: str | None = None, text: str | None = None, error: BanksegError | None = None, **told: object) -> str:
    """The policy in force, what waits, what was before, and a draft."""
    page = policy_page.policy_page(desk.desk().settings, desk.read(), desk.scope(), compared)
    return render_template(
        "administration/policy.html", page=page, text=page.entries if text is None else text, error=error, found=told.get("found"), effect=told.get("effect")
    )


def _fields(given: dict[str, str] | None = None, error: InputError | None = None) -> str:
    sections = policy_versions.fields(desk.desk().settings, desk.read(), desk.scope(), given)
    return render_template("administration/policy_fields.html", sections=sections, error=error)
