"""Strategy sheets of segments: all of a scheme, and one on a page that prints."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.services import strategy_sheets
from bankseg.web import desk
from bankseg.web.forms import FIELD

BLUEPRINT = Blueprint("strategy", __name__, url_prefix="/segments/strategy")


@BLUEPRINT.get("/<code>")
def scheme(code: str) -> str:
    """Every segment of a scheme with its target and its figures."""
    return render_template("segments/strategy.html", page=strategy_sheets.sheets_page(desk.desk().settings, desk.read(), desk.scope(), code))


@BLUEPRINT.get("/<code>/<segment>")
def sheet(code: str, segment: str) -> str:
    """One segment's sheet."""
    page = strategy_sheets.sheets_page(desk.desk().settings, desk.read(), desk.scope(), code, segment)
    return render_template("segments/sheet.html", page=page, one=page.sheets[0])


@BLUEPRINT.post("/<code>/<segment>")
def save(code: str, segment: str) -> BaseResponse:
    """Save the sheet as its next version."""
    fields = {name: value for name, value in request.form.items() if name != FIELD}
    strategy_sheets.save_sheet(desk.desk().settings, desk.desk().engine, desk.scope(), code, segment, fields)
    return redirect(url_for("strategy.sheet", code=code, segment=segment), 303)
