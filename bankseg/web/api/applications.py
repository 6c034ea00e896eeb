"""The API of applications begun online and not ended."""

from functools import partial
from typing import Any

from flask import Response
from pydantic import Field

from bankseg.services import unfinished_applications
from bankseg.services.unfinished_applications import FIRST_DAYS, MOST_DAYS, REST_DAYS, SHOWN
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import FILE, page, part
from bankseg.web.api.files import Form
from bankseg.web.downloads import download

BLUEPRINT = part("applications_api", __name__, "lists")


class ApplicationsAsked(schemas.Asked):
    days: int = Field(default=FIRST_DAYS, gt=REST_DAYS, le=MOST_DAYS, description="Applications that were last touched within so many days")
    product: schemas.Code = Field(default="", description="Only applications for this product")


class ApplicationsFile(Form, ApplicationsAsked):
    """The applications."""


class Applications(schemas.Stamped):
    days: int
    product: str
    rows: list[dict[str, Any]] | None = Field(description=f"The latest {SHOWN}; null: digital events were never loaded")
    applications: int
    reachable: int = Field(description="Of them, those of clients who consented to a channel")
    kept_back: int = Field(description="Applications for credit of clients in risk review or vulnerable: they are proposed none")
    by_product: dict[str, int]


@BLUEPRINT.get("/applications", responses={"200": Applications})
def index(query: ApplicationsAsked) -> Response:
    """Applications that clients in your scope began online and let lie for more than two days."""
    found = unfinished_applications.applications_page(desk.desk().settings, desk.read(), desk.scope(), query.days, query.product)
    return page(found, "rows", rows=None if found.rows is None else found.rows[:SHOWN])


@BLUEPRINT.get("/files/applications", responses={"200": FILE})
def export(query: ApplicationsFile) -> Response:
    """The same as a file, all of them."""
    here = desk.desk()
    write = partial(unfinished_applications.export_applications, here.settings, here.engine, desk.scope(), query.days, query.product, file_format=query.format)
    return download("applications", query.format, write)
