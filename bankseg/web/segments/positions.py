"""Positions: product lines by segments for management, and the note of each cell."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import BanksegError, InputError
from bankseg.domain.position_notes import NotePlace
from bankseg.domain.request_errors import ChangedMeanwhileError
from bankseg.services import position_notes
from bankseg.services.scheme_pictures.positions import positions_page
from bankseg.web import desk
from bankseg.web.arguments import day
from bankseg.web.segments.pictures import clients_of

BLUEPRINT = Blueprint("positions", __name__, url_prefix="/segments/positions")


@BLUEPRINT.get("")
def grid() -> str:
    """What holders of each product bring in each segment, and how their number grew."""
    code, since = request.args.get("scheme", ""), day("since", request.args.get("since", ""))
    page = positions_page(desk.desk().settings, desk.read(), desk.scope(), code, since)
    return render_template("segments/positions.html", page=page, clients_of=clients_of)


@BLUEPRINT.get("/<code>/<segment>/<product>")
def note(code: str, segment: str, product: str) -> str:
    """One cell's note with its earlier versions."""
    return _note(NotePlace(code, segment, product))


@BLUEPRINT.post("/<code>/<segment>/<product>")
def save(code: str, segment: str, product: str) -> BaseResponse | tuple[str, int]:
    """Save the note as its next version."""
    here, place = desk.desk(), NotePlace(code, segment, product)
    given = {name: request.form.get(name, "") for name in ("position", "text")}
    try:
        position_notes.save_note(here.settings, here.engine, desk.scope(), place, given, {request.form.get("version", "")})
    except (ChangedMeanwhileError, InputError) as error:
        return _note(place, error), error.status
    return redirect(url_for("positions.note", code=code, segment=segment, product=product), 303)


def _note(place: NotePlace, error: BanksegError | None = None) -> str:
    page = position_notes.note_page(desk.desk().settings, desk.read(), desk.scope(), place)
    given = request.form if error else {"position": page.latest.position, "text": page.latest.text}
    return render_template("segments/position.html", page=page, error=error, given=given, tag=position_notes.tag(page.latest.version))
