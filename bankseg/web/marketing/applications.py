"""Applications begun online and not ended."""

from functools import partial

from flask import Blueprint, Response, render_template, request

from bankseg.services import unfinished_applications
from bankseg.services.unfinished_applications import FIRST_DAYS, SHOWN
from bankseg.web import desk
from bankseg.web.arguments import whole_number
from bankseg.web.downloads import download, file_format

BLUEPRINT = Blueprint("applications", __name__, url_prefix="/applications")


@BLUEPRINT.get("/")
def index() -> str:
    """Who began an application, and let it lie."""
    page = unfinished_applications.applications_page(desk.desk().settings, desk.read(), desk.scope(), _days(), request.args.get("product", ""))
    return render_template("marketing/applications.html", page=page, most=SHOWN)


@BLUEPRINT.get("/export")
def export() -> Response:
    """The same as a file."""
    asked, here = file_format(request.args.get("format", "csv")), desk.desk()
    write = partial(
        unfinished_applications.export_applications, here.settings, here.engine, desk.scope(), _days(), request.args.get("product", ""), file_format=asked
    )
    return download("applications", asked, write)


def _days() -> int:
    return whole_number("days", request.args.get("days", ""), FIRST_DAYS)
