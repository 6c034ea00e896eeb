"""The strategic profile of a firm, on a page beside the client's own."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import BanksegError, InputError
from bankseg.domain.firm_profile import CRITERIA
from bankseg.domain.request_errors import ChangedMeanwhileError
from bankseg.services import firm_profile
from bankseg.web import desk

BLUEPRINT = Blueprint("firm", __name__, url_prefix="/clients/<client_id>/profile")


@BLUEPRINT.get("")
def profile(client_id: str) -> str:
    """The profile with its earlier versions."""
    return _profile(client_id)


@BLUEPRINT.post("")
def save(client_id: str) -> BaseResponse | tuple[str, int]:
    """Save the profile as its next version."""
    given = {name: request.form.get(name, "") for name in (*CRITERIA, "note")}
    try:
        firm_profile.save_firm_profile(desk.desk().engine, desk.scope(), client_id, given, {request.form.get("version", "")})
    except (ChangedMeanwhileError, InputError) as error:
        return _profile(client_id, error), error.status
    return redirect(url_for("firm.profile", client_id=client_id), 303)


def _profile(client_id: str, error: BanksegError | None = None) -> str:
    page = firm_profile.firm_profile_page(desk.read(), desk.scope(), client_id)
    given = request.form if error else {**page.latest.answers, "note": page.latest.note}
    return render_template("relationship/firm.html", page=page, client=page.client, error=error, given=given, tag=firm_profile.tag(page.latest.version))
