"""The API of a scheme's life: published against its scorecard, overridden by two persons, retired, and how often its membership is kept."""

from typing import Annotated, Literal

from flask import Response
from pydantic import BaseModel, Field, StringConstraints

from bankseg.services import scheme_life
from bankseg.services.scheme_life import LEAST_REASON
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import document, part
from bankseg.web.api.segments import SchemePath

BLUEPRINT = part("scheme_life_api", __name__, "segments in time")

Reason = Annotated[str, StringConstraints(min_length=LEAST_REASON, max_length=500)]


class Version(schemas.Asked):
    version: schemas.Number | None = Field(default=None, description="Null: the latest")


class Override(Version):
    reason: Reason


class OverrideAnswer(schemas.Asked):
    decision: Literal["grant", "refuse"]
    reason: Reason


class RetireBecause(schemas.Asked):
    reason: Reason


class Cadence(schemas.Asked):
    cadence: Literal["daily", "weekly", "monthly"]


class State(BaseModel):
    code: str
    version: int
    state: str


class CadenceSet(BaseModel):
    code: str
    cadence: str


@BLUEPRINT.post("/schemes/<code>/publish", responses={"200": State})
def publish(path: SchemePath, body: Version) -> Response:
    """Publish a version that has no red line."""
    row = scheme_life.publish(desk.desk().settings, desk.desk().engine, desk.scope(), path.code, body.version)
    return _state(path.code, row.version, row.state)


@BLUEPRINT.post("/schemes/<code>/override", responses={"200": State})
def override(path: SchemePath, body: Override) -> Response:
    """Ask to publish against red lines; a second person decides."""
    asked = scheme_life.ask_override(desk.desk().settings, desk.desk().engine, desk.scope(), path.code, body.reason, body.version)
    return _state(path.code, asked.version, asked.state)


@BLUEPRINT.post("/schemes/<code>/override/decision", responses={"200": State})
def decide(path: SchemePath, body: OverrideAnswer) -> Response:
    """The second look at a request."""
    granted = body.decision == "grant"
    asked = scheme_life.decide_override(desk.desk().settings, desk.desk().engine, desk.scope(), path.code, body.reason, is_granted=granted)
    return _state(path.code, asked.version, asked.state)


@BLUEPRINT.post("/schemes/<code>/retire", responses={"200": State})
def retire(path: SchemePath, body: RetireBecause) -> Response:
    """Retire the published version."""
    row = scheme_life.retire(desk.desk().settings, desk.desk().engine, desk.scope(), path.code, body.reason)
    return _state(path.code, row.version, row.state)


@BLUEPRINT.put("/schemes/<code>/cadence", responses={"200": CadenceSet})
def cadence(path: SchemePath, body: Cadence) -> Response:
    """Choose how often the membership is kept."""
    told = scheme_life.set_cadence(desk.desk().settings, desk.desk().engine, desk.scope(), path.code, body.cadence)
    return document({"code": path.code, "cadence": told})


def _state(code: str, version: int, state: str) -> Response:
    return document({"code": code, "version": version, "state": state})
