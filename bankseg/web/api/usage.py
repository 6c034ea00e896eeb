"""The API of how one client uses the bank."""

from typing import Any

from flask import Response
from pydantic import Field

from bankseg.services import client_usage
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import page, part

BLUEPRINT = part("usage_api", __name__, "clients")


class Usage(schemas.Stamped):
    months: list[dict[str, Any]] = Field(description="Twelve, oldest first; amounts are null for roles that see no balance")
    trend: float | None = Field(description="Movements gained or lost a month over the last six; null: not known")
    payday: int | None = Field(description="Usual day of the month of a salary or pension")
    rhythm: dict[str, Any] | None = Field(description="Gaps between active days and mean tickets of 3, 6 and 12 months; null: movements were never loaded")
    channels: dict[str, int]
    interests: dict[str, float] = Field(description="The five largest shares of card spending by kind of shop")
    benefits: list[dict[str, Any]] = Field(description="What the client looks for, with the signs; is_sought null: no data")
    sessions: dict[str, int] | None = Field(description="Sign-ins of 30, 90 and 365 days; null: no data, or refused")
    devices: dict[str, int]
    pages: list[dict[str, Any]]
    refuses_browsing: bool
    lacks: list[str] = Field(description="Extracts that were never loaded")


@BLUEPRINT.get("/clients/<client_id>/usage", responses={"200": Usage})
def client(path: schemas.ClientPath) -> Response:
    """How the client uses the bank: months, rhythm, channels, interests, benefits sought, devices and pages."""
    return page(client_usage.usage_page(desk.desk().settings, desk.read(), desk.scope(), path.client_id), "client")
