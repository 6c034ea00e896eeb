"""The review queue, one case, and its decisions."""

from functools import partial

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.adverse_reasons import adverse_reasons
from bankseg.domain.errors import InputError
from bankseg.services import export_list, risk_queue, risk_review
from bankseg.services.risk_queue import QueueAsked
from bankseg.services.risk_review import DECISIONS, Decision
from bankseg.web import desk
from bankseg.web.arguments import day, whole_number
from bankseg.web.downloads import download, file_format

BLUEPRINT = Blueprint("risk", __name__)
LONGEST_CODE = 100


@BLUEPRINT.get("/risk")
def queue() -> str:
    """The queue, gravest first."""
    page = risk_queue.risk_queue_page(desk.read(), desk.scope(), asked(), after=request.args.get("after", ""))
    return render_template("risk/queue.html", stamp=page.stamp, page=page, severities=risk_queue.SEVERITIES, views=risk_queue.VIEWS)


@BLUEPRINT.get("/risk/overview")
def overview() -> str:
    """The queue counted by state, trigger and branch."""
    found = risk_queue.risk_overview(desk.read(), desk.scope())
    return render_template("risk/overview.html", stamp=found.stamp, found=found, severities=risk_queue.SEVERITIES)


@BLUEPRINT.get("/risk/export")
def export() -> Response:
    """The queue as a file."""
    chosen = file_format(request.args.get("format", "csv"))
    return download("risk-queue", chosen, partial(export_list.export_risk, desk.desk().engine, desk.scope(), file_format=chosen, asked=asked()))


@BLUEPRINT.get("/risk/cases/<client_id>")
def case(client_id: str) -> str:
    """One case: what fired, since when, what was decided, and what one may do."""
    return _case(client_id)


@BLUEPRINT.post("/risk/cases/<client_id>/decide")
def decide(client_id: str) -> BaseResponse | tuple[str, int]:
    """Take a decision."""
    form = request.form
    try:
        made = Decision(form.get("decision", ""), form.get("reason", ""), day("again_on", form.get("again_on", "")), form.getlist("adverse"))
        risk_review.decide(desk.desk().engine, desk.scope(), client_id, made)
    except InputError as error:
        return _case(client_id, error), error.status
    return redirect(url_for("risk.case", client_id=client_id), 303)


@BLUEPRINT.post("/risk/cases/<client_id>/sign")
def sign(client_id: str) -> BaseResponse | tuple[str, int]:
    """Sign a colleague's decision, or send it back."""
    try:
        risk_review.sign(desk.desk().engine, desk.scope(), client_id, request.form.get("reason", ""), approve=request.form.get("answer") == "approve")
    except InputError as error:
        return _case(client_id, error), error.status
    return redirect(url_for("risk.case", client_id=client_id), 303)


@BLUEPRINT.post("/risk/cases/<client_id>/assign")
def assign(client_id: str) -> BaseResponse:
    """Give the case to somebody, or to nobody."""
    risk_review.assign(desk.desk().engine, desk.scope(), client_id, whole_number("person", request.form.get("person", ""), 0) or None)
    return redirect(url_for("risk.case", client_id=client_id), 303)


def asked() -> QueueAsked:
    """What the address asks of the queue."""
    given = request.args
    return QueueAsked(asked_severity(), given.get("view", ""), given.get("trigger", "")[:LONGEST_CODE], given.get("branch", "")[:LONGEST_CODE])


def asked_severity() -> int | None:
    """The severity in the address."""
    text = request.args.get("severity", "")
    if not text:
        return None
    if text not in {str(known) for known in risk_queue.SEVERITIES}:
        raise InputError(f"severity {text[:20]!r}", "3, 2 or 1", "leave it empty for all")
    return int(text)


def _case(client_id: str, error: InputError | None = None) -> str:
    page = risk_review.review_page(desk.read(), desk.scope(), client_id)
    place = 1 if desk.language() == "fr" else 0
    words = {code: names[place] for code, names in adverse_reasons().items()}
    return render_template(
        "risk/case.html", stamp=page.stamp, page=page, client=page.client, decisions=DECISIONS, adverse=words, error=error, given=request.form
    )
