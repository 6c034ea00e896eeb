"""Runs with live progress, tried again and stopped, and imports with their reconciliation."""

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.people import Scope
from bankseg.domain.request_errors import RunStateError
from bankseg.services import import_page, run_control, run_progress
from bankseg.services.bank import Bank
from bankseg.web import desk
from bankseg.web.downloads import download

BLUEPRINT = Blueprint("operations", __name__)


@BLUEPRINT.get("/runs")
def runs() -> str:
    """The latest runs."""
    latest, current = run_progress.runs_list(desk.read(), desk.scope())
    return render_template("operations/runs.html", runs=latest, current=current)


@BLUEPRINT.get("/runs/<int:run_id>")
def run(run_id: int) -> str:
    """One run; while it runs the page asks for itself again every second."""
    return render_template("operations/run.html", page=run_progress.run_page(desk.read(), desk.scope(), run_id))


@BLUEPRINT.post("/runs/<int:run_id>/retry")
def retry_run(run_id: int) -> BaseResponse | tuple[str, int]:
    """Give what failed a new budget of attempts."""
    return _directed(run_id, run_control.retry_run)


@BLUEPRINT.post("/runs/<int:run_id>/stop")
def stop_run(run_id: int) -> BaseResponse | tuple[str, int]:
    """Stop a run that goes on."""
    return _directed(run_id, run_control.stop_run)


@BLUEPRINT.get("/imports")
def imports() -> str:
    """The latest imports."""
    return render_template("operations/imports.html", imports=run_progress.imports_list(desk.read(), desk.scope()))


@BLUEPRINT.get("/imports/<int:batch_id>")
def import_batch(batch_id: int) -> str:
    """One import with its reconciliation and what was refused."""
    return render_template("operations/import.html", page=import_page.import_page(desk.desk().settings, desk.read(), desk.scope(), batch_id))


@BLUEPRINT.get("/imports/<int:batch_id>/quarantine")
def quarantine(batch_id: int) -> Response:
    """The refused rows as a file."""
    here = desk.desk()
    return download(f"quarantine-{batch_id}", "csv", partial(import_page.export_quarantine, here.settings, here.engine, desk.scope(), batch_id))


def _directed(run_id: int, direct: Callable[[Bank, Scope, int], None]) -> BaseResponse | tuple[str, int]:
    """Direct a run, and show it; that it is in another state by now is told on its page."""
    here = desk.desk()
    try:
        direct(Bank(here.settings, here.engine, desk.policy()), desk.scope(), run_id)
    except RunStateError as error:
        page = run_progress.run_page(desk.read(), desk.scope(), run_id)
        return render_template("operations/run.html", page=page, refused=error), error.status
    return redirect(url_for("operations.run", run_id=run_id), 303)
