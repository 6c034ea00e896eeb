"""The life of a scheme: publishing against its scorecard, what is kept and how often, and who entered and left."""

from functools import partial

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import InputError
from bankseg.services import scheme_life, segment_events
from bankseg.web import desk
from bankseg.web.downloads import download, file_format
from bankseg.web.segments.views import asked_day

BLUEPRINT = Blueprint("life", __name__, url_prefix="/segments")


@BLUEPRINT.get("/life/<code>")
def scheme(code: str) -> str:
    """Versions, memberships kept, moves written and how often the scheme is refreshed."""
    return render_template("segments/life.html", page=scheme_life.life_page(desk.desk().settings, desk.read(), desk.scope(), code))


@BLUEPRINT.post("/life/<code>/publish")
def publish(code: str) -> BaseResponse:
    """Publish a version that has no red line."""
    scheme_life.publish(desk.desk().settings, desk.desk().engine, desk.scope(), code, asked_version())
    return back_to_trial(code)


@BLUEPRINT.post("/life/<code>/override")
def override(code: str) -> BaseResponse:
    """Ask to publish against red lines."""
    scheme_life.ask_override(desk.desk().settings, desk.desk().engine, desk.scope(), code, request.form.get("reason", ""), asked_version())
    return back_to_trial(code)


@BLUEPRINT.post("/life/<code>/decide")
def decide(code: str) -> BaseResponse:
    """The second look at a request."""
    is_granted = request.form.get("decision") == "grant"
    scheme_life.decide_override(desk.desk().settings, desk.desk().engine, desk.scope(), code, request.form.get("reason", ""), is_granted=is_granted)
    return back_to_trial(code)


@BLUEPRINT.post("/life/<code>/retire")
def retire(code: str) -> BaseResponse:
    """Retire the published version."""
    scheme_life.retire(desk.desk().settings, desk.desk().engine, desk.scope(), code, request.form.get("reason", ""))
    return back_to_trial(code)


@BLUEPRINT.post("/life/<code>/cadence")
def cadence(code: str) -> BaseResponse:
    """Choose how often the membership is kept."""
    scheme_life.set_cadence(desk.desk().settings, desk.desk().engine, desk.scope(), code, request.form.get("cadence", ""))
    return redirect(url_for("life.scheme", code=code), 303)


@BLUEPRINT.post("/life/<code>/keep")
def keep(code: str) -> BaseResponse:
    """Keep the membership of the published run now, whatever the cadence."""
    scheme_life.keep_now(desk.desk().settings, desk.desk().engine, desk.scope(), code)
    return redirect(url_for("life.scheme", code=code), 303)


@BLUEPRINT.get("/changes/<code>")
def changes(code: str) -> str:
    """Who entered and who left between two dates."""
    return render_template("segments/changes.html", page=asked_changes(code))


@BLUEPRINT.get("/changes/<code>/export")
def export(code: str) -> Response:
    """The same as a file, with everybody who moved."""
    asked = file_format(request.args.get("format", "csv"))
    page = asked_changes(code)
    write = partial(segment_events.export_changes, desk.desk().settings, desk.desk().engine, desk.scope(), page, file_format=asked)
    desk.close_read()  # the file is written, and recorded, on a connection of its own
    return download(f"moves-{code}", asked, write)


def asked_changes(code: str) -> segment_events.ChangesPage:
    """The moves the address asks for."""
    return segment_events.changes_page(
        desk.desk().settings, desk.read(), desk.scope(), code, opening=asked_day("from"), closing=asked_day("to"), segment=request.args.get("segment", "")
    )


def asked_version() -> int | None:
    """The version a form names; none: the latest."""
    text = request.form.get("version", "")
    if not text:
        return None
    if not text.isdecimal():
        raise InputError(f"version {text[:20]!r}", "a whole number", "use the form of the page")
    return int(text)


def back_to_trial(code: str) -> BaseResponse:
    """To the scorecard, which shows what became of it."""
    return redirect(url_for("segments.trial", code=code), 303)
