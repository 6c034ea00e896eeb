"""Imports by the browser: files taken, looked at, mapped, tried, and loaded by a worker."""

from collections.abc import Callable
from functools import partial
from typing import cast

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import BanksegError, ConfigurationError, InputError, MissingDataError
from bankseg.domain.extracts import EXTRACT_BY_NAME
from bankseg.services import import_job, upload_page
from bankseg.services.upload_intake import Incoming, Taken, forget_old, take
from bankseg.web import desk
from bankseg.web.downloads import download

BLUEPRINT = Blueprint("uploads", __name__, url_prefix="/imports/files")
REFUSALS = (InputError, ConfigurationError, MissingDataError)


@BLUEPRINT.get("")
def page() -> str:
    """Where files are dropped, and those that wait."""
    return _page([])


@BLUEPRINT.post("")
def take_files() -> BaseResponse | tuple[str, int]:
    """Take the files of a form."""
    here = desk.desk()
    forget_old(here.settings, here.engine)
    files = [file for file in request.files.getlist("file") if file.filename]
    taken = [take(here.settings, here.engine, desk.scope(), cast("Incoming", file.stream), file.filename or "") for file in files]
    if len(taken) == 1 and taken[0].is_new:
        return redirect(url_for("uploads.one", upload_id=taken[0].upload_id), 303)
    return _page(taken, nothing_sent=not taken), 400 if not taken or any(one.refusal for one in taken) else 200


@BLUEPRINT.get("/<int:upload_id>")
def one(upload_id: int) -> str:
    """One file: its rows, its mapping, what loading would do, how far it is."""
    return _one(upload_id)


@BLUEPRINT.post("/<int:upload_id>/mapping")
def choose(upload_id: int) -> BaseResponse | tuple[str, int]:
    """Keep what was chosen."""
    return _then(upload_id, partial(upload_page.choose, form=request.form.to_dict()), "mapping")


@BLUEPRINT.post("/<int:upload_id>/text")
def write(upload_id: int) -> BaseResponse | tuple[str, int]:
    """Keep a mapping written as text."""
    return _then(upload_id, partial(upload_page.choose_text, text=request.form.get("text", "").replace("\r\n", "\n")), "mapping")


@BLUEPRINT.get("/<int:upload_id>/mapping.toml")
def mapping(upload_id: int) -> Response:
    """The mapping as `bankseg ingest` reads it."""
    text = import_job.upload_of(desk.read(), desk.scope(), upload_id).mapping
    headers = {"Content-Disposition": f'attachment; filename="mapping-{upload_id}.toml"'}
    return Response(text, mimetype="application/toml", headers=headers)


@BLUEPRINT.post("/<int:upload_id>/trial")
def try_out(upload_id: int) -> BaseResponse | tuple[str, int]:
    """Run the checks, and load nothing."""
    return _then(upload_id, import_job.try_out, "trial")


@BLUEPRINT.get("/<int:upload_id>/rejects")
def rejects(upload_id: int) -> Response:
    """The rows the dry run refused, as a file."""
    here = desk.desk()
    return download(f"rejects-{upload_id}", "csv", partial(upload_page.take_rejects, here.settings, here.engine, desk.scope(), upload_id))


@BLUEPRINT.post("/<int:upload_id>/load")
def load(upload_id: int) -> BaseResponse | tuple[str, int]:
    """Queue the load."""
    return _then(upload_id, import_job.ask_to_load, "progress")


@BLUEPRINT.post("/<int:upload_id>/retry")
def retry(upload_id: int) -> BaseResponse | tuple[str, int]:
    """Queue a failed load again."""
    return _then(upload_id, import_job.load_again, "progress")


@BLUEPRINT.post("/<int:upload_id>/call-off")
def call_off(upload_id: int) -> BaseResponse | tuple[str, int]:
    """Take back a load nobody has begun."""
    return _then(upload_id, lambda _, engine, scope, number: import_job.call_off(engine, scope, number), "trial")


@BLUEPRINT.post("/<int:upload_id>/withdraw")
def withdraw(upload_id: int) -> BaseResponse:
    """Delete a file that waits."""
    here = desk.desk()
    import_job.withdraw(here.settings, here.engine, desk.scope(), upload_id)
    return redirect(url_for("uploads.page"), 303)


def _then(upload_id: int, ask: Callable[..., object], part: str) -> BaseResponse | tuple[str, int]:
    """Ask, and show the page at the part it changed; a refusal is told on the page."""
    here = desk.desk()
    try:
        ask(here.settings, here.engine, desk.scope(), upload_id)
    except REFUSALS as error:
        return _one(upload_id, error), 409 if isinstance(error, MissingDataError) else 400
    return redirect(url_for("uploads.one", upload_id=upload_id, _anchor=part), 303)


def _page(taken: list[Taken], *, nothing_sent: bool = False) -> str:
    shown = upload_page.uploads_page(desk.desk().settings, desk.read(), desk.scope())
    return render_template("operations/uploads.html", page=shown, taken=taken, nothing_sent=nothing_sent)


def _one(upload_id: int, error: BanksegError | None = None) -> str:
    shown = upload_page.upload_page(desk.desk().settings, desk.read(), desk.scope(), upload_id, error)
    return render_template(
        "operations/upload.html", page=shown, tables=tuple(EXTRACT_BY_NAME), encodings=upload_page.ENCODINGS, delimiters=upload_page.DELIMITERS,
        day_forms=upload_page.FORMS_OF_DAYS,
    )  # fmt: skip
