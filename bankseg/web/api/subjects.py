"""The API of what clients may ask of the bank: objection, everything held, and erasure by two persons."""

from typing import Annotated, Any, Literal

from flask import Response, url_for
from pydantic import BaseModel, Field, StringConstraints

from bankseg.domain.erasure import LEAST_REASON, LONGEST_REASON
from bankseg.services import erasure, objection
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import created, document, part
from bankseg.web.api.schemas import ClientPath
from bankseg.web.relationship.subject_views import subject_file

BLUEPRINT = part("subjects_api", __name__, "clients' rights")

Client = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Reason = Annotated[str, StringConstraints(min_length=LEAST_REASON, max_length=LONGEST_REASON)]
Ground = Literal["no_longer_needed", "consent_withdrawn", "objection", "unlawful", "legal_obligation"]
ZIP: dict[str, Any] = {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}


class ErasurePath(BaseModel):
    erasure_id: schemas.Number


class HoldPath(BaseModel):
    hold_id: schemas.Number


class ErasureRequest(schemas.Asked):
    client_id: Client
    ground: Ground = Field(description="GDPR 17(1)(a) to (e)")
    reason: Reason = Field(description="Must not name the client: it outlives the erasure")


class HoldRequest(schemas.Asked):
    client_id: Client
    reason: Reason


class ErasureDecision(schemas.Asked):
    decision: Literal["approve", "refuse"]
    reason: Reason


class Erasure(BaseModel):
    id: int
    state: Literal["asked", "refused", "approved", "erased"]
    pseudonym: str = Field(description="Keyed hash: what is left of the client")
    client_id: str | None = Field(description="Told while the erasure is open")
    ground: Ground
    reason: str
    asked_at: float
    decided_at: float | None
    decision_reason: str
    erased_at: float | None
    people: dict[str, str]
    receipt: dict[str, Any] = Field(description="What was removed by place, and what remains; empty until it is done")
    job_state: str | None
    error: str | None
    stands_against: str | None = Field(description="The duty to keep that stands against it; null: none")


class Erasures(BaseModel):
    erasures: list[dict[str, Any]]
    holds: list[dict[str, Any]]


class Held(BaseModel):
    hold_id: int


class Objection(BaseModel):
    client_id: str
    stands: bool
    id: int | None
    recorded_at: float | None
    by: str


@BLUEPRINT.get("/erasures", responses={"200": Erasures})
def erasures() -> Response:
    """Every erasure, newest first, and the legal holds that stand."""
    page = erasure.erasures_page(desk.desk().settings, desk.read(), desk.scope())
    rows = [
        {"id": row.id, "state": row.state, "pseudonym": row.pseudonym, "ground": row.ground, "asked_at": row.asked_at, "asked_by": by} for row, by in page.rows
    ]
    holds = [{"id": row.id, "pseudonym": row.pseudonym, "reason": row.reason, "placed_at": row.placed_at, "placed_by": by} for row, by in page.holds]
    return document({"erasures": rows, "holds": holds})


@BLUEPRINT.post("/erasures", responses={"201": Erasure})
def ask(body: ErasureRequest) -> Response:
    """Ask that a client be erased; a second person decides."""
    here = desk.desk()
    number = erasure.ask(here.settings, here.engine, desk.scope(), body.client_id, body.ground, body.reason)
    return created(_told(number), url_for("subjects_api.one", erasure_id=number))


@BLUEPRINT.get("/erasures/<int:erasure_id>", responses={"200": Erasure})
def one(path: ErasurePath) -> Response:
    """One erasure, with its receipt once it is done."""
    return document(_told(path.erasure_id))


@BLUEPRINT.post("/erasures/<int:erasure_id>/decision", responses={"200": Erasure})
def decide(path: ErasurePath, body: ErasureDecision) -> Response:
    """Approve or refuse what a colleague asked for; approved, the client is hidden at once and a worker begins."""
    here = desk.desk()
    erasure.decide(here.settings, here.engine, desk.scope(), path.erasure_id, approve=body.decision == "approve", reason=body.reason)
    return document(_told(path.erasure_id))


@BLUEPRINT.post("/erasures/<int:erasure_id>/retry", responses={"200": Erasure})
def retry(path: ErasurePath) -> Response:
    """Send a worker again to an erasure whose attempts are used up."""
    erasure.retry(desk.desk().settings, desk.desk().engine, desk.scope(), path.erasure_id)
    return document(_told(path.erasure_id))


@BLUEPRINT.post("/legal-holds", responses={"201": Held})
def hold(body: HoldRequest) -> Response:
    """Let nothing on a client be erased until the hold is lifted."""
    here = desk.desk()
    number = erasure.place_hold(here.settings, here.engine, desk.scope(), body.client_id, body.reason)
    return created({"hold_id": number}, url_for("subjects_api.erasures"))


@BLUEPRINT.delete("/legal-holds/<int:hold_id>", responses={"204": None})
def lift(path: HoldPath) -> Response:
    """Lift a legal hold."""
    erasure.lift_hold(desk.desk().engine, desk.scope(), path.hold_id)
    return Response(status=204)


@BLUEPRINT.get("/clients/<client_id>/objection", responses={"200": Objection})
def objection_of(path: ClientPath) -> Response:
    """Whether a client of your scope objects to marketing."""
    return document(objection.objection_in_scope(desk.read(), desk.scope(), path.client_id))


@BLUEPRINT.put("/clients/<client_id>/objection", responses={"204": None})
def object_to_marketing(path: ClientPath) -> Response:
    """Record that a client objects to marketing: in force with the next read of any list."""
    objection.record(desk.desk().engine, desk.scope(), path.client_id)
    return Response(status=204)


@BLUEPRINT.delete("/clients/<client_id>/objection", responses={"204": None})
def withdraw(path: ClientPath) -> Response:
    """Record that a client takes the objection back."""
    objection.withdraw(desk.desk().engine, desk.scope(), path.client_id)
    return Response(status=204)


@BLUEPRINT.get("/clients/<client_id>/subject-access", responses={"200": ZIP})
def access(path: ClientPath) -> Response:
    """Everything held on a client, as one ZIP: JSON, and a page in English and in French."""
    return subject_file(path.client_id)


def _told(number: int) -> dict[str, Any]:
    desk.close_read()  # what was just decided is read anew
    return erasure.erasure_document(erasure.erasure_page(desk.desk().settings, desk.read(), desk.scope(), number))
