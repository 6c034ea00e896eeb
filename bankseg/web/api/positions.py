"""The API of positions: product lines by segments, and the note of each cell."""

from typing import Annotated, Any

from flask import Response
from pydantic import Field, StringConstraints

from bankseg.domain.position_notes import MOST_CHARACTERS, NotePlace, Position
from bankseg.services import position_notes
from bankseg.services.scheme_pictures.positions import positions_page
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import page, part, stamped
from bankseg.web.api.segments import Name, SegmentPath
from bankseg.web.api.unchanged import expected, tagged

BLUEPRINT = part("positions_api", __name__, "pictures of segments")


class CellPath(SegmentPath):
    product: Name

    @property
    def place(self) -> NotePlace:
        """What the note is about."""
        return NotePlace(self.code, self.segment, self.product)


class GridAsked(schemas.Asked):
    scheme: schemas.Code = Field(default="", description="Code of a scheme; kinds unless said")
    since: schemas.Day | None = Field(default=None, description="An earlier published date; null: the latest a year before or more, else the earliest")


class Grid(schemas.Stamped):
    entry: dict[str, Any] = Field(description="Code and version of the scheme")
    currency: str
    segments: dict[str, int] = Field(description="Active clients of each segment that has any, now or before")
    clients: int
    lines: list[dict[str, Any]] = Field(
        description="Each product in every segment and in the whole base. contribution_minor: what the valued holders brought in twelve months with all of their products, "
        "minor units; no margin of the product. null: no data, or fewer than least_clients"
    )
    since: str = Field(description="Day growth is told from; empty: no earlier date was published")
    is_comparable: bool = Field(description="Whether the run of that day knows what the scheme reads")
    dates: list[str]
    least_clients: int


class Note(schemas.Asked):
    position: Position
    text: Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)] = Field(default="", description="No personal data")


class Notes(schemas.Stamped):
    scheme: str
    segment: str
    product: str
    version: int = Field(description="Of what stands; 0: nothing was written yet")
    notes: list[dict[str, Any]] = Field(description="Every version, latest first, with author and instant")


@BLUEPRINT.get("/pictures/positions", responses={"200": Grid})
def grid(query: GridAsked) -> Response:
    """Product lines by segments: holders, what they bring in twelve months, the growth of their number since an earlier date, and the position noted."""
    return page(positions_page(desk.desk().settings, desk.read(), desk.scope(), query.scheme, query.since))


@BLUEPRINT.get("/schemes/<code>/positions/<segment>/<product>", responses={"200": Notes})
def note(path: CellPath) -> Response:
    """The position noted of a product in a segment, with its earlier versions."""
    return _note(path)


@BLUEPRINT.put("/schemes/<code>/positions/<segment>/<product>", responses={"200": Notes})
def save(path: CellPath, body: Note) -> Response:
    """Save the next version of a note; the same again is the same version."""
    here = desk.desk()
    position_notes.save_note(here.settings, here.engine, desk.scope(), path.place, body.model_dump(), expected())
    return _note(path)


def _note(path: CellPath) -> Response:
    found = position_notes.note_page(desk.desk().settings, desk.read(), desk.scope(), path.place)
    told = {"scheme": path.code, "segment": path.segment, "product": path.product, "version": found.latest.version, "notes": found.notes}
    return tagged(stamped(found.stamp, told), position_notes.tag(found.latest.version))
