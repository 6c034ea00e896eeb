"""Runs with live progress, and imports with their reconciliation."""

from flask import Blueprint, render_template

from bankseg.services import run_progress
from bankseg.web import desk

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
