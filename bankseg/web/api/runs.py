"""The API of operations: runs started, followed, tried again and stopped; imports with their reconciliation."""

from typing import Any

from flask import Response, url_for
from pydantic import BaseModel, Field

from bankseg.services import import_page, run_control, run_progress
from bankseg.storage.import_batch import ImportBatch
from bankseg.storage.run import Run
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import RETRY_SECONDS, accepted, document, part
from bankseg.web.models.views import bank

BLUEPRINT = part("runs_api", __name__, "runs and imports")


class RunRequest(schemas.Asked):
    as_of: schemas.Day | None = Field(default=None, description="Last day whose data may be known; null: the last day of the data")
    retrain: bool = Field(default=False, description="Train every target, also those whose model is young enough")


class ImportPath(BaseModel):
    batch_id: schemas.Number


class ImportRow(BaseModel):
    """read = accepted + quarantined + duplicates + filtered."""

    id: int
    source: str
    table_name: str
    file_name: str
    sha256: str
    state: str = Field(description="loaded or refused")
    read: int
    accepted: int
    quarantined: int
    duplicates: int
    filtered: int
    reasons: dict[str, int]
    message: str
    extract_on: str | None
    lake_version: int | None
    created_at: float
    reconciles: bool


class Imports(BaseModel):
    imports: list[ImportRow]


class ImportReport(BaseModel):
    batch: ImportRow
    rows: list[dict[str, str]] = Field(description="The first refused rows, for roles that read them")
    has_file: bool = Field(description="Whether the refused rows are kept as a file")


@BLUEPRINT.get("/runs", responses={"200": schemas.Runs})
def runs() -> Response:
    """The latest runs."""
    latest, current = run_progress.runs_list(desk.read(), desk.scope())
    return document({"runs": [_run(run, is_current=run.id == current) for run in latest]})


@BLUEPRINT.post("/runs", responses={"202": schemas.RunDetail})
def start(body: RunRequest) -> Response:
    """Start a run; the same inputs are the same run."""
    return _accepted(run_control.ask_for_run(bank(), desk.scope(), body.as_of, retrain=body.retrain))


@BLUEPRINT.get("/runs/<int:run_id>", responses={"200": schemas.RunDetail})
def run(path: schemas.RunPath) -> Response:
    """One run with its stages."""
    told = _detail(path.run_id)
    return document(told, headers={"Retry-After": str(RETRY_SECONDS)} if told["state"] == "running" else None)


@BLUEPRINT.post("/runs/<int:run_id>/retry", responses={"202": schemas.RunDetail})
def retry(path: schemas.RunPath) -> Response:
    """Try a failed run again."""
    run_control.retry_run(bank(), desk.scope(), path.run_id)
    return _accepted(path.run_id)


@BLUEPRINT.post("/runs/<int:run_id>/stop", responses={"200": schemas.RunDetail})
def stop(path: schemas.RunPath) -> Response:
    """Stop a run that goes on."""
    run_control.stop_run(bank(), desk.scope(), path.run_id)
    return document(_detail(path.run_id))


@BLUEPRINT.get("/imports", responses={"200": Imports})
def imports() -> Response:
    """The latest imports."""
    return document({"imports": [_import(batch) for batch in run_progress.imports_list(desk.read(), desk.scope())]})


@BLUEPRINT.get("/imports/<int:batch_id>", responses={"200": ImportReport})
def one_import(path: ImportPath) -> Response:
    """One import: its reconciliation, why rows were refused, and the first of them."""
    found = import_page.import_page(desk.desk().settings, desk.read(), desk.scope(), path.batch_id)
    return document({"batch": _import(found.batch), "rows": found.rows, "has_file": found.has_file})


def _accepted(run_id: int) -> Response:
    return accepted(_detail(run_id), url_for("runs_api.run", run_id=run_id))


def _detail(run_id: int) -> dict[str, Any]:
    page = run_progress.run_page(desk.read(), desk.scope(), run_id)
    stages = [{"stage": one.stage, "state": one.state, "share": one.share, "jobs": one.jobs, "done": one.done} for one in page.stages]
    more = {"stages": stages, "models": page.run.models, "refusals": page.run.refusals, "error": page.run.error if page.shows_errors else None}
    return {**_run(page.run, is_current=page.is_current), **more}


def _run(run: Run, *, is_current: bool) -> dict[str, Any]:
    return {
        "run_id": run.id, "as_of": run.as_of, "state": run.state, "is_current": is_current, "created_at": run.created_at, "published_at": run.published_at,
        "clients": run.n_rows,
    }  # fmt: skip


def _import(batch: ImportBatch) -> dict[str, Any]:
    told = batch.model_dump(exclude={"quarantine_path"})
    return {**told, "reasons": batch.reasons or {}, "reconciles": batch.read == batch.accepted + batch.quarantined + batch.duplicates + batch.filtered}
