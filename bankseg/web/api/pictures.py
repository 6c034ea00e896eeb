"""The API of the pictures: the same figures, scopes and masks as the pages."""

from typing import Annotated, Any

import orjson
from flask import Response
from pydantic import ConfigDict, Field, StringConstraints

from bankseg.services.scheme_pictures import (
    apart,
    birthdays,
    client_list,
    concentration,
    contribution,
    faithful,
    geography,
    groups,
    matrix,
    product_fit,
    rfm_grid,
    standing,
    strategy_grid,
    two_segments,
    whole_base,
)
from bankseg.services.stamp import stamp
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import part
from bankseg.web.api.picture_answers import answer, plain
from bankseg.web.api.segments import SchemePath
from bankseg.web.segments.names import value_name

BLUEPRINT = part("pictures_api", __name__, "pictures of segments")

Text = Annotated[str, StringConstraints(max_length=200)]
Spelled = Annotated[list[Text], Field(max_length=6)]


class Picture(schemas.Stamped):
    """A picture's figures; money in minor units, shares in [0, 1], null where there is no data."""

    model_config = ConfigDict(extra="allow")


class RfmAsked(schemas.Asked):
    monetary: Text = Field(default="turnover", description="turnover: sum of money in over a year; balance: mean balance")


class CutsAsked(schemas.Asked):
    g: int = Field(default=concentration.FIRST_LARGE_PCT, ge=1, le=100, description="Per cent of positive value that the large bring")
    m: int = Field(default=concentration.FIRST_MEDIUM_PCT, ge=1, le=100, description="Per cent that large and medium bring together")


class RiskLayerAsked(schemas.Asked):
    risk: Text = Field(default="", description="Only this risk band")


class MatrixAsked(schemas.Asked):
    rows: Text = Field(default="tier", description="An attribute, scheme:CODE, member:SCHEME:SEGMENT, fm, age_band, value_decile, top_interest or class:50:80")
    columns: Text = "activity"
    inside: Spelled = Field(default=[], description="Only clients of these cells, each axis/code")


class LevelAsked(schemas.Asked):
    level: Text = Field(default="", description="city, department, region or branch_id")


class FitAsked(schemas.Asked):
    scheme: Text = Field(default="", description="Code of a scheme; value_tiers unless said")


class TwoAsked(schemas.Asked):
    one: Text = Field(default="", description="scheme/segment")
    other: Text = ""


class GroupsAsked(schemas.Asked):
    figure: Text = Field(default="", description="holds:PRODUCT, sold:PRODUCT, p:TARGET, value, churn or complained")
    by: Text = Field(default="", description="An axis, as in the matrix")


class BirthdaysAsked(schemas.Asked):
    days: int = Field(default=birthdays.FIRST_DAYS, ge=0, le=birthdays.MOST_DAYS)
    loyalty: int = Field(default=0, ge=0, le=100, description="Least loyalty index")


class LoyalAsked(schemas.Asked):
    years: int = Field(default=0, ge=0, description="Years as a client, at least; 0 asks nothing")
    products: int = Field(default=0, ge=0)
    months: int = Field(default=0, ge=0, description="Months of the last twelve with money moved")
    recommends: int = Field(default=0, ge=0, description="Latest answer to the recommendation question, 0 to 10")
    index: int = Field(default=0, ge=0, description="Loyalty index")


class ListAsked(schemas.Asked):
    inside: Spelled = Field(default=[], description="axis/code each; an empty code means not known")
    outside: Spelled = Field(default=[], description="Not these")


@BLUEPRINT.get("/clients/<client_id>/rfm", responses={"200": Picture})
def client_rfm(path: schemas.ClientPath) -> Response:
    """One client's recency, frequency and amount, with both ways to tell the amount, its scores and the cut points of its kind."""
    found = rfm_grid.client_rfm(desk.desk().settings, desk.read(), desk.scope(), path.client_id)
    known = stamp(desk.read())
    return _json({"run_id": known.run_id, "as_of": known.as_of.isoformat(), **plain(found)})


@BLUEPRINT.get("/clients/<client_id>/segments", responses={"200": Picture})
def client_segments(path: schemas.ClientPath) -> Response:
    """One client's segment in every scheme you may read, its loyalty and its payer grade with evidence."""
    return _json(
        answer(standing.standing_page(desk.desk().settings, desk.read(), desk.scope(), path.client_id, language=desk.language(), value_name=value_name))
    )


@BLUEPRINT.get("/pictures/base", responses={"200": Picture})
def base() -> Response:
    """The whole base by every scheme, and how overlapping segments lie over each other."""
    return _json(answer(whole_base.whole_base_page(desk.desk().settings, desk.read(), desk.scope())))


@BLUEPRINT.get("/pictures/apart/<code>", responses={"200": Picture})
def portraits(path: SchemePath) -> Response:
    """What sets each segment of a scheme apart, with effect sizes, and what lies between the segments."""
    return _json(answer(apart.apart_page(desk.desk().settings, desk.read(), desk.scope(), path.code, value_name=value_name)))


@BLUEPRINT.get("/pictures/rfm", responses={"200": Picture})
def rfm(query: RfmAsked) -> Response:
    """The grid of recency against frequency and amount, and the frozen cut points."""
    return _json(answer(rfm_grid.rfm_page(desk.desk().settings, desk.read(), desk.scope(), query.monetary)))


@BLUEPRINT.get("/pictures/contribution", responses={"200": Picture})
def tiers() -> Response:
    """What the value of each tier is made of, the cuts, and the tenths."""
    return _json(answer(contribution.contribution_page(desk.desk().settings, desk.read(), desk.scope())))


@BLUEPRINT.get("/pictures/concentration", responses={"200": Picture})
def curve(query: CutsAsked) -> Response:
    """Small, medium and large clients at movable cut-offs, with the Lorenz curve and the Gini coefficient."""
    return _json(answer(concentration.concentration_page(desk.desk().settings, desk.read(), desk.scope(), query.g, query.m)))


@BLUEPRINT.get("/pictures/strategy", responses={"200": Picture})
def strategy(query: RiskLayerAsked) -> Response:
    """Tier against churn band, with the segment that gives each cell its playbook."""
    return _json(answer(strategy_grid.strategy_page(desk.desk().settings, desk.read(), desk.scope(), query.risk)))


@BLUEPRINT.get("/pictures/matrix", responses={"200": Picture})
def crossing(query: MatrixAsked) -> Response:
    """Any two ways to part the clients, crossed."""
    return _json(answer(matrix.matrix_page(desk.desk().settings, desk.read(), desk.scope(), query.rows, query.columns, query.inside)))


@BLUEPRINT.get("/pictures/places", responses={"200": Picture})
def places(query: LevelAsked) -> Response:
    """Clients by place with growth, value, products and opportunity."""
    return _json(answer(geography.geography_page(desk.desk().settings, desk.read(), desk.scope(), query.level)))


@BLUEPRINT.get("/pictures/fit", responses={"200": Picture})
def fit(query: FitAsked) -> Response:
    """Each segment's products: how many hold them, the propensity expected, the gap, and what holders complain of and answer."""
    return _json(answer(product_fit.product_fit_page(desk.desk().settings, desk.read(), desk.scope(), query.scheme)))


@BLUEPRINT.get("/pictures/two", responses={"200": Picture})
def two(query: TwoAsked) -> Response:
    """Two segments of any schemes: their overlap and what tells them apart."""
    return _json(answer(two_segments.two_segments_page(desk.desk().settings, desk.read(), desk.scope(), query.one, query.other, value_name=value_name)))


@BLUEPRINT.get("/pictures/groups", responses={"200": Picture})
def comparison(query: GroupsAsked) -> Response:
    """One figure across groups, with intervals and Holm-corrected p-values."""
    return _json(answer(groups.groups_page(desk.desk().settings, desk.read(), desk.scope(), query.figure, query.by)))


@BLUEPRINT.get("/pictures/birthdays", responses={"200": Picture})
def coming_birthdays(query: BirthdaysAsked) -> Response:
    """Birthdays within so many days; the first 200."""
    return _json(answer(birthdays.birthdays_page(desk.desk().settings, desk.read(), desk.scope(), query.days, query.loyalty)))


@BLUEPRINT.get("/pictures/loyal", responses={"200": Picture})
def loyal(query: LoyalAsked) -> Response:
    """Active clients who reach your own measures of loyalty: how many, the first 200, and the same as a scheme to save."""
    return _json(answer(faithful.faithful_page(desk.desk().settings, desk.read(), desk.scope(), query.model_dump())))


@BLUEPRINT.get("/pictures/clients", responses={"200": Picture})
def listed(query: ListAsked) -> Response:
    """The clients behind a number: the first 200, and how many there are."""
    return _json(answer(client_list.list_page(desk.desk().settings, desk.read(), desk.scope(), query.inside, query.outside)))


def _json(document: dict[str, Any]) -> Response:
    return Response(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), mimetype="application/json")
