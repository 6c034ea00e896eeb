"""The API of files sent to be loaded: taken as they arrive, looked at, mapped, tried, and loaded by a worker."""

from functools import partial
from typing import Annotated, Any, Literal

from flask import Response, url_for
from pydantic import BaseModel, Field, StringConstraints

from bankseg.domain.errors import InputError
from bankseg.domain.extracts import EXTRACT_BY_NAME
from bankseg.services import import_job, upload_page
from bankseg.services.upload_intake import forget_old, take
from bankseg.storage.import_upload import ImportUpload
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import accepted, as_given, created, document, part
from bankseg.web.api.files import CSV
from bankseg.web.downloads import download
from bankseg.web.operations.incoming import body_file

BLUEPRINT = part("uploads_api", __name__, "files to load")

Text = Annotated[str, StringConstraints(max_length=300)]
TOML: dict[str, Any] = {"content": {"application/toml": {"schema": {"type": "string"}}}}
LONGEST_MAPPING = 100_000


class UploadPath(BaseModel):
    upload_id: schemas.Number


class FileAsked(schemas.Asked):
    file_name: str = Field(min_length=1, max_length=300, description="Its name; the ending tells the form: csv, csv.gz, parquet or xlsx")


class Sent(BaseModel):
    file_name: str
    upload_id: int | None = Field(description="The file that waits here; null when an import loaded the very same one before")
    batch_id: int | None = Field(description="That import")
    is_new: bool = Field(description="false: the same file was sent before, and nothing changed")


class UploadRow(BaseModel):
    id: int
    file_name: str
    kind: str
    size_bytes: int
    sha256: str
    state: Literal["waiting", "loading", "loaded", "withdrawn", "expired"]
    created_at: float
    ended_at: float | None
    sent_by: str | None


class Uploads(BaseModel):
    uploads: list[UploadRow]
    most_mb: float = Field(description="Largest file taken, MiB")
    quota_mb: float = Field(description="What one person may have waiting, MiB")
    held_mb: float = Field(description="What of yours waits, MiB")


class TrialCounts(BaseModel):
    """read = accepted + quarantined + duplicates + filtered."""

    read: int
    accepted: int
    quarantined: int
    duplicates: int
    filtered: int
    reasons: list[list[Any]] = Field(description="Why rows were refused, and how many")
    refusal: str = Field(description="Why nothing would be loaded; empty when it would")
    reconciles: bool


class Upload(BaseModel):
    upload: UploadRow
    columns: list[str] = Field(description="Headers of the file; empty once it is gone")
    rows: list[list[str | None]] = Field(description="Its first rows")
    table: str = Field(description="The extract it feeds; empty where the mapping does not hold")
    extract_on: str | None
    dialect: dict[str, str]
    sources: dict[str, str] = Field(description="Canonical column to header, `=value`, or `*` where it is written as text")
    mapping: str = Field(description="TOML, as `bankseg ingest` reads it")
    error: str | None = Field(description="Why the mapping does not hold")
    trial: TrialCounts | None = Field(description="Null: not tried with this mapping")
    rejects: list[dict[str, str]] = Field(description="The first rows the dry run refused")
    job_state: str | None
    job_error: str | None
    share: float = Field(description="How far the load is, in [0, 1]")
    is_loading: bool
    has_failed: bool
    batches: list[int] = Field(description="The imports that loaded it")


class DialectAsked(schemas.Asked):
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    encoding: Literal["utf-8", "cp1252", "iso-8859-15", "utf-16"] | None = None
    decimal: Literal[".", ","] | None = None
    date_format: Literal[upload_page.FORMS_OF_DAYS] | None = None  # type: ignore[valid-type]  # the forms the page offers


class ChoicesAsked(schemas.Asked):
    table: schemas.Code = Field(description="The extract the file feeds")
    extract_on: schemas.Day = Field(description="Last day the file may speak of")
    dialect: DialectAsked = Field(default=DialectAsked(), description="How the file is written, where that was misread")
    sources: dict[schemas.Code, Text] | None = Field(
        default=None,
        description="Canonical column to header, or `=value` for all rows; null, or another way of writing that changes the headers: proposed from the headers",
    )
    codes: dict[schemas.Code, dict[Text, Text]] = Field(default={}, description="Canonical column to the bank's codes and what they mean")


class MappingAsked(schemas.Asked):
    text: str = Field(min_length=1, max_length=LONGEST_MAPPING, description="TOML")


@BLUEPRINT.get("/uploads", responses={"200": Uploads})
def uploads() -> Response:
    """The files sent lately, newest first, and what may be sent."""
    page = upload_page.uploads_page(desk.desk().settings, desk.read(), desk.scope())
    rows = [_row(upload, sent_by) for upload, sent_by in page.uploads]
    return document({"uploads": rows, "most_mb": page.most_mb, "quota_mb": page.quota_mb, "held_mb": page.held_mb})


@BLUEPRINT.post("/uploads", responses={"200": Sent, "201": Sent})
def send(query: FileAsked) -> Response:
    """Send one file as the body; the same file twice changes nothing."""
    here = desk.desk()
    forget_old(here.settings, here.engine)
    taken = take(here.settings, here.engine, desk.scope(), body_file(), query.file_name)
    if taken.refusal is not None:
        raise taken.refusal
    told = {"file_name": taken.file_name, "upload_id": taken.upload_id, "batch_id": taken.batch_id, "is_new": taken.is_new}
    return created(told, _place(taken.upload_id or 0)) if taken.is_new else document(told)


@BLUEPRINT.get("/uploads/<int:upload_id>", responses={"200": Upload})
def one(path: UploadPath) -> Response:
    """One file: its rows, its mapping, what loading would do, how far it is."""
    return document(_told(path.upload_id))


@BLUEPRINT.put("/uploads/<int:upload_id>/choices", responses={"200": Upload})
def choose(path: UploadPath, body: ChoicesAsked) -> Response:
    """Choose the table, how the file is written, and where each column comes from."""
    here = desk.desk()
    with as_given():
        mark = upload_page.upload_page(here.settings, desk.read(), desk.scope(), path.upload_id).columns_mark
        desk.close_read()  # or the change would wait for the read of this very request
        upload_page.choose(here.settings, here.engine, desk.scope(), path.upload_id, _form(body, mark))
    return _now(path.upload_id)


@BLUEPRINT.put("/uploads/<int:upload_id>/mapping", responses={"200": Upload})
def write(path: UploadPath, body: MappingAsked) -> Response:
    """Keep a mapping written as text."""
    here = desk.desk()
    with as_given():
        upload_page.choose_text(here.settings, here.engine, desk.scope(), path.upload_id, body.text)
    return _now(path.upload_id)


@BLUEPRINT.get("/uploads/<int:upload_id>/mapping.toml", responses={"200": TOML})
def mapping(path: UploadPath) -> Response:
    """The mapping as `bankseg ingest` reads it."""
    return Response(import_job.upload_of(desk.read(), desk.scope(), path.upload_id).mapping, mimetype="application/toml")


@BLUEPRINT.post("/uploads/<int:upload_id>/trial", responses={"200": Upload})
def try_out(path: UploadPath) -> Response:
    """Run the checks of loading, and load nothing."""
    with as_given():
        import_job.try_out(desk.desk().settings, desk.desk().engine, desk.scope(), path.upload_id)
    return _now(path.upload_id)


@BLUEPRINT.get("/uploads/<int:upload_id>/rejects", responses={"200": CSV})
def rejects(path: UploadPath) -> Response:
    """The rows the dry run refused."""
    here = desk.desk()
    return download(f"rejects-{path.upload_id}", "csv", partial(upload_page.take_rejects, here.settings, here.engine, desk.scope(), path.upload_id))


@BLUEPRINT.post("/uploads/<int:upload_id>/load", responses={"202": Upload})
def load(path: UploadPath) -> Response:
    """Ask a worker to load a file that was tried; asked twice it is loaded once."""
    import_job.ask_to_load(desk.desk().settings, desk.desk().engine, desk.scope(), path.upload_id)
    return _accepted(path.upload_id)


@BLUEPRINT.post("/uploads/<int:upload_id>/retry", responses={"202": Upload})
def retry(path: UploadPath) -> Response:
    """Try a load that failed again."""
    import_job.load_again(desk.desk().settings, desk.desk().engine, desk.scope(), path.upload_id)
    return _accepted(path.upload_id)


@BLUEPRINT.post("/uploads/<int:upload_id>/call-off", responses={"200": Upload})
def call_off(path: UploadPath) -> Response:
    """Take back a load nobody has begun, or that failed; the file waits again."""
    import_job.call_off(desk.desk().engine, desk.scope(), path.upload_id)
    return _now(path.upload_id)


@BLUEPRINT.delete("/uploads/<int:upload_id>", responses={"204": None})
def withdraw(path: UploadPath) -> Response:
    """Delete a file that waits."""
    import_job.withdraw(desk.desk().settings, desk.desk().engine, desk.scope(), path.upload_id)
    return Response(status=204)


def _form(body: ChoicesAsked, columns_mark: str) -> dict[str, str]:
    """The choices as the page's form brings them."""
    form = {"table": body.table, "extract_on": body.extract_on.isoformat(), **body.dialect.model_dump(exclude_none=True)}
    if body.sources is None:
        return form
    known = EXTRACT_BY_NAME[body.table].column_by_name if body.table in EXTRACT_BY_NAME else {}
    unknown = sorted({*body.sources, *body.codes} - set(known))
    if known and unknown:
        raise InputError(f"{body.table} has no column {unknown[0]!r}", ", ".join(known), "choose one of these")
    form |= {"table_before": body.table, "columns_before": columns_mark} | {f"column.{name}": source for name, source in body.sources.items()}
    for column, meanings in body.codes.items():
        for place, (code, meaning) in enumerate(meanings.items()):
            form |= {f"code.{column}.{place}": code, f"means.{column}.{place}": meaning}
    return form


def _now(upload_id: int) -> Response:
    desk.close_read()  # what was just changed is read anew
    return document(_told(upload_id))


def _accepted(upload_id: int) -> Response:
    desk.close_read()
    return accepted(_told(upload_id), _place(upload_id))


def _place(upload_id: int) -> str:
    return url_for("uploads_api.one", upload_id=upload_id)


def _told(upload_id: int) -> dict[str, Any]:
    page = upload_page.upload_page(desk.desk().settings, desk.read(), desk.scope(), upload_id)
    trial = {name: getattr(page.trial, name) for name in TrialCounts.model_fields} if page.trial else None
    return {
        "upload": _row(page.upload), "columns": page.seen.get("columns", []), "rows": page.seen.get("rows", []), "table": page.table, "extract_on": page.extract_on,
        "dialect": page.dialect, "sources": {field.column.name: field.source for field in page.fields if field.source}, "mapping": page.upload.mapping,
        "error": str(page.error) if page.error else None, "trial": trial, "rejects": page.rejects, "job_state": page.job.state if page.job else None,
        "job_error": page.job.error if page.job and page.has_failed else None, "share": page.share, "is_loading": page.is_loading, "has_failed": page.has_failed,
        "batches": [batch.id for batch in page.batches],
    }  # fmt: skip


def _row(upload: ImportUpload, sent_by: str | None = None) -> dict[str, Any]:
    return {**{name: getattr(upload, name) for name in UploadRow.model_fields if name != "sent_by"}, "sent_by": sent_by}
