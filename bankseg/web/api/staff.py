"""The API of the administration: people, their tokens, the audit trail, the policy, and one's own account."""

from typing import Annotated, Any, Literal

from flask import Response, g, url_for
from pydantic import BaseModel, Field, StringConstraints

from bankseg.domain.errors import NotFoundError
from bankseg.domain.people import Role
from bankseg.services import access_tokens, audit_trail, oversight, policy_page, staff
from bankseg.services.staff import Description
from bankseg.storage.audit import AuditFilter
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import as_given, created, document, part
from bankseg.web.api.picture_answers import plain
from bankseg.web.api.policy_drafts import told_effect

BLUEPRINT = part("staff_api", __name__, "administration")

Rows = list[dict[str, Any]]
Text = Annotated[str, StringConstraints(max_length=100)]


class Person(schemas.Asked):
    display_name: Annotated[str, StringConstraints(min_length=1, max_length=staff.LONGEST_NAME, pattern=schemas.NOT_BLANK)]
    role: Role
    rm_id: Text | None = Field(default=None, description="Portfolio of a relationship manager")
    branch_id: Text | None = Field(default=None, description="Branch of a branch head or a relationship manager")
    language: Literal["en", "fr"] = "en"


class NewPerson(Person):
    login: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=schemas.NOT_BLANK)]


class PersonRow(BaseModel):
    id: int
    login: str
    display_name: str
    role: str
    rm_id: str | None
    branch_id: str | None
    language: str
    is_active: bool
    is_locked: bool
    must_change_password: bool


class People(BaseModel):
    people: list[PersonRow]
    tokens: Rows = Field(description="Tokens that open something now, with whose they are")


class FirstPassword(PersonRow):
    first_password: str | None = Field(description="To be handed over and changed at the first sign-in; null when this answer is given again: it is shown once")


class PersonStanding(schemas.Asked):
    is_active: bool


class PersonPath(BaseModel):
    person_id: schemas.Number


class TokenPath(BaseModel):
    token_id: schemas.Number


class AuditChosen(schemas.Asked):
    action: Text = ""
    person: Text = Field(default="", description="Login of who acted")
    subject: Text = ""
    first: schemas.Day | None = None
    last: schemas.Day | None = None

    def filter(self) -> AuditFilter:
        """What the trail is narrowed by."""
        return audit_trail.filter_of(self.action, self.person, self.subject, self.first, self.last)


class AuditAsked(AuditChosen):
    before: int | None = Field(default=None, ge=1, le=schemas.LARGEST, description="`next_before` of the page before")
    check: bool = Field(default=False, description="Verify the whole chain; reads every entry")


class Trail(BaseModel):
    rows: Rows = Field(description="Newest first")
    next_before: int | None
    actions: list[str]
    entries: int
    is_checked: bool
    first_broken: int | None = Field(description="First entry at which the chain does not hold; null: it holds, or was not asked")


class Oversight(BaseModel):
    current: dict[str, Any] | None = Field(description="The published run")
    latest: dict[str, Any] | None
    last_import: dict[str, Any] | None
    imports: int
    unreconciled: Rows
    proposals: int
    alerts: int
    entries: int
    recent: Rows
    people: int | None
    tokens: int | None


class PolicyAsked(schemas.Asked):
    compared: Annotated[str, StringConstraints(pattern="^(|[0-9a-f]{64})$")] = Field(default="", description="Hash of a policy that earlier runs used")


class PolicyDocument(BaseModel):
    sha256: str
    sections: dict[str, Any] = Field(description="Entries in force under dotted names")
    own: list[str] = Field(description="Entries the bank changed from the default")
    recorded: Rows
    compared: str | None
    changes: Rows


class PolicyDraft(schemas.Asked):
    text: Annotated[str, StringConstraints(max_length=50_000)] = Field(description="The bank's policy file, TOML")


class PolicyChanges(BaseModel):
    changes: Rows
    effect: Rows | None = Field(description="Classes of clients whose count changes, with before and after; null before counts are known")


class Account(BaseModel):
    person: PersonRow
    rights: list[str] = Field(description="What this call may open: of a token, what it was given")
    tokens: Rows


@BLUEPRINT.get("/people", responses={"200": People})
def people() -> Response:
    """Everybody who signs in."""
    return document(staff.staff_page(desk.read(), desk.scope()))


@BLUEPRINT.post("/people", responses={"201": FirstPassword})
def add(body: NewPerson) -> Response:
    """Let somebody new sign in."""
    first = staff.add_person(desk.desk().engine, desk.scope(), body.login, _described(body))
    row = next(row for row in staff.staff_page(desk.read(), desk.scope()).people if row["login"] == body.login.strip())
    return created({**row, "first_password": first}, url_for("staff_api.person", person_id=row["id"]))


@BLUEPRINT.get("/people/<int:person_id>", responses={"200": PersonRow})
def person(path: PersonPath) -> Response:
    """One person."""
    return document(_found(path.person_id))


@BLUEPRINT.put("/people/<int:person_id>", responses={"200": PersonRow})
def change(path: PersonPath, body: Person) -> Response:
    """Change what a person is; it holds from the next request."""
    staff.change_person(desk.desk().engine, desk.scope(), path.person_id, _described(body))
    return document(_found(path.person_id))


@BLUEPRINT.put("/people/<int:person_id>/standing", responses={"200": PersonRow})
def enable(path: PersonPath, body: PersonStanding) -> Response:
    """Let a person sign in again, or no more."""
    staff.set_active(desk.desk().engine, desk.scope(), path.person_id, is_active=body.is_active)
    return document(_found(path.person_id))


@BLUEPRINT.post("/people/<int:person_id>/password", responses={"200": FirstPassword})
def reset(path: PersonPath) -> Response:
    """Give a new first password."""
    first = staff.reset_password(desk.desk().engine, desk.scope(), path.person_id)
    return document({**_found(path.person_id), "first_password": first})


@BLUEPRINT.delete("/tokens/<int:token_id>", responses={"204": None})
def revoke(path: TokenPath) -> Response:
    """End anybody's token."""
    access_tokens.revoke(desk.desk().engine, desk.scope(), path.token_id)
    return Response(status=204)


@BLUEPRINT.get("/audit", responses={"200": Trail})
def audit(query: AuditAsked) -> Response:
    """The trail, newest first."""
    return document(audit_trail.audit_page(desk.read(), desk.scope(), query.filter(), query.before, check=query.check))


@BLUEPRINT.get("/oversight", responses={"200": Oversight})
def overview() -> Response:
    """What is published, what came in, what waits, who did what."""
    found = plain(oversight.oversight_page(desk.read(), desk.scope()))
    hidden = {"error", "quarantine_path", "plan"}  # what these pages do not show either
    return document({name: _without(value, hidden) for name, value in found.items()})


@BLUEPRINT.get("/policy", responses={"200": PolicyDocument})
def policy(query: PolicyAsked) -> Response:
    """The policy in force, and how it differs from one of before."""
    found = policy_page.policy_page(desk.desk().settings, desk.read(), desk.scope(), query.compared or None)
    return document({name: getattr(found, name) for name in PolicyDocument.model_fields})


@BLUEPRINT.post("/policy/try", responses={"200": PolicyChanges})
def try_policy(body: PolicyDraft) -> Response:
    """What a draft would change; nothing is kept."""
    with as_given():
        changes, effect = policy_page.try_policy(desk.desk().settings, desk.read(), desk.scope(), body.text)
    return document({"changes": changes, "effect": told_effect(effect)})


@BLUEPRINT.get("/account", responses={"200": Account})
def account() -> Response:
    """Who calls, what the call may open, and one's tokens."""
    known = {name: getattr(g.person, name) for name in PersonRow.model_fields if name != "is_locked"} | {"is_locked": False}
    rights = sorted(g.granted if "granted" in g else map(str, access_tokens.grantable(desk.scope())))
    return document({"person": known, "rights": rights, "tokens": access_tokens.own_tokens(desk.read(), desk.scope())})


@BLUEPRINT.delete("/account/tokens/<int:token_id>", responses={"204": None})
def revoke_own(path: TokenPath) -> Response:
    """End a token of one's own."""
    if path.token_id not in {row["id"] for row in access_tokens.own_tokens(desk.read(), desk.scope())}:
        raise NotFoundError("nothing here")
    desk.close_read()
    access_tokens.revoke(desk.desk().engine, desk.scope(), path.token_id)
    return Response(status=204)


def _described(body: Person) -> Description:
    return Description(body.display_name.strip(), body.role, (body.rm_id or "").strip() or None, (body.branch_id or "").strip() or None, body.language)


def _found(person_id: int) -> dict[str, Any]:
    row = next((row for row in staff.staff_page(desk.read(), desk.scope()).people if row["id"] == person_id), None)
    if row is None:
        raise NotFoundError("nothing here")
    return row


def _without(value: Any, hidden: set[str]) -> Any:  # JSON
    if isinstance(value, list):
        return [_without(one, hidden) for one in value]
    return {name: one for name, one in value.items() if name not in hidden} if isinstance(value, dict) else value
