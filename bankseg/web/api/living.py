"""The API of attributes, strategy sheets, vulnerable clients and measured warnings."""

from dataclasses import asdict
from typing import Annotated, Any

import orjson
from flask import Response
from pydantic import BaseModel, Field, StringConstraints

from bankseg.services import attribute_catalogue, strategy_sheets, vulnerability, warning_quality
from bankseg.services.stamp import Stamp
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import part
from bankseg.web.api.segments import SchemePath

BLUEPRINT = part("living_api", __name__, "segments in time")


class AttributePath(BaseModel):
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class AttributeDetail(schemas.Stamped):
    attribute: dict[str, Any]
    extract_on: str | None = Field(default=None, description="Day the oldest extract behind it speaks of; null: not known")
    age_days: int | None
    sla_days: int | None
    state: str = Field(description="usable, flawed or no_data")
    findings: list[dict[str, Any]]
    clients: int
    known: int
    values: list[dict[str, Any]] = Field(description="How the values lie among the clients in scope")
    schemes: list[str]


class Sheets(schemas.Stamped):
    scheme: str
    base: dict[str, Any] = Field(description="How the whole base in scope stands; shares in [0, 1], money in minor units, null: no data")
    segments: list[dict[str, Any]]


class VulnerableClients(schemas.Stamped):
    clients: int
    rows: list[dict[str, Any]] = Field(description="The first 200 by number")


class MeasuredWarnings(schemas.Stamped):
    measured_as_of: str | None = Field(default=None, description="null: not measured yet")
    horizon_days: int | None = None
    dates: list[str]
    rules: list[dict[str, Any]]


@BLUEPRINT.get("/attributes/<name>", responses={"200": AttributeDetail})
def attribute(path: AttributePath) -> Response:
    """One attribute: definition, owner, freshness, what is wrong with it, and how its values lie."""
    page = attribute_catalogue.attribute_page(desk.desk().settings, desk.read(), desk.scope(), path.name)
    fresh = page.entry.fresh
    document = {
        "attribute": asdict(page.entry.attribute), "extract_on": fresh.extract_on, "age_days": fresh.age_days, "sla_days": fresh.sla_days, "state": page.entry.state,
        "findings": [asdict(one) for one in page.entry.findings], "clients": page.clients, "known": page.known, "values": [asdict(one) for one in page.bars],
        "schemes": page.schemes,
    }  # fmt: skip
    return _json(page.stamp, document)


@BLUEPRINT.get("/schemes/<code>/strategy", responses={"200": Sheets})
def strategy(path: SchemePath) -> Response:
    """The strategy sheet of every segment, with target and actual."""
    page = strategy_sheets.sheets_page(desk.desk().settings, desk.read(), desk.scope(), path.code)
    rows = [
        {"segment": one.segment.code, "version": one.version, "sheet": one.sheet.document(), "standing": asdict(one.standing), "actual": one.actual, "is_reached": one.is_reached}
        for one in page.sheets
    ]  # fmt: skip
    return _json(page.stamp, {"scheme": path.code, "base": asdict(page.base), "segments": rows})


@BLUEPRINT.get("/vulnerable-clients", responses={"200": VulnerableClients})
def vulnerable() -> Response:
    """Vulnerable clients in your scope with the reason and the end of the protection."""
    page = vulnerability.vulnerable_page(desk.desk().settings, desk.read(), desk.scope())
    return _json(page.stamp, {"clients": page.clients, "rows": page.rows})


@BLUEPRINT.get("/warning-quality", responses={"200": MeasuredWarnings})
def warnings() -> Response:
    """Hit rate, false alarms and lead days of every early-warning rule."""
    page = warning_quality.warnings_page(desk.read(), desk.scope())
    found = page.measured or {"horizon_days": None, "dates": [], "rules": []}
    return _json(page.stamp, {"measured_as_of": page.as_of or None, **found})


def _json(run: Stamp, document: dict[str, Any]) -> Response:
    return Response(orjson.dumps({"run_id": run.run_id, "as_of": run.as_of.isoformat(), **document}), mimetype="application/json")
