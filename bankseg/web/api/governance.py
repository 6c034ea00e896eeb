"""The API of model governance: versions side by side, proposals, decisions and alerts, each with a reason."""

from typing import Annotated, Any, Literal

from flask import Response
from pydantic import BaseModel, Field, StringConstraints

from bankseg.services import model_alerts, models_desk, promotion
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import document, part
from bankseg.web.models.views import bank

BLUEPRINT = part("governance_api", __name__, "models")

Rows = list[dict[str, Any]]
Reason = Annotated[str, StringConstraints(min_length=promotion.LEAST_REASON, max_length=2_000)]


class TargetPath(BaseModel):
    target: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AlertPath(BaseModel):
    alert_id: schemas.Number


class Because(schemas.Asked):
    reason: Reason


class Decision(Because):
    decision: Literal["approve", "reject"]
    overrides: dict[str, Annotated[str, StringConstraints(max_length=2_000)]] = Field(default={}, description="Why each red gate may be passed all the same")


class Handling(schemas.Asked):
    decision: Literal["acknowledge", "close"]
    reason: Annotated[str, StringConstraints(max_length=2_000)] = Field(default="", description="Needed to close")


class Target(BaseModel):
    target: str
    rows: Rows = Field(description="Versions side by side, with the verdict of each gate")
    gates: list[str]
    live: Rows = Field(description="How each version does on live clients")


class ModelStanding(BaseModel):
    target: str
    version: int
    status: str


class AlertState(BaseModel):
    alert_id: int
    state: str


class Answered(BaseModel):
    target: str
    decision: str


@BLUEPRINT.get("/models/<target>", responses={"200": Target})
def target(path: TargetPath) -> Response:
    """One target: its versions side by side, and how they do on live clients."""
    return document(models_desk.target_page(desk.read(), desk.scope(), path.target))


@BLUEPRINT.post("/models/<target>/<int:version>/proposal", responses={"200": ModelStanding})
def propose(path: schemas.ModelPath, body: Because) -> Response:
    """Propose that a version serve."""
    promotion.propose(bank(), desk.scope(), path.target, path.version, body.reason)
    return _standing(path.target, path.version)


@BLUEPRINT.post("/models/<target>/<int:version>/decision", responses={"200": ModelStanding})
def decide(path: schemas.ModelPath, body: Decision) -> Response:
    """Approve or reject the proposed version."""
    decided = (
        promotion.approve(bank(), desk.scope(), path.target, body.reason, body.overrides)
        if body.decision == "approve"
        else promotion.reject(bank(), desk.scope(), path.target, body.reason)
    )
    return _standing(path.target, decided.version)


@BLUEPRINT.post("/models/<target>/<int:version>/rollback", responses={"200": ModelStanding})
def rollback(path: schemas.ModelPath, body: Because) -> Response:
    """Let an earlier version serve again."""
    promotion.roll_back(bank(), desk.scope(), path.target, path.version, body.reason)
    return _standing(path.target, path.version)


@BLUEPRINT.post("/models/<target>/retraining", responses={"200": Answered})
def retraining(path: TargetPath, body: Decision) -> Response:
    """Answer a proposal to train again."""
    promotion.decide_retraining(bank(), desk.scope(), path.target, body.reason, accept=body.decision == "approve")
    return document({"target": path.target, "decision": body.decision})


@BLUEPRINT.post("/model-alerts/<int:alert_id>", responses={"200": AlertState})
def alert(path: AlertPath, body: Handling) -> Response:
    """Take an alert over, or close it with a reason."""
    return document({"alert_id": path.alert_id, "state": model_alerts.handle(bank(), desk.scope(), path.alert_id, body.decision, body.reason)})


def _standing(target_name: str, version: int) -> Response:
    row = next(row for row in models_desk.models_page(desk.read(), desk.scope(), target_name).rows if row["version"] == version)
    return document({"target": target_name, "version": version, "status": row["status"]})
