"""The API of the policy's versions: values drafted, proposed by one person, decided by another, and any two compared."""

from typing import Annotated, Any, Literal

from flask import Response, url_for
from pydantic import BaseModel, Field, StringConstraints

from bankseg.services import policy_page, policy_versions
from bankseg.services.policy_effect import Effect
from bankseg.services.policy_in_force import policy_in_force
from bankseg.services.policy_versions import LONGEST_ENTRIES, LONGEST_REASON
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import as_given, created, document, part
from bankseg.web.api.unchanged import expected, tagged

BLUEPRINT = part("policy_api", __name__, "administration")

Reason = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_REASON, pattern=schemas.NOT_BLANK)]
Entries = Annotated[str, StringConstraints(max_length=LONGEST_ENTRIES)]


class PolicyEntry(BaseModel):
    name: str = Field(description="Dotted name")
    value: Any = Field(description="In force")
    typed: str = Field(description="The same as its field shows it")


class PolicyFields(BaseModel):
    sections: dict[str, list[PolicyEntry]]


class Typed(schemas.Asked):
    values: Annotated[dict[str, str], Field(max_length=1_000)] = Field(description="What was typed, by dotted name; what is left out keeps its value")


class MovedClass(BaseModel):
    """One class of clients; a side is null where it is small and you see no clients."""

    kind: str
    code: str
    before: int | None
    after: int | None


class DraftTried(BaseModel):
    text: str = Field(description="The draft as TOML: all that differs from the default and the bank's file")
    changes: list[dict[str, Any]]
    effect: list[MovedClass] | None = Field(description="Classes whose count changes; null before counts are known")


class PolicyProposal(schemas.Asked):
    text: Entries = Field(description="TOML: all that differs from the default and the bank's file")
    reason: Reason


class PolicyVersionState(BaseModel):
    version: int
    state: str


class VersionPath(BaseModel):
    version: schemas.Number


class PolicyDecision(schemas.Asked):
    decision: Literal["approve", "reject"]
    reason: Reason


class Pair(schemas.Asked):
    before: Annotated[int, Field(ge=0, le=schemas.LARGEST)] = Field(default=0, description="Number of a version; 0: the default with the bank's file")
    after: Annotated[int, Field(ge=0, le=schemas.LARGEST)] = 0


class PolicyCompared(BaseModel):
    before: int
    after: int
    changes: list[dict[str, Any]]


@BLUEPRINT.get("/policy/fields", responses={"200": PolicyFields})
def fields() -> Response:
    """Every entry that has a field, under the tag that a proposal's If-Match is held against."""
    here = desk.desk()
    found = policy_versions.fields(here.settings, desk.read(), desk.scope())
    told = {section: [{"name": one.name, "value": one.value, "typed": one.typed} for one in entries] for section, entries in found.items()}
    return tagged(document({"sections": told}), policy_in_force(here.settings, desk.read()).sha256)


@BLUEPRINT.post("/policy/fields", responses={"200": DraftTried})
def try_fields(body: Typed) -> Response:
    """What was typed, as a draft with what it would change; nothing is kept."""
    here = desk.desk()
    with as_given():
        text = policy_versions.entries_typed(here.settings, desk.read(), desk.scope(), body.values)
        changes, effect = policy_page.try_policy(here.settings, desk.read(), desk.scope(), text)
    return document({"text": text, "changes": changes, "effect": told_effect(effect)})


@BLUEPRINT.post("/policy/versions", responses={"201": PolicyVersionState})
def propose(body: PolicyProposal) -> Response:
    """Propose a version; one at a time is open, and another person decides."""
    here = desk.desk()
    with as_given():
        number = policy_versions.propose(here.settings, here.engine, desk.scope(), body.text, body.reason, expected=expected())
    return created({"version": number, "state": "open"}, url_for("policy_api.compare", after=number))


@BLUEPRINT.post("/policy/versions/<int:version>/decision", responses={"200": PolicyVersionState})
def decide(path: VersionPath, body: PolicyDecision) -> Response:
    """Approve or reject an open version; an approved one is in force from the next run."""
    here, approved = desk.desk(), body.decision == "approve"
    with as_given():
        policy_versions.decide(here.settings, here.engine, desk.scope(), path.version, approve=approved, reason=body.reason)
    return document({"version": path.version, "state": "approved" if approved else "rejected"})


@BLUEPRINT.get("/policy/versions", responses={"200": PolicyCompared})
def compare(query: Pair) -> Response:
    """How two versions differ, each laid over the default and the bank's file of now."""
    return document(policy_page.compare_versions(desk.desk().settings, desk.read(), desk.scope(), query.before, query.after))


def told_effect(found: list[Effect] | None) -> list[dict[str, Any]] | None:
    """Classes of clients as JSON."""
    return None if found is None else [{"kind": one.kind, "code": one.code, "before": one.before, "after": one.after} for one in found]
