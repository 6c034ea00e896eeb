"""Advisers: skills, capacity and clients of each, and proposals of who should serve whom, decided by a second person."""

from functools import partial

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import BanksegError, InputError, MissingDataError
from bankseg.domain.model_errors import NotAllowedError
from bankseg.services import adviser_proposals
from bankseg.web import desk
from bankseg.web.downloads import download, file_format
from bankseg.web.segments.names import value_name

BLUEPRINT = Blueprint("advisers", __name__, url_prefix="/advisers")


@BLUEPRINT.get("")
def index() -> str:
    """Who serves how many, and every proposal."""
    return _index()


@BLUEPRINT.post("")
def ask() -> BaseResponse | tuple[str, int]:
    """Ask who should serve whom in one's branch."""
    here, scope = desk.desk(), desk.scope()
    try:
        number = adviser_proposals.ask(here.settings, here.engine, scope, scope.branch_id or "", request.form.get("reason", ""))
    except (InputError, MissingDataError, NotAllowedError) as error:
        return _index(error), error.status
    return redirect(url_for("advisers.one", proposal_id=number), 303)


@BLUEPRINT.get("/proposals/<int:proposal_id>")
def one(proposal_id: int) -> str:
    """One proposal."""
    return _one(proposal_id)


@BLUEPRINT.post("/proposals/<int:proposal_id>")
def decide(proposal_id: int) -> BaseResponse | tuple[str, int]:
    """Approve or refuse what a colleague asked for."""
    given, here = request.form, desk.desk()
    try:
        adviser_proposals.decide(here.engine, desk.scope(), proposal_id, approve=given.get("decision") == "approve", reason=given.get("reason", ""))
    except (InputError, NotAllowedError) as error:
        return _one(proposal_id, error), error.status
    return redirect(url_for("advisers.one", proposal_id=proposal_id), 303)


@BLUEPRINT.get("/proposals/<int:proposal_id>/export")
def export(proposal_id: int) -> Response:
    """The moves of an approved proposal, for the bank's system."""
    asked = file_format(request.args.get("format", "csv"))
    write = partial(adviser_proposals.export_moves, desk.desk().engine, desk.scope(), proposal_id, file_format=asked)
    return download(f"advisers-{proposal_id}", asked, write)


def _index(error: BanksegError | None = None) -> str:
    page = adviser_proposals.advisers_page(desk.desk().settings, desk.read(), desk.scope(), language=desk.language(), value_name=value_name)
    return render_template("administration/advisers.html", page=page, error=error, given=request.form)


def _one(proposal_id: int, error: BanksegError | None = None) -> str:
    page = adviser_proposals.proposal_page(desk.read(), desk.scope(), proposal_id)
    return render_template("administration/adviser_proposal.html", page=page, row=page.row, seen=page.row.weighed, error=error, given=request.form)
