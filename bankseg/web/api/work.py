"""The API of daily work: contacts with clients, and the review of risk cases."""

from typing import Annotated, Any, Literal

import orjson
from flask import Response
from pydantic import BaseModel, Field, StringConstraints

from bankseg.services import contact_log, risk_review
from bankseg.services.contact_log import Contact
from bankseg.services.risk_review import Decision
from bankseg.services.stamp import Stamp, stamp
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import part
from bankseg.web.api.schemas import ClientPath

BLUEPRINT = part("work_api", __name__, "daily work")

Reason = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
LARGEST = 2**31 - 1  # what a number of the store can be


class ContactPath(BaseModel):
    contact_id: int = Field(ge=1, le=LARGEST)


class ContactRequest(BaseModel, extra="forbid"):
    outcome: Literal["reached", "not_reached", "interested", "refused", "sold", "call_back", "not_relevant", "later"]
    channel: Literal["phone", "branch", "email", "video", "message"] = "phone"
    product: Annotated[str, StringConstraints(max_length=100)] | None = None
    again_on: schemas.Day | None = Field(default=None, description="Needed for call_back and later")
    note: str = Field(default="", max_length=2_000, description="Read by its author and the head of the branch alone")


class Contacts(schemas.Stamped):
    contacts: list[dict[str, Any]]


class Recorded(BaseModel):
    contact_id: int


class DecisionRequest(BaseModel, extra="forbid"):
    decision: Literal["keep", "watch", "contact", "restrict", "refer"]
    reason: Reason
    again_on: schemas.Day | None = Field(default=None, description="Needed to watch")
    adverse: list[Annotated[str, StringConstraints(max_length=40)]] = Field(
        default=[], max_length=23, description="Codes of specific reasons, one to four to restrict"
    )


class Answer(BaseModel, extra="forbid"):
    answer: Literal["approve", "reject"]
    reason: Reason


class Assignment(BaseModel, extra="forbid"):
    person_id: int | None = Field(default=None, ge=1, le=LARGEST, description="Null: nobody")


class Case(schemas.Stamped):
    client_id: str
    case: dict[str, Any] | None = Field(default=None, description="Null when the client is in the queue no longer")
    state: Literal["open", "waiting", "decided", "left"]
    opened_because: str
    again_on: str | None
    assigned_to: int | None
    history: list[dict[str, Any]]


class Stands(BaseModel):
    state: Literal["open", "waiting", "decided", "left"]


@BLUEPRINT.get("/clients/<client_id>/contacts", responses={"200": Contacts})
def contacts(path: ClientPath) -> Response:
    """Contacts with a client of your scope, newest first."""
    rows = contact_log.contacts_in_scope(desk.read(), desk.scope(), path.client_id)
    return _stamped(stamp(desk.read()), {"contacts": rows})


@BLUEPRINT.post("/clients/<client_id>/contacts", responses={"201": Recorded})
def record(path: ClientPath, body: ContactRequest) -> Response:
    """Record what became of a contact."""
    made = Contact(body.outcome, body.channel, body.product, body.again_on, body.note)
    return _json({"contact_id": contact_log.record(desk.desk().engine, desk.scope(), path.client_id, made)}, 201)


@BLUEPRINT.delete("/contacts/<int:contact_id>", responses={"204": None})
def withdraw(path: ContactPath) -> Response:
    """Take your own contact back, within a day."""
    contact_log.withdraw(desk.desk().engine, desk.scope(), path.contact_id)
    return Response(status=204)


@BLUEPRINT.get("/risk-queue/<client_id>", responses={"200": Case})
def case(path: ClientPath) -> Response:
    """One case with its history."""
    page = risk_review.review_page(desk.read(), desk.scope(), path.client_id)
    told = {
        "client_id": path.client_id, "case": page.case, "state": page.state, "opened_because": page.opened_because, "again_on": page.again_on,
        "assigned_to": page.assigned_to, "history": page.history,
    }  # fmt: skip
    return _stamped(page.stamp, told)


@BLUEPRINT.post("/risk-queue/<client_id>/decisions", responses={"201": Stands})
def decide(path: ClientPath, body: DecisionRequest) -> Response:
    """Decide about a case; what restricts a client waits for a second person."""
    made = Decision(body.decision, body.reason, body.again_on, body.adverse)
    return _json({"state": risk_review.decide(desk.desk().engine, desk.scope(), path.client_id, made)}, 201)


@BLUEPRINT.post("/risk-queue/<client_id>/signature", responses={"200": Stands})
def sign(path: ClientPath, body: Answer) -> Response:
    """Sign a colleague's decision, or send it back."""
    approve = body.answer == "approve"
    risk_review.sign(desk.desk().engine, desk.scope(), path.client_id, body.reason, approve=approve)
    return _json({"state": "decided" if approve else "open"})


@BLUEPRINT.put("/risk-queue/<client_id>/assignment", responses={"200": Stands})
def assign(path: ClientPath, body: Assignment) -> Response:
    """Give a case to somebody, or to nobody."""
    risk_review.assign(desk.desk().engine, desk.scope(), path.client_id, body.person_id)
    return _json({"state": risk_review.review_page(desk.read(), desk.scope(), path.client_id).state})


def _stamped(found: Stamp, document: dict[str, Any]) -> Response:
    return _json({"run_id": found.run_id, "as_of": found.as_of.isoformat(), **document})


def _json(document: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(document), status=status, mimetype="application/json")
