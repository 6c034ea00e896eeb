"""Erasures: asked for, decided by a second person, followed to the receipt; and the legal holds that stand against them."""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.erasure import KeptByDutyError
from bankseg.domain.errors import BanksegError, InputError, MissingDataError, NotFoundError
from bankseg.services import erasure
from bankseg.web import desk
from bankseg.web.api.blueprints import document

BLUEPRINT = Blueprint("erasures", __name__, url_prefix="/administration/erasures")
REFUSALS = (InputError, KeptByDutyError, MissingDataError, NotFoundError)


@BLUEPRINT.get("")
def index() -> str:
    """Every erasure and every hold."""
    return _index()


@BLUEPRINT.post("")
def ask() -> BaseResponse | tuple[str, int]:
    """Ask that a client be erased."""
    given, here = request.form, desk.desk()
    try:
        number = erasure.ask(here.settings, here.engine, desk.scope(), given.get("client_id", "").strip(), given.get("ground", ""), given.get("reason", ""))
    except REFUSALS as error:
        return _index(error), error.status
    return redirect(url_for("erasures.one", erasure_id=number), 303)


@BLUEPRINT.post("/holds")
def hold() -> BaseResponse | tuple[str, int]:
    """Place a legal hold."""
    given, here = request.form, desk.desk()
    try:
        erasure.place_hold(here.settings, here.engine, desk.scope(), given.get("client_id", "").strip(), given.get("reason", ""))
    except REFUSALS as error:
        return _index(error), error.status
    return redirect(url_for("erasures.index", _anchor="holds"), 303)


@BLUEPRINT.post("/holds/<int:hold_id>/lift")
def lift(hold_id: int) -> BaseResponse:
    """Lift a legal hold."""
    erasure.lift_hold(desk.desk().engine, desk.scope(), hold_id)
    return redirect(url_for("erasures.index", _anchor="holds"), 303)


@BLUEPRINT.get("/<int:erasure_id>")
def one(erasure_id: int) -> str:
    """One erasure, with its receipt once it is done."""
    return _one(erasure_id)


@BLUEPRINT.get("/<int:erasure_id>/receipt")
def receipt(erasure_id: int) -> Response:
    """The receipt as a file."""
    found = erasure.erasure_document(erasure.erasure_page(desk.desk().settings, desk.read(), desk.scope(), erasure_id))
    response = document(found["receipt"])
    response.headers["Content-Disposition"] = f'attachment; filename="erasure-{erasure_id}.json"'
    return response


@BLUEPRINT.post("/<int:erasure_id>/decide")
def decide(erasure_id: int) -> BaseResponse | tuple[str, int]:
    """Approve or refuse an erasure a colleague asked for."""
    given, here = request.form, desk.desk()
    try:
        erasure.decide(here.settings, here.engine, desk.scope(), erasure_id, approve=given.get("decision") == "approve", reason=given.get("reason", ""))
    except (InputError, KeptByDutyError) as error:
        return _one(erasure_id, error), error.status
    return redirect(url_for("erasures.one", erasure_id=erasure_id), 303)


@BLUEPRINT.post("/<int:erasure_id>/retry")
def retry(erasure_id: int) -> BaseResponse:
    """Send a worker again."""
    erasure.retry(desk.desk().settings, desk.desk().engine, desk.scope(), erasure_id)
    return redirect(url_for("erasures.one", erasure_id=erasure_id), 303)


def _index(error: BanksegError | None = None) -> str:
    page = erasure.erasures_page(desk.desk().settings, desk.read(), desk.scope())
    return render_template("administration/erasures.html", page=page, error=error, given=request.form)


def _one(erasure_id: int, error: BanksegError | None = None) -> str:
    page = erasure.erasure_page(desk.desk().settings, desk.read(), desk.scope(), erasure_id)
    return render_template("administration/erasure.html", page=page, row=page.row, receipt=page.row.receipt, error=error)
