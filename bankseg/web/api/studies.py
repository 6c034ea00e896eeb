"""The API of studies: ask for one, see how far it is, read what it found and whom it placed."""

from typing import Annotated, Any, Literal

import orjson
from flask import Response, url_for
from pydantic import BaseModel, Field, StringConstraints

from bankseg.services import lifetime_page, segment_studies, study_pages
from bankseg.services.segment_studies import Asked
from bankseg.services.stamp import stamp
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import accepted, document, part

BLUEPRINT = part("studies_api", __name__, "studies")

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
MOST_ATTRIBUTES = 400
LARGEST = 2**31 - 1  # what the store's number of a study can be


class StudyPath(BaseModel):
    study_id: int = Field(ge=1, le=LARGEST)


class StudyRequest(BaseModel, extra="forbid"):
    kind: Literal["tree", "clusters", "lookalike"]
    attributes: list[Name] = Field(default=[], max_length=MOST_ATTRIBUTES, description="Empty: the usual ones")
    goal: Name | None = Field(default=None, description="Of a tree: value, churn, response, or p:TARGET")
    depth: int | None = Field(default=None, ge=1, le=6)
    least_clients: int | None = Field(default=None, ge=1, le=LARGEST)
    leaves: int | None = Field(default=None, ge=2, le=16)
    method: Literal["k_means", "density"] | None = None
    k: int | None = Field(default=None, ge=2, le=8, description="Clusters; null: chosen by stability")
    scheme: Name | None = Field(default=None, description="Of lookalikes: the scheme of the seed")
    segment: Name | None = None
    among: Literal["clients", "prospects"] | None = None


class StudyRow(BaseModel):
    id: int
    kind: str
    state: str
    share: float = Field(description="How far it is, in [0, 1]")
    run_id: int
    seed: int
    parameters: dict[str, Any]


class Studies(schemas.Stamped):
    studies: list[StudyRow]


class Study(schemas.Stamped):
    study: StudyRow
    sha256: str
    result: dict[str, Any]
    refusal: dict[str, str]


class Lifetime(schemas.Stamped):
    summary: dict[str, Any] = Field(description="How it was found; `why` is empty, or says why there is none")
    currency: str
    total: dict[str, Any]
    tiers: list[dict[str, Any]]
    segments: list[dict[str, Any]]
    back_test: dict[str, Any] | None


class Proposed(BaseModel):
    document: dict[str, Any]


class PlacedAsked(schemas.Asked):
    group: str = Field(default="", max_length=40, description="A cluster from 0 (-1: in none) or a band; empty: all")


class StudyClients(schemas.Stamped):
    clients: int
    rows: list[dict[str, Any]] = Field(description="The first of them; the export of the page holds them all")


@BLUEPRINT.get("/lifetime-value", responses={"200": Lifetime})
def lifetime() -> Response:
    """Lifetime value of the published run, by tier and segment, or why there is none."""
    page = lifetime_page.lifetime_page(desk.desk().settings, desk.read(), desk.scope())
    check = page.check.study.result if page.check and page.check.state == "done" else None
    told = {"summary": page.summary, "currency": page.currency, "total": page.total, "tiers": page.by_tier, "segments": page.by_segment, "back_test": check}
    return _json(page.stamp.run_id, page.stamp.as_of.isoformat(), told)


@BLUEPRINT.get("/studies", responses={"200": Studies})
def studies() -> Response:
    """Every study you may read, newest first."""
    run = stamp(desk.read())
    found = [_row(asked) for asked in segment_studies.studies_of(desk.desk().settings, desk.read(), desk.scope())]
    return _json(run.run_id, run.as_of.isoformat(), {"studies": found})


@BLUEPRINT.post("/studies", responses={"202": StudyRow})
def ask(body: StudyRequest) -> Response:
    """Ask for a study of the published run; the same request again is the same study."""
    settings, asked = desk.desk().settings, body.model_dump(exclude={"kind"}, exclude_none=True)
    return _accepted(segment_studies.ask_for_study(settings, desk.desk().engine, desk.scope(), body.kind, asked))


@BLUEPRINT.post("/lifetime-value/check", responses={"202": StudyRow})
def check() -> Response:
    """Ask for the back-test of the published run's lifetime value."""
    return _accepted(segment_studies.ask_for_study(desk.desk().settings, desk.desk().engine, desk.scope(), "lifetime", {}))


@BLUEPRINT.get("/studies/<int:study_id>", responses={"200": Study})
def study(path: StudyPath) -> Response:
    """One study with what it found."""
    found = segment_studies.study_for(desk.desk().settings, desk.read(), desk.scope(), path.study_id)
    run = segment_studies.run_of(desk.read(), found.study)
    told = {"study": _row(found), "sha256": found.study.sha256, "result": found.study.result, "refusal": found.study.refusal}
    return _json(found.study.run_id, run.as_of, told)


@BLUEPRINT.get("/studies/<int:study_id>/clients", responses={"200": StudyClients})
def clients(path: StudyPath, query: PlacedAsked) -> Response:
    """The clients a study placed."""
    found = study_pages.study_clients(desk.desk().settings, desk.read(), desk.scope(), path.study_id, query.group)
    return _json(found.stamp.run_id, found.stamp.as_of.isoformat(), {"clients": found.clients, "rows": found.rows})


@BLUEPRINT.get("/studies/<int:study_id>/scheme", responses={"200": Proposed})
def scheme(path: StudyPath) -> Response:
    """The scheme a study proposes, as a document to save as a draft."""
    text = study_pages.scheme_text(desk.desk().settings, desk.read(), desk.scope(), path.study_id)
    return document({"document": orjson.loads(text)})


def _accepted(number: int) -> Response:
    found = segment_studies.study_for(desk.desk().settings, desk.read(), desk.scope(), number)
    return accepted(_row(found), url_for("studies_api.study", study_id=number))


def _row(asked: Asked) -> dict[str, Any]:
    study = asked.study
    return {
        "id": study.id,
        "kind": study.kind,
        "state": asked.state,
        "share": asked.share,
        "run_id": study.run_id,
        "seed": study.seed,
        "parameters": study.parameters,
    }


def _json(run_id: int, as_of: str, told: dict[str, Any]) -> Response:
    return Response(orjson.dumps({"run_id": run_id, "as_of": as_of, **told}), mimetype="application/json")
