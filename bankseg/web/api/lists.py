"""The API of marketing's lists: counted, kept, frozen, released, exported and measured."""

from functools import partial
from typing import Annotated, Any, Literal

import orjson
from flask import Response, url_for
from pydantic import BaseModel, Field, StringConstraints

from bankseg.domain.list_terms import ListAsked
from bankseg.services import list_answers, list_builder, list_desk, list_exports, list_results, list_states
from bankseg.services.stamp import stamp
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import FILE, part
from bankseg.web.downloads import download, file_format

BLUEPRINT = part("lists_api", __name__, "lists")

Name = Annotated[str, StringConstraints(max_length=100)]


class Terms(schemas.Asked):
    product: Name = ""
    action: Name = Field(default="", description="retain, where it is not about a product")
    scheme: Name = ""
    segment: Name = ""
    tiers: list[Name] = Field(default_factory=list, max_length=10)
    least_propensity: float = Field(default=0, ge=0, le=1)
    least_margin_minor: int = Field(default=0, ge=0, le=10**12)
    size: int | None = Field(default=None, ge=1, le=10**7)
    budget_minor: int | None = Field(default=None, ge=1, le=10**12)
    channel: Literal["email", "phone", "sms", "post"] = "email"
    control_share: int = Field(default=1_000, ge=0, le=5_000, description="Basis points of those who could be contacted")


class NewList(Terms):
    name: Annotated[str, StringConstraints(min_length=1, max_length=120)]


class Release(schemas.Asked):
    reason: Annotated[str, StringConstraints(min_length=10, max_length=2_000)]
    contact_on: schemas.Day | None = Field(default=None, description="Day of the first contact; empty: today")


class ListPath(BaseModel):
    list_id: int = Field(ge=1, le=2**31 - 1)


class FormatAsked(schemas.Asked):
    format: Literal["csv", "xlsx", "parquet"] = "csv"


class Counted(schemas.Stamped):
    funnel: dict[str, Any] = Field(description="candidates = treated + the sum of removed, exactly")
    layers: list[dict[str, Any]]
    rate: float | None = Field(description="Rate of the wished-for outcome expected without contact; null: nobody is left")
    smallest_effect: float | None = Field(description="Smallest effect the control group shows with 80 % power; null: none")
    cost_minor: int
    currency: str


class ListDocument(schemas.Stamped):
    list: dict[str, Any]
    results: dict[str, Any]


class Lists(schemas.Stamped):
    lists: list[dict[str, Any]]


@BLUEPRINT.get("/lists", responses={"200": Lists})
def lists() -> Response:
    """The lists you may see, newest first."""
    run, rows = list_desk.lists_page(desk.read(), desk.scope())
    told = [
        {"id": one.row.id, "name": one.row.name, "state": one.row.state, "terms": one.row.terms, "as_of": one.row.as_of, "funnel": one.row.funnel}
        for one in rows
    ]
    return _json(run.run_id, run.as_of.isoformat(), {"lists": told})


@BLUEPRINT.post("/lists/count", responses={"200": Counted})
def count(body: Terms) -> Response:
    """Count a list without keeping it."""
    found = list_builder.preview(desk.desk().settings, desk.read(), desk.scope(), desk.policy(), _asked(body))
    told = {
        "funnel": found.funnel.document, "layers": found.layers, "rate": found.rate, "smallest_effect": found.smallest_effect, "cost_minor": found.cost_minor,
        "currency": found.currency,
    }  # fmt: skip
    return _json(found.stamp.run_id, found.stamp.as_of.isoformat(), told)


@BLUEPRINT.post("/lists", responses={"201": ListDocument})
def keep(body: NewList) -> Response:
    """Keep a list as a draft."""
    here = desk.desk()
    number = list_states.keep_draft(here.settings, here.engine, desk.scope(), desk.policy(), body.name, _asked(body))
    return _one(number, 201, {"Location": url_for("lists_api.one", list_id=number)})


@BLUEPRINT.get("/lists/<int:list_id>", responses={"200": ListDocument})
def one(path: ListPath) -> Response:
    """One list with its manifest and results."""
    return _one(path.list_id)


@BLUEPRINT.post("/lists/<int:list_id>/freeze", responses={"200": ListDocument})
def freeze(path: ListPath) -> Response:
    """Write and seal the members of a draft."""
    here = desk.desk()
    list_states.freeze(here.settings, here.engine, desk.scope(), desk.policy(), path.list_id)
    return _one(path.list_id)


@BLUEPRINT.post("/lists/<int:list_id>/release", responses={"200": ListDocument})
def release(path: ListPath, body: Release) -> Response:
    """Release a colleague's frozen list."""
    list_states.release(desk.desk().engine, desk.scope(), path.list_id, body.reason, body.contact_on)
    return _one(path.list_id)


@BLUEPRINT.post("/lists/<int:list_id>/close", responses={"200": ListDocument})
def close(path: ListPath) -> Response:
    """End a list."""
    list_states.close(desk.desk().engine, desk.scope(), path.list_id)
    return _one(path.list_id)


@BLUEPRINT.get("/lists/<int:list_id>/members", responses={"200": FILE})
def members(path: ListPath, query: FormatAsked) -> Response:
    """The clients to contact of a released list, as a file."""
    return _file(path.list_id, "list", list_exports.export_members, query.format)


@BLUEPRINT.get("/lists/<int:list_id>/exclusions", responses={"200": FILE})
def exclusions(path: ListPath, query: FormatAsked) -> Response:
    """The clients a released list leaves out, as a file."""
    return _file(path.list_id, "exclusions", list_exports.export_exclusions, query.format)


def _asked(body: Terms) -> ListAsked:
    return ListAsked(**{**body.model_dump(exclude={"name"}), "tiers": tuple(body.tiers)})


def _file(list_id: int, name: str, write: list_exports.Writer, asked: str) -> Response:
    chosen, here = file_format(asked), desk.desk()
    return download(f"{name}-{list_id}", chosen, partial(write, here.settings, here.engine, desk.scope(), list_id, file_format=chosen))


def _one(list_id: int, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    page = list_desk.list_page(desk.desk().settings, desk.read(), desk.scope(), list_id)
    run = stamp(desk.read())
    told = {"list": list_desk.list_document(page), "results": {**list_results.document(page.results), "answers": list_answers.document(page.answers)}}
    return _json(run.run_id, run.as_of.isoformat(), told, status, headers)


def _json(run_id: int, as_of: str, document: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps({"run_id": run_id, "as_of": as_of, **document}), status=status, headers=headers, mimetype="application/json")
