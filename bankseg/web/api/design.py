"""The API of the designer: schemes drafted, previewed, saved and published, own attributes, strategy sheets, and what a list or a study may choose among."""

from typing import Annotated, Any, Literal

from flask import Response, url_for
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bankseg.domain.errors import InputError
from bankseg.domain.schemes import scheme_document
from bankseg.domain.strategy_sheets import Measure
from bankseg.services import custom_attributes, list_builder, segments_desk, strategy_sheets, study_pages
from bankseg.services.custom_attributes import TEXTS, Draft
from bankseg.services.strategy_sheets import SegmentSheet
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import as_given, created, document, page, part, stamped
from bankseg.web.api.segments import SchemePath, SegmentPath
from bankseg.web.api.unchanged import expected, tagged
from bankseg.web.segments.names import value_name

BLUEPRINT = part("design_api", __name__, "designing segments")

Rows = list[dict[str, Any]]


class Loose(schemas.Stamped):
    """A page's figures; money in minor units, shares in [0, 1], null where there is no data."""

    model_config = ConfigDict(extra="allow")


class PlacedPath(SchemePath):
    client_id: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class DraftDocument(schemas.Asked):
    document: dict[str, Any] = Field(description="The scheme, as its draft is told")


class SavedDraft(DraftDocument):
    note: Annotated[str, StringConstraints(max_length=500)] = ""


class SchemeDraft(BaseModel):
    code: str
    version: int = Field(description="The latest saved; 0: ready-made")
    state: str
    document: dict[str, Any]


class Preview(BaseModel):
    clients: int
    segments: Rows
    unreachable: dict[str, str]
    changes: dict[str, Any] = Field(description="Who would enter and leave each segment against the saved version")
    currency: str


class Why(schemas.Stamped):
    client_id: str
    segments: Rows = Field(description="Every segment: its rule in words, whether it holds, and each comparison with the client's own value")


class OwnDraft(schemas.Asked):
    code: Annotated[str, StringConstraints(min_length=1, max_length=TEXTS["code"], pattern="^[a-z0-9][a-z0-9_]*$")]
    label_en: Annotated[str, StringConstraints(min_length=1, max_length=TEXTS["label_en"], pattern=schemas.NOT_BLANK)]
    label_fr: Annotated[str, StringConstraints(min_length=1, max_length=TEXTS["label_fr"], pattern=schemas.NOT_BLANK)]
    definition: Annotated[str, StringConstraints(min_length=1, max_length=TEXTS["definition"], pattern=schemas.NOT_BLANK)]
    unit: Annotated[str, StringConstraints(min_length=1, max_length=TEXTS["unit"], pattern=schemas.NOT_BLANK)]
    owner: Annotated[str, StringConstraints(min_length=1, max_length=TEXTS["owner"], pattern=schemas.NOT_BLANK)]
    expression: Annotated[str, StringConstraints(min_length=1, max_length=TEXTS["expression"], pattern=schemas.NOT_BLANK)]


class OwnAttributes(schemas.Stamped):
    saved: Rows
    attributes: Rows = Field(description="What an expression may read")


class OwnChecked(BaseModel):
    type: str
    reads: list[str]
    purposes: list[str]
    clients: int
    known: int
    figures: dict[str, Any]
    sample: Rows


class OwnSaved(BaseModel):
    name: str = Field(description="What rules call it")
    code: str
    version: int
    state: str


class OwnPath(BaseModel):
    code: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    version: schemas.Number


class Sheet(schemas.Asked):
    needs_en: Annotated[str, StringConstraints(max_length=2_000)] = ""
    needs_fr: Annotated[str, StringConstraints(max_length=2_000)] = ""
    requirements_en: Annotated[str, StringConstraints(max_length=2_000)] = ""
    requirements_fr: Annotated[str, StringConstraints(max_length=2_000)] = ""
    action: Annotated[str, StringConstraints(max_length=2_000)] = ""
    message_en: Annotated[str, StringConstraints(max_length=2_000)] = ""
    message_fr: Annotated[str, StringConstraints(max_length=2_000)] = ""
    proof_en: Annotated[str, StringConstraints(max_length=2_000)] = ""
    proof_fr: Annotated[str, StringConstraints(max_length=2_000)] = ""
    owner: Annotated[str, StringConstraints(max_length=2_000)] = ""
    measure: Measure | None = Field(default=None, description="With a target, or neither")
    target: float | None = Field(default=None, gt=-1e15, lt=1e15)
    target_on: schemas.Day | None = None
    review_on: schemas.Day | None = None


class SheetTold(schemas.Stamped):
    segment: str
    version: int = Field(description="0: nothing was written yet")
    sheet: dict[str, Any]
    standing: dict[str, Any]
    actual: float | None
    is_reached: bool | None


class ListChoices(BaseModel):
    products: list[str]
    actions: list[str]
    tiers: list[str]
    costs_minor: dict[str, int] = Field(description="Of one contact, by channel")
    control_share: int = Field(description="Basis points")
    schemes: Rows


class StudyKind(BaseModel):
    kind: Literal["tree", "clusters", "lookalike"]


class GoalAsked(schemas.Asked):
    goal: schemas.Code = Field(default="", description="Of a tree: leave out what would tell the goal itself")


class StudyChoices(Loose):
    goals: Rows
    families: dict[str, Any]
    suggested: list[str]


@BLUEPRINT.get("/schemes/<code>/draft", responses={"200": SchemeDraft})
def draft(path: SchemePath) -> Response:
    """The latest saved version of a scheme, to go on from."""
    return _draft(path.code)


@BLUEPRINT.put("/schemes/<code>/draft", responses={"200": SchemeDraft})
def save(path: SchemePath, body: SavedDraft) -> Response:
    """Save the next version of a scheme; the same document again is the same version."""
    if body.document.get("code") != path.code:
        raise InputError("a document of another scheme", f"the code {path.code}", "give the document the code of the address")
    with as_given():
        segments_desk.save(desk.desk().settings, desk.desk().engine, desk.scope(), body.document, body.note, expected())
    return _draft(path.code)


@BLUEPRINT.post("/scheme-previews", responses={"200": Preview})
def preview(body: DraftDocument) -> Response:
    """What a document would hold; nothing is kept."""
    with as_given():
        found = segments_desk.preview_scheme(desk.desk().settings, desk.read(), desk.scope(), body.document, language=desk.language(), value_name=value_name)
    told = {"clients": found.sizes.clients, "segments": found.sizes.segments, "unreachable": found.idle}
    return document({**told, "changes": found.changes, "currency": found.currency})


@BLUEPRINT.get("/schemes/<code>/why/<client_id>", responses={"200": Why})
def why(path: PlacedPath) -> Response:
    """Why a client is in its segment."""
    found = segments_desk.why_page(desk.desk().settings, desk.read(), desk.scope(), path.code, path.client_id, language=desk.language(), value_name=value_name)
    return stamped(found.stamp, {"client_id": found.client_id, "segments": found.segments})


@BLUEPRINT.get("/own-attributes", responses={"200": OwnAttributes})
def own_attributes() -> Response:
    """The bank's own attributes, and what an expression may read."""
    found = custom_attributes.own_page(desk.desk().settings, desk.read(), desk.scope())
    return stamped(found.stamp, {"saved": [{"name": row.name, **row.model_dump()} for row in found.saved], "attributes": found.attributes})


@BLUEPRINT.post("/own-attributes/check", responses={"200": OwnChecked})
def check(body: OwnDraft) -> Response:
    """What a draft gives on the published run; nothing is kept."""
    found = custom_attributes.check(desk.desk().settings, desk.read(), desk.scope(), _own(body))
    told = {"type": found.expression.type, "reads": sorted(found.expression.reads), "purposes": found.purposes}
    return document({**told, "clients": found.clients, "known": found.known, "figures": found.figures, "sample": found.sample})


@BLUEPRINT.post("/own-attributes", responses={"201": OwnSaved})
def save_own(body: OwnDraft) -> Response:
    """Save the next version of an own attribute; the same again is the same version."""
    row = custom_attributes.save(desk.desk().settings, desk.desk().engine, desk.scope(), _own(body))
    return created({"name": row.name, "code": row.code, "version": row.version, "state": row.state}, url_for("living_api.attribute", name=row.name))


@BLUEPRINT.delete("/own-attributes/<code>/<int:version>", responses={"204": None})
def retire_own(path: OwnPath) -> Response:
    """Take a version out of the catalogue."""
    custom_attributes.retire(desk.desk().settings, desk.desk().engine, desk.scope(), path.code, path.version)
    return Response(status=204)


@BLUEPRINT.get("/schemes/<code>/strategy/<segment>", responses={"200": SheetTold})
def sheet(path: SegmentPath) -> Response:
    """One segment's strategy sheet, with target and actual."""
    return _sheet(path)


@BLUEPRINT.put("/schemes/<code>/strategy/<segment>", responses={"200": SheetTold})
def save_sheet(path: SegmentPath, body: Sheet) -> Response:
    """Save the next version of a sheet; the same again is the same version."""
    fields = body.model_dump(mode="json", exclude_none=True)
    strategy_sheets.save_sheet(desk.desk().settings, desk.desk().engine, desk.scope(), path.code, path.segment, fields, expected())
    return _sheet(path)


@BLUEPRINT.get("/lists/choices", responses={"200": ListChoices})
def list_choices() -> Response:
    """What a list may be built of."""
    found = list_builder.choices(desk.desk().settings, desk.read(), desk.scope(), desk.policy())
    schemes = [{"code": one.scheme.code, "segments": [segment.code for segment in one.scheme.segments]} for one in found.schemes]
    told = {name: getattr(found, name) for name in ("products", "actions", "tiers", "costs_minor", "control_share")}
    return document({**told, "schemes": schemes})


@BLUEPRINT.get("/studies/choices/<kind>", responses={"200": StudyChoices})
def study_choices(path: StudyKind, query: GoalAsked) -> Response:
    """What a study of a kind may be asked with."""
    return page(study_pages.new_study_page(desk.desk().settings, desk.read(), desk.scope(), path.kind, query.goal))


def _draft(code: str) -> Response:
    entry = segments_desk.draft(desk.desk().settings, desk.read(), desk.scope(), code)
    told = {"code": code, "version": entry.version, "state": entry.state, "document": scheme_document(entry.scheme)}
    return tagged(document(told), segments_desk.tag(code, entry.version))


def _sheet(path: SegmentPath) -> Response:
    found = strategy_sheets.sheets_page(desk.desk().settings, desk.read(), desk.scope(), path.code, path.segment)
    return tagged(stamped(found.stamp, sheet_told(found.sheets[0])), strategy_sheets.tag(found.sheets[0].version))


def sheet_told(one: SegmentSheet) -> dict[str, Any]:
    """One sheet as JSON."""
    return {
        "segment": one.segment.code, "version": one.version, "sheet": one.sheet.document(), "standing": one.standing, "actual": one.actual,
        "is_reached": one.is_reached,
    }  # fmt: skip


def _own(body: OwnDraft) -> Draft:
    return custom_attributes.draft_of(body.model_dump())
