"""The API of files: whatever a desk offers as CSV, XLSX or Parquet, streamed, and recorded in the audit trail."""

from functools import partial
from typing import Any, Literal

from flask import Response

from bankseg.services import adviser_proposals, audit_trail, export_list, import_page, portfolio, risk_queue, segment_events, segments_desk, study_pages
from bankseg.services.scheme_pictures import birthdays, client_list, geography
from bankseg.storage.cross_sell import CrossSellFilter
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.advisers import ProposalPath
from bankseg.web.api.blueprints import FILE, part
from bankseg.web.api.life import ChangesQuery
from bankseg.web.api.pictures import BirthdaysAsked, LevelAsked, ListAsked
from bankseg.web.api.runs import ImportPath
from bankseg.web.api.segments import SchemePath, SegmentPath
from bankseg.web.api.staff import AuditChosen
from bankseg.web.api.studies import PlacedAsked, StudyPath
from bankseg.web.downloads import download

BLUEPRINT = part("files_api", __name__, "files")

CSV: dict[str, Any] = {"content": {"text/csv": {"schema": {"type": "string"}}}}


class Form(schemas.Asked):
    format: Literal["csv", "xlsx", "parquet"] = "csv"


class ClientsFile(Form, schemas.ClientsChosen):
    """The clients of the list, in its order."""


class CrossSellFile(Form, schemas.CrossSellChosen):
    """The candidates of the list."""


class RiskFile(Form, schemas.RiskChosen):
    """The cases of the queue."""


class PlacesFile(Form, LevelAsked):
    """The places."""


class BirthdaysFile(Form, BirthdaysAsked):
    """The birthdays."""


class PicturedFile(Form, ListAsked):
    """The clients behind a number."""


class ChangesFile(Form, ChangesQuery):
    """Everybody who moved."""


class PlacedFile(Form, PlacedAsked):
    """The clients a study placed."""


class TrailFile(Form, AuditChosen):
    """Entries of the trail."""


@BLUEPRINT.get("/files/clients", responses={"200": FILE})
def clients(query: ClientsFile) -> Response:
    """The clients in your scope that match."""
    found, here = query.filter(), desk.desk()
    portfolio.checked_filter(desk.scope(), found)
    return download("clients", query.format, partial(export_list.export_portfolio, here.engine, desk.scope(), found, file_format=query.format, sort=query.sort))


@BLUEPRINT.get("/files/cross-sell/<product>", responses={"200": FILE})
def cross_sell(path: schemas.ProductPath, query: CrossSellFile) -> Response:
    """A product's list."""
    found = CrossSellFilter(path.product, query.least_propensity, tuple(query.tier), tuple(query.segment))
    write = partial(export_list.export_cross_sell, desk.desk().engine, desk.scope(), found, file_format=query.format, size=query.size)
    return download(f"cross-sell-{path.product}", query.format, write)


@BLUEPRINT.get("/files/risk-queue", responses={"200": FILE})
def risk(query: RiskFile) -> Response:
    """The review queue."""
    asked = risk_queue.QueueAsked(int(query.severity) if query.severity else None, query.view, query.trigger, query.branch)
    return download("risk-queue", query.format, partial(export_list.export_risk, desk.desk().engine, desk.scope(), file_format=query.format, asked=asked))


@BLUEPRINT.get("/files/schemes/<code>/segments/<segment>", responses={"200": FILE})
def segment(path: SegmentPath, query: Form) -> Response:
    """The clients of one segment."""
    here = desk.desk()
    write = partial(segments_desk.export_members, here.settings, here.engine, desk.scope(), path.code, path.segment, file_format=query.format)
    return download(f"segment-{path.code}-{path.segment}", query.format, write)


@BLUEPRINT.get("/files/schemes/<code>/changes", responses={"200": FILE})
def changes(path: SchemePath, query: ChangesFile) -> Response:
    """Everybody who moved between two published dates."""
    here = desk.desk()
    found = segment_events.changes_page(
        here.settings, desk.read(), desk.scope(), path.code, opening=query.opening, closing=query.closing, segment=query.segment
    )
    desk.close_read()  # the file is written, and recorded, on a connection of its own
    write = partial(segment_events.export_changes, here.settings, here.engine, desk.scope(), found, file_format=query.format)
    return download(f"moves-{path.code}", query.format, write)


@BLUEPRINT.get("/files/places", responses={"200": FILE})
def places(query: PlacesFile) -> Response:
    """Clients by place."""
    here = desk.desk()
    return download("places", query.format, partial(geography.export_places, here.settings, here.engine, desk.scope(), query.level, file_format=query.format))


@BLUEPRINT.get("/files/birthdays", responses={"200": FILE})
def coming_birthdays(query: BirthdaysFile) -> Response:
    """Birthdays within so many days."""
    here = desk.desk()
    write = partial(birthdays.export_birthdays, here.settings, here.engine, desk.scope(), query.days, query.loyalty, file_format=query.format)
    return download("birthdays", query.format, write)


@BLUEPRINT.get("/files/pictured-clients", responses={"200": FILE})
def pictured(query: PicturedFile) -> Response:
    """The clients behind a number of a picture."""
    here = desk.desk()
    write = partial(client_list.export_clients, here.settings, here.engine, desk.scope(), query.inside, query.outside, file_format=query.format)
    return download("clients", query.format, write)


@BLUEPRINT.get("/files/studies/<int:study_id>", responses={"200": FILE})
def study(path: StudyPath, query: PlacedFile) -> Response:
    """The clients a study placed."""
    here = desk.desk()
    write = partial(study_pages.export_study, here.settings, here.engine, desk.scope(), path.study_id, query.group, file_format=query.format)
    return download(f"study-{path.study_id}-{query.group or 'all'}", query.format, write)


@BLUEPRINT.get("/files/adviser-proposals/<int:proposal_id>", responses={"200": FILE})
def advisers(path: ProposalPath, query: Form) -> Response:
    """The moves of an approved proposal, for the bank's system."""
    write = partial(adviser_proposals.export_moves, desk.desk().engine, desk.scope(), path.proposal_id, file_format=query.format)
    return download(f"advisers-{path.proposal_id}", query.format, write)


@BLUEPRINT.get("/files/audit", responses={"200": FILE})
def audit(query: TrailFile) -> Response:
    """The audit trail."""
    return download("audit", query.format, partial(audit_trail.export_audit, desk.desk().engine, desk.scope(), query.filter(), file_format=query.format))


@BLUEPRINT.get("/files/imports/<int:batch_id>/quarantine", responses={"200": CSV})
def quarantine(path: ImportPath) -> Response:
    """The refused rows of an import, with what was wrong in each."""
    here = desk.desk()
    return download(f"quarantine-{path.batch_id}", "csv", partial(import_page.export_quarantine, here.settings, here.engine, desk.scope(), path.batch_id))
