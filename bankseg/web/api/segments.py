"""The API of segmentation: attributes, schemes with their counts, and the clients of a segment."""

from typing import Annotated, Any

import orjson
from flask import Response
from pydantic import BaseModel, Field, StringConstraints

from bankseg.domain.schemes import scheme_document
from bankseg.services import attribute_catalogue, segments_desk
from bankseg.services.stamp import Stamp
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import part

BLUEPRINT = part("segments_api", __name__, "segments")

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class SchemePath(BaseModel):
    code: Name


class SegmentPath(SchemePath):
    segment: Name


class DateAsked(schemas.Asked):
    as_of: schemas.Day | None = Field(default=None, description="The run published for a day not after this one; null: the published run")


class AttributeRow(BaseModel):
    name: str
    label_en: str
    label_fr: str
    family: str
    type: str
    unit: str
    source: str = Field(description="Extracts it comes from; run: derived by the run")
    definition_en: str
    definition_fr: str
    owner: str
    purposes: list[str]
    is_protected: bool
    coverage: float | None = Field(default=None, description="Share of clients that have it; null: no data")
    extract_on: str | None = Field(default=None, description="Day the oldest extract behind it speaks of; null: not known")
    age_days: int | None = None
    sla_days: int | None = Field(default=None, description="Age the policy allows")
    state: str = Field(description="usable, flawed or no_data")
    findings: list[str]


class Attributes(schemas.Stamped):
    attributes: list[AttributeRow]


class SchemeRow(BaseModel):
    code: str
    version: int = Field(description="0: ready-made")
    label_en: str
    label_fr: str
    purpose: str
    is_exclusive: bool
    segments: int


class Schemes(schemas.Stamped):
    schemes: list[SchemeRow]


class SchemeCounts(schemas.Stamped):
    scheme: dict[str, Any]
    version: int
    clients: int
    segments: list[dict[str, Any]]
    unreachable: dict[str, str] = Field(description="Segments nobody is in: empty, or shadowed by earlier rules")


class SegmentClients(schemas.Stamped):
    clients: int
    rows: list[dict[str, Any]] = Field(description="The first 200 by number")


@BLUEPRINT.get("/attributes", responses={"200": Attributes})
def attributes() -> Response:
    """Everything a segment rule may read."""
    page = attribute_catalogue.catalogue_page(desk.desk().settings, desk.read(), desk.scope(), attribute_catalogue.Wanted(), language=desk.language())
    rows = [
        {"name": one.name, "label_en": one.label_en, "label_fr": one.label_fr, "definition_en": one.definition("en"), "definition_fr": one.definition("fr"),
         "family": one.family, "type": one.type, "unit": one.unit, "source": one.source, "owner": one.owner, "purposes": list(one.purposes),
         "is_protected": one.is_protected, "coverage": one.coverage, "extract_on": entry.fresh.extract_on, "age_days": entry.fresh.age_days, "sla_days": entry.fresh.sla_days,
         "state": entry.state, "findings": [finding.code for finding in entry.findings]}
        for entry in page.entries for one in (entry.attribute,)
    ]  # fmt: skip
    return _json(page.stamp, {"attributes": rows})


@BLUEPRINT.get("/schemes", responses={"200": Schemes})
def schemes() -> Response:
    """Every scheme you may read."""
    page = segments_desk.schemes_page(desk.desk().settings, desk.read(), desk.scope())
    rows = [
        {"code": one.scheme.code, "version": one.version, "label_en": one.scheme.label_en, "label_fr": one.scheme.label_fr, "purpose": one.scheme.purpose,
         "is_exclusive": one.scheme.is_exclusive, "segments": len(one.scheme.segments)}
        for one in page.entries
    ]  # fmt: skip
    return _json(page.stamp, {"schemes": rows})


@BLUEPRINT.get("/schemes/<code>", responses={"200": SchemeCounts})
def scheme(path: SchemePath, query: DateAsked) -> Response:
    """One scheme counted on the published run, within your scope."""
    page = segments_desk.scheme_page(desk.desk().settings, desk.read(), desk.scope(), path.code, as_of=query.as_of, language=desk.language())
    segments = [{name: value for name, value in row.items() if name not in page.hides} for row in page.sizes.segments]
    found = {"scheme": scheme_document(page.sizes.entry.scheme), "version": page.sizes.entry.version, "clients": page.sizes.clients}
    return _json(page.stamp, {**found, "segments": segments, "unreachable": page.idle})


@BLUEPRINT.get("/schemes/<code>/segments/<segment>/clients", responses={"200": SegmentClients})
def segment_clients(path: SegmentPath) -> Response:
    """The clients of one segment within your scope."""
    page = segments_desk.members_page(desk.desk().settings, desk.read(), desk.scope(), path.code, path.segment)
    return _json(page.stamp, {"clients": page.clients, "rows": page.rows})


def _json(stamp: Stamp, document: dict[str, Any]) -> Response:
    return Response(orjson.dumps({"run_id": stamp.run_id, "as_of": stamp.as_of.isoformat(), **document}), mimetype="application/json")
