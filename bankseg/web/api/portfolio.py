"""The API of a portfolio: whom to call today, the overview, and the views a person keeps of the list."""

from typing import Annotated, Any

from flask import Response, url_for
from pydantic import BaseModel, Field, StringConstraints

from bankseg.domain.errors import NotFoundError
from bankseg.services import portfolio, saved_views
from bankseg.services.client_page import parsed
from bankseg.services.portfolio import Worklist
from bankseg.services.portfolio_overview import portfolio_overview
from bankseg.services.what_changed import mark_seen, what_changed
from bankseg.storage.saved_view import SavedView
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import created, document, page, part
from bankseg.web.api.unchanged import expected, tagged

BLUEPRINT = part("views_api", __name__, "portfolio")

Rows = list[dict[str, Any]]


class DayAsked(schemas.Asked):
    calls: int | None = Field(default=None, ge=1, le=portfolio.LARGEST_PAGE, description="How many calls the day holds; null: as the policy says")


class Day(schemas.Stamped):
    promised: Rows = Field(description="Calls promised for today or before")
    calls: Rows = Field(description="The largest expected losses, as many as the day holds")
    room: int
    care: Rows = Field(description="What is under care, by currency")
    tiers: dict[str, int]
    changed: dict[str, Any] | None = Field(description="Since you last looked; null: nothing to compare with, or seen already")


class Overview(schemas.Stamped):
    totals: Rows
    tiers: Rows
    moves: dict[str, Any] | None = Field(description="Tiers between the last two published runs; null before the second one")


class View(BaseModel):
    id: int
    name: str
    query: str = Field(description="Query string of the list of clients")
    saved_at: float


class Views(BaseModel):
    views: list[View]


class NewView(schemas.Asked):
    name: Annotated[str, StringConstraints(min_length=1, max_length=saved_views.LONGEST_NAME, pattern=schemas.NOT_BLANK)]
    query: Annotated[str, StringConstraints(max_length=saved_views.LONGEST_QUERY)] = Field(default="", description="Query string of the list of clients")


class ViewPath(BaseModel):
    view_id: schemas.Number


@BLUEPRINT.get("/my-day", responses={"200": Day})
def my_day(query: DayAsked) -> Response:
    """Whom to call today."""
    policy = desk.policy().section("worklist")
    day = portfolio.my_day(desk.read(), desk.scope(), Worklist(query.calls or int(policy["calls_a_day"]), int(policy["quiet_days"])))
    told = {"promised": [parsed(row) for row in day.promised], "calls": [parsed(row) for row in day.calls]}
    return page(day, changed=what_changed(desk.read(), desk.scope()), **told)


@BLUEPRINT.post("/my-day/seen", responses={"204": None})
def seen() -> Response:
    """Remember that what changed was seen."""
    mark_seen(desk.desk().engine, desk.scope())
    return Response(status=204)


@BLUEPRINT.get("/portfolio", responses={"200": Overview})
def overview() -> Response:
    """Value, tiers, deposits at risk, and who moved."""
    return page(portfolio_overview(desk.read(), desk.scope()))


@BLUEPRINT.get("/views", responses={"200": Views})
def views() -> Response:
    """Your views of the list, by name."""
    return document({"views": [_told(row) for row in saved_views.views_of(desk.read(), desk.scope())]})


@BLUEPRINT.post("/views", responses={"201": View})
def keep(body: NewView) -> Response:
    """Keep a view; the same name again replaces it."""
    row = saved_views.save(desk.desk().engine, desk.scope(), body.name, body.query)
    return tagged(created(_told(row), url_for("views_api.view", view_id=row.id)), saved_views.tag(row))


@BLUEPRINT.get("/views/<int:view_id>", responses={"200": View})
def view(path: ViewPath) -> Response:
    """One view."""
    row = next((row for row in saved_views.views_of(desk.read(), desk.scope()) if row.id == path.view_id), None)
    if row is None:
        raise NotFoundError("nothing here")
    return tagged(document(_told(row)), saved_views.tag(row))


@BLUEPRINT.put("/views/<int:view_id>", responses={"200": View})
def change(path: ViewPath, body: NewView) -> Response:
    """Change a view."""
    row = saved_views.change(desk.desk().engine, desk.scope(), path.view_id, body.name, body.query, expected())
    return tagged(document(_told(row)), saved_views.tag(row))


@BLUEPRINT.delete("/views/<int:view_id>", responses={"204": None})
def delete(path: ViewPath) -> Response:
    """Delete a view."""
    saved_views.delete(desk.desk().engine, desk.scope(), path.view_id, expected())
    return Response(status=204)


def _told(row: SavedView) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "query": row.query, "saved_at": row.saved_at}
