"""The API of what stands behind a client's page: activity, ties, past, and the movements behind a number."""

from datetime import date
from typing import Annotated, Any

from flask import Response
from pydantic import Field, StringConstraints

from bankseg.domain.errors import InputError
from bankseg.services import client_activity, client_movements, client_past, client_ties
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import page, part

BLUEPRINT = part("client_parts_api", __name__, "clients")

Rows = list[dict[str, Any]]


class ActivityAsked(schemas.Asked):
    kind: schemas.Code = Field(default="", description="Only events of this kind, one of `kinds`")


class Activity(schemas.Stamped):
    holdings: Rows = Field(description="Contracts, open ones first; amounts are null for roles that see no balance")
    events: Rows = Field(description="Of a year, newest first")
    kinds: dict[str, int]
    lacks: list[str] = Field(description="Extracts that were never loaded")


class Ties(schemas.Stamped):
    reachability: Rows
    consents: Rows
    interactions: Rows
    answers: Rows
    offers: Rows
    household: dict[str, Any] | None = Field(description="Members in your scope; null: none is known")
    lacks: list[str]


class Past(schemas.Stamped):
    runs: Rows = Field(description="The client in every published run, oldest first")
    propensities: dict[str, list[Any]] = Field(description="By target, pairs of a date and a probability")
    ratings: Rows
    moves: dict[str, Any] = Field(description="The latest move of each scheme")
    decisions: Rows


class MovementsAsked(schemas.Asked):
    month: Annotated[str, StringConstraints(pattern=r"^(|(19|20)\d\d-(0[1-9]|1[0-2]))$")] = Field(
        default="", description="Such as 2025-12; empty: the last one"
    )
    first_on: schemas.Day | None = Field(default=None, description="With last_on, instead of a month")
    last_on: schemas.Day | None = None
    after: str = Field(default="", max_length=600, description="`next_after` of the page before")


class Movements(schemas.Stamped):
    first_on: str
    last_on: str
    rows: Rows = Field(description="Newest first")
    sums: dict[str, int] | None = Field(description="Of all the days, not of the page; null: transactions were never loaded")
    next_after: str | None
    earlier: str = Field(description="The month before")
    later: str | None


@BLUEPRINT.get("/clients/<client_id>/activity", responses={"200": Activity})
def activity(path: schemas.ClientPath, query: ActivityAsked) -> Response:
    """What the client holds, and what happened over a year."""
    return page(client_activity.activity_page(desk.desk().settings, desk.read(), desk.scope(), path.client_id, query.kind), "client")


@BLUEPRINT.get("/clients/<client_id>/ties", responses={"200": Ties})
def ties(path: schemas.ClientPath) -> Response:
    """How the client is tied to the bank: consents, contacts, household, satisfaction, offers."""
    return page(client_ties.ties_page(desk.desk().settings, desk.read(), desk.scope(), path.client_id), "client")


@BLUEPRINT.get("/clients/<client_id>/past", responses={"200": Past})
def past(path: schemas.ClientPath) -> Response:
    """The client across the published runs."""
    return page(client_past.past_page(desk.desk().settings, desk.read(), desk.scope(), path.client_id), "client")


@BLUEPRINT.get("/clients/<client_id>/movements", responses={"200": Movements})
def movements(path: schemas.ClientPath, query: MovementsAsked) -> Response:
    """The client's movements of a month or of some days, a page at a time."""
    found = client_movements.movements_page(desk.desk().settings, desk.read(), desk.scope(), path.client_id, _days(query), query.after)
    return page(found, "client")


def _days(query: MovementsAsked) -> tuple[date, date] | None:
    if (query.first_on is None) != (query.last_on is None):
        raise InputError("one of first_on and last_on", "both, or neither", "give both days, or a month")
    if query.first_on is not None and query.last_on is not None:
        return query.first_on, query.last_on
    return client_movements.days_of_month(query.month) if query.month else None
