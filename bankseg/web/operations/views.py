"""Runs with live progress, and imports with their reconciliation."""

from functools import partial

from flask import Blueprint, Response, render_template

from bankseg.services import import_page, run_progress
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
