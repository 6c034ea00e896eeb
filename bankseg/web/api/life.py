"""The API of segments in time: scorecards, moves between dates, memberships kept and the outbox of entries and exits."""

from dataclasses import asdict
from typing import Annotated, Any

import orjson
from flask import Response
from pydantic import BaseModel, Field, StringConstraints

from bankseg.services import scheme_life, segment_events, segment_history, segments_desk
from bankseg.services.scheme_validity import validity
from bankseg.services.stamp import Stamp, stamp
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import document, part
from bankseg.web.api.segments import SchemePath

BLUEPRINT = part("life_api", __name__, "segments in time")


class PlacePath(BaseModel):
    what: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(
        description="tier, segment, churn_band, activity, pmg, or the code of an exclusive scheme"
    )


class Dates(schemas.Asked):
    opening: schemas.Day | None = Field(default=None, description="Default: the last published before the closing date")
    closing: schemas.Day | None = Field(default=None, description="Default: the last published")


class ChangesQuery(Dates):
    segment: str = Field(default="", max_length=100)


class EventsQuery(schemas.Asked):
    after: int = Field(default=0, ge=0, le=2**53, description="The id of the last event you have")
    limit: int = Field(default=100, ge=1, le=segment_events.LARGEST_PAGE)
    scheme: str = Field(default="", max_length=100)


class VersionAsked(schemas.Asked):
    version: schemas.Number | None = Field(default=None, description="Null: the version in use")


class Scorecards(schemas.Stamped):
    scheme: str
    version: int
    state: str
    earlier_on: str | None = Field(default=None, description="Date whose membership stability is measured against; null: no membership a month earlier")
    blocking: list[list[str]] = Field(description="Segment and criterion of every red line that blocks publishing")
    segments: list[dict[str, Any]]


class Moves(schemas.Stamped):
    what: str
    opening_as_of: str
    closing_as_of: str
    matrix: list[dict[str, Any]]
    shares: dict[str, dict[str, float]] = Field(description="Where the clients of each opening place went; rows sum to 1")
    books: list[dict[str, Any]] = Field(description="opening + entered + arrived - departed - left + revalued = closing, in clients and minor units")
    share_drift: dict[str, dict[str, Any]]
    attribute_drift: list[dict[str, Any]]
    drifted: str


class SegmentChanges(schemas.Stamped):
    scheme: str
    version: int
    opening_as_of: str
    closing_as_of: str
    books: list[dict[str, Any]]
    moved: int
    rows: list[dict[str, Any]] = Field(description="The first 200 by number")


class Memberships(schemas.Stamped):
    scheme: str
    version: int
    cadence: str
    memberships: list[dict[str, Any]]


class Events(schemas.Stamped):
    events: list[dict[str, Any]]
    next_after: int | None = Field(default=None, description="Pass it as after for the next page; null: nothing newer")


class Kept(BaseModel):
    membership: dict[str, Any]


@BLUEPRINT.get("/schemes/<code>/validity", responses={"200": Scorecards})
def scorecard(path: SchemePath, query: VersionAsked) -> Response:
    """The scorecard of every segment of the version in use."""
    found = validity(desk.desk().settings, desk.read(), desk.scope(), path.code, query.version)
    earlier = found.earlier_on.isoformat() if found.earlier_on else None
    told = {"scheme": path.code, "version": found.entry.version, "state": found.entry.state, "earlier_on": earlier}
    return _json(segments_desk.stamp_of(found.roll), {**told, "blocking": [list(pair) for pair in found.blocking], "segments": found.document()})


@BLUEPRINT.get("/migration/<what>", responses={"200": Moves})
def migration(path: PlacePath, query: Dates) -> Response:
    """Who moved between two published dates, to the cent."""
    found = segment_history.migration(desk.desk().settings, desk.read(), desk.scope(), path.what, query.opening, query.closing)
    document = {
        "what": found.what, "opening_as_of": found.opening.run.as_of, "closing_as_of": found.closing.run.as_of, "matrix": found.matrix, "shares": found.shares,
        "books": [asdict(one) for one in found.books], "share_drift": {place: asdict(one) for place, one in found.share_drift.items()},
        "attribute_drift": [{"attribute": one.attribute, **asdict(one.drift)} for one in found.attribute_drift], "drifted": found.drifted,
    }  # fmt: skip
    return _json(segments_desk.stamp_of(found.closing), document)


@BLUEPRINT.get("/schemes/<code>/changes", responses={"200": SegmentChanges})
def changes(path: SchemePath, query: ChangesQuery) -> Response:
    """Entries and exits between two published dates."""
    found = segment_events.changes_page(
        desk.desk().settings, desk.read(), desk.scope(), path.code, opening=query.opening, closing=query.closing, segment=query.segment
    )
    dates = {"opening_as_of": found.opening.as_of.isoformat(), "closing_as_of": found.closing.as_of.isoformat()}
    told = {"scheme": path.code, "version": found.entry.version, **dates, "books": found.books, "moved": found.moved, "rows": found.rows}
    return _json(found.stamp, told)


@BLUEPRINT.get("/schemes/<code>/memberships", responses={"200": Memberships})
def memberships(path: SchemePath) -> Response:
    """Memberships kept, with the fingerprint of each file."""
    found = scheme_life.life_page(desk.desk().settings, desk.read(), desk.scope(), path.code)
    rows = [row.model_dump(exclude={"id", "code"}) for row in found.kept]
    return _json(found.stamp, {"scheme": path.code, "version": found.entry.version, "cadence": found.cadence, "memberships": rows})


@BLUEPRINT.post("/schemes/<code>/memberships", responses={"200": Kept})
def keep(path: SchemePath) -> Response:
    """Keep the membership of the published run now, whatever the cadence."""
    row = scheme_life.keep_now(desk.desk().settings, desk.desk().engine, desk.scope(), path.code)
    return document({"membership": row.model_dump(exclude={"id", "code"})})


@BLUEPRINT.get("/segment-events", responses={"200": Events})
def events(query: EventsQuery) -> Response:
    """The outbox: moves of published schemes in the order they were written, of the clients in your scope."""
    run = stamp(desk.read())
    rows = segment_events.outbox(desk.desk().settings, desk.read(), desk.scope(), after=query.after, limit=query.limit, code=query.scheme)
    return _json(run, {"events": rows, "next_after": rows[-1]["id"] if len(rows) == query.limit else None})


def _json(run: Stamp, document: dict[str, Any]) -> Response:
    return Response(
        orjson.dumps({"run_id": run.run_id, "as_of": run.as_of.isoformat(), **document}, option=orjson.OPT_SERIALIZE_NUMPY), mimetype="application/json"
    )
