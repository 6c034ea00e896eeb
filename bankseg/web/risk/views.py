"""The review queue."""

from functools import partial

from flask import Blueprint, Response, render_template, request

from bankseg.domain.errors import InputError
from bankseg.services import export_list, risk_queue
from bankseg.web import desk
from bankseg.web.downloads import download, file_format

BLUEPRINT = Blueprint("risk", __name__)


@BLUEPRINT.get("/risk")
def queue() -> str:
    """The queue, gravest first."""
    page = risk_queue.risk_queue_page(desk.read(), desk.scope(), severity=asked_severity(), after=request.args.get("after", ""))
    return render_template("risk/queue.html", stamp=page.stamp, page=page, severities=risk_queue.SEVERITIES)


@BLUEPRINT.get("/risk/export")
def export() -> Response:
    """The queue as a file."""
    asked = file_format(request.args.get("format", "csv"))
    return download("risk-queue", asked, partial(export_list.export_risk, desk.desk().engine, desk.scope(), file_format=asked, severity=asked_severity()))


def asked_severity() -> int | None:
    """The severity in the address."""
    text = request.args.get("severity", "")
    if not text:
        return None
    if text not in {str(known) for known in risk_queue.SEVERITIES}:
        raise InputError(f"severity {text[:20]!r}", "3, 2 or 1", "leave it empty for all")
    return int(text)
