"""The API of advisers: who serves how many, and proposals of who should serve whom."""

from typing import Annotated, Any, Literal

from flask import Response, url_for
from pydantic import BaseModel, Field, StringConstraints

from bankseg.services import adviser_proposals
from bankseg.services.adviser_proposals import LEAST_REASON, LONGEST_REASON
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import created, document, part, stamped
from bankseg.web.segments.names import value_name

BLUEPRINT = part("advisers_api", __name__, "advisers")

Reason = Annotated[str, StringConstraints(min_length=LEAST_REASON, max_length=LONGEST_REASON)]


class ProposalPath(BaseModel):
    proposal_id: schemas.Number


class ProposalRequest(schemas.Asked):
    reason: Reason = Field(description="Must not name a client")


class AdviserDecision(schemas.Asked):
    decision: Literal["approve", "refuse"]
    reason: Reason


class Advisers(schemas.Stamped):
    branch_id: str | None = Field(description="Your branch; null: every branch")
    advisers: list[dict[str, Any]] = Field(
        description="Skills, languages and capacity of each; clients: those it serves as published, null to who sees no client"
    )
    elsewhere: int | None = Field(description="Clients of your branch whom no known adviser serves")
    proposals: list[dict[str, Any]]
    points: dict[str, int] = Field(description="Against an assignment: for each skill a client misses, each client moved, each client above capacity")
    speaks_language: bool = Field(description="Whether a client whose language is known needs an adviser who speaks it")
    needs: list[dict[str, str]] = Field(description="The skill a client needs, and the rule in words")


class AdviserProposal(BaseModel):
    id: int
    branch_id: str
    run_id: int
    as_of: str
    policy_sha256: str
    state: Literal["asked", "approved", "refused", "outdated"]
    weighed: dict[str, Any] = Field(description="Terms, and before and after: clients by adviser, clients who miss a skill they need, points")
    reason: str
    asked_at: float
    decision_reason: str
    decided_at: float | None
    people: dict[str, str]
    is_of_published_run: bool
    moves: list[dict[str, Any]] | None = Field(description="The first 200, of clients in your scope; null to who sees no client")
    followed: int | None = Field(description="How many of the clients moved the published run has with their proposed adviser")


@BLUEPRINT.get("/advisers", responses={"200": Advisers})
def index() -> Response:
    """The advisers of your branch, of every branch for the administrator, and the proposals about them."""
    page = adviser_proposals.advisers_page(desk.desk().settings, desk.read(), desk.scope(), language=desk.language(), value_name=value_name)
    told = {
        "branch_id": page.branch_id, "elsewhere": page.elsewhere, "points": page.points, "speaks_language": page.speaks_language, "needs": page.needs,
        "advisers": [{**row.model_dump(exclude={"updated_by"}), "clients": clients} for row, clients in page.advisers],
        "proposals": [{"id": row.id, "branch_id": row.branch_id, "as_of": row.as_of, "state": row.state, "asked_at": row.asked_at, "asked_by": by} for row, by in page.proposals],
    }  # fmt: skip
    return stamped(page.stamp, told)


@BLUEPRINT.post("/adviser-proposals", responses={"201": AdviserProposal})
def ask(body: ProposalRequest) -> Response:
    """Work out who should serve whom in your branch; a second person decides."""
    here, scope = desk.desk(), desk.scope()
    number = adviser_proposals.ask(here.settings, here.engine, scope, scope.branch_id or "", body.reason)
    return created(_told(number), url_for("advisers_api.one", proposal_id=number))


@BLUEPRINT.get("/adviser-proposals/<int:proposal_id>", responses={"200": AdviserProposal})
def one(path: ProposalPath) -> Response:
    """One proposal, with the first of its moves."""
    return document(_told(path.proposal_id))


@BLUEPRINT.post("/adviser-proposals/<int:proposal_id>/decision", responses={"200": AdviserProposal})
def decide(path: ProposalPath, body: AdviserDecision) -> Response:
    """Approve or refuse what a colleague asked for. Nothing changes here: the moves go to the bank's system, and come back with its next extract."""
    adviser_proposals.decide(desk.desk().engine, desk.scope(), path.proposal_id, approve=body.decision == "approve", reason=body.reason)
    return document(_told(path.proposal_id))


def _told(number: int) -> dict[str, Any]:
    desk.close_read()  # what was just decided is read anew
    return adviser_proposals.proposal_document(adviser_proposals.proposal_page(desk.read(), desk.scope(), number))
