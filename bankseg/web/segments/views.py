"""Schemes counted on the published run, the designer with its live preview, and the attribute catalogue."""

import json
from datetime import date
from functools import partial

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import BanksegError, InputError
from bankseg.domain.schemes import scheme_document
from bankseg.services import attribute_catalogue, scheme_life, segment_history, segments_desk
from bankseg.web import desk
from bankseg.web.downloads import download, file_format
from bankseg.web.segments.attributes_views import wanted
from bankseg.web.segments.names import value_name

BLUEPRINT = Blueprint("segments", __name__, url_prefix="/segments")


@BLUEPRINT.get("/schemes")
def schemes() -> str:
    """Every scheme."""
    return render_template("segments/schemes.html", page=segments_desk.schemes_page(desk.desk().settings, desk.read(), desk.scope()))


@BLUEPRINT.get("/schemes/<code>")
def scheme(code: str) -> str:
    """One scheme's segments with size, value and churn."""
    page = segments_desk.scheme_page(
        desk.desk().settings, desk.read(), desk.scope(), code, as_of=asked_day("as_of"), language=desk.language(), value_name=value_name
    )
    return render_template("segments/scheme.html", page=page)


@BLUEPRINT.get("/schemes/<code>/<segment>")
def members(code: str, segment: str) -> str:
    """The clients of one segment."""
    return render_template("segments/members.html", page=segments_desk.members_page(desk.desk().settings, desk.read(), desk.scope(), code, segment))


@BLUEPRINT.get("/schemes/<code>/<segment>/export")
def export(code: str, segment: str) -> Response:
    """The same as a file."""
    asked = file_format(request.args.get("format", "csv"))
    write = partial(segments_desk.export_members, desk.desk().settings, desk.desk().engine, desk.scope(), code, segment, file_format=asked)
    return download(f"segment-{code}-{segment}", asked, write)


@BLUEPRINT.get("/why/<code>/<client_id>")
def why(code: str, client_id: str) -> str:
    """Why one client is in its segment: each comparison with the client's own value."""
    page = segments_desk.why_page(desk.desk().settings, desk.read(), desk.scope(), code, client_id, language=desk.language(), value_name=value_name)
    return render_template("segments/why.html", page=page)


@BLUEPRINT.get("/designer")
def designer() -> str:
    """Edit a scheme, or begin one; the page previews while one writes."""
    code = request.args.get("scheme", "")
    page = segments_desk.designer_page(desk.desk().settings, desk.read(), desk.scope(), code)
    text = json.dumps(scheme_document(page.entry.scheme), ensure_ascii=False, indent=1) if page.entry else segments_desk.BEGINNING
    return render_template("segments/designer.html", page=page, text=text)


@BLUEPRINT.post("/designer/preview")
def preview() -> str:
    """What the document in the form would hold, against the saved version; a slip is told in its place."""
    try:
        found = segments_desk.preview_scheme(
            desk.desk().settings, desk.read(), desk.scope(), request.form.get("document", ""), language=desk.language(), value_name=value_name
        )
    except BanksegError as error:
        return render_template("segments/preview.html", found=None, error=error)
    return render_template("segments/preview.html", found=found, error=None)


@BLUEPRINT.post("/designer/save")
def save() -> BaseResponse:
    """Save the document in the form as the next version of its scheme."""
    code = segments_desk.save(desk.desk().settings, desk.desk().engine, desk.scope(), request.form.get("document", ""), request.form.get("note", ""))
    return redirect(url_for("segments.scheme", code=code), 303)


@BLUEPRINT.get("/attributes")
def attributes() -> str:
    """Everything a rule may read, narrowed by what the address asks for."""
    page = attribute_catalogue.catalogue_page(desk.desk().settings, desk.read(), desk.scope(), wanted(), language=desk.language())
    return render_template("segments/attributes.html", page=page)


@BLUEPRINT.get("/migration")
def moves() -> str:
    """Who moved between two published dates."""
    asked = request.args.get("what", "tier")
    if not segments_desk.has_history(desk.read()):
        return render_template("segments/no_history.html", page=segments_desk.schemes_page(desk.desk().settings, desk.read(), desk.scope()))
    page = segment_history.migration(desk.desk().settings, desk.read(), desk.scope(), asked, asked_day("from"), asked_day("to"))
    return render_template("segments/migration.html", page=page, stamp=segments_desk.stamp_of(page.closing), choices=segments_desk.places(desk.read()))


@BLUEPRINT.get("/validity/<code>")
def trial(code: str) -> str:
    """The scorecard of a scheme's segments."""
    page = scheme_life.trial_page(desk.desk().settings, desk.read(), desk.scope(), code, request.args.get("version", type=int))
    return render_template("segments/validity.html", page=page)


def asked_day(name: str) -> date | None:
    """A date in the address, none when it is empty."""
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{name} {text[:20]!r}", "a date such as 2025-12-31", "choose one of the dates") from error
