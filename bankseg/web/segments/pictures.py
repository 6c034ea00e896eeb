"""The pictures of segmentation: each number on them is a link to its clients."""

from collections.abc import Sequence
from functools import partial
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request, url_for

from bankseg.domain.errors import InputError
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
from bankseg.services.scheme_pictures.axes import Axis, Chosen
from bankseg.services.scheme_pictures.described import DESCRIBED
from bankseg.services.scheme_pictures.groups import Figure
from bankseg.services.scheme_pictures.matrix import OTHERS
from bankseg.web import desk
from bankseg.web.downloads import download, file_format
from bankseg.web.segments.drawing import interval_shapes, lorenz_shape
from bankseg.web.segments.names import code_name, figure_name, value_name

BLUEPRINT = Blueprint("pictures", __name__, url_prefix="/segments")
FIRST_AXES = {"rows": "scheme:loyalty", "columns": "scheme:volume"}


@BLUEPRINT.get("/pictures")
def base() -> str:
    """The whole base by every scheme."""
    return _shown("base", whole_base.whole_base_page(desk.desk().settings, desk.read(), desk.scope()))


@BLUEPRINT.get("/apart/<code>")
def portraits(code: str) -> str:
    """What sets each segment of a scheme apart; a part of a page when a page asks for it."""
    page = apart.apart_page(desk.desk().settings, desk.read(), desk.scope(), code, value_name=value_name)
    return _shown("portraits" if request.headers.get("HX-Request") else "apart", page, DESCRIBED=DESCRIBED)


@BLUEPRINT.get("/rfm")
def rfm() -> str:
    """The grid of recency against frequency and amount."""
    return _shown("rfm", rfm_grid.rfm_page(desk.desk().settings, desk.read(), desk.scope(), request.args.get("monetary", "turnover")))


@BLUEPRINT.get("/contribution")
def tiers() -> str:
    """What the value of each tier is made of."""
    return _shown("contribution", contribution.contribution_page(desk.desk().settings, desk.read(), desk.scope()))


@BLUEPRINT.get("/concentration")
def curve() -> str:
    """Small, medium and large clients with movable cut-offs."""
    large, medium = asked_number("g", concentration.FIRST_LARGE_PCT), asked_number("m", concentration.FIRST_MEDIUM_PCT)
    page = concentration.concentration_page(desk.desk().settings, desk.read(), desk.scope(), large, medium)
    return _shown("concentration", page, shapes={told.kind: lorenz_shape(told) for told in page.kinds})


@BLUEPRINT.get("/strategy")
def strategy() -> str:
    """Value, churn and risk, with the playbook of every cell."""
    return _shown("strategy", strategy_grid.strategy_page(desk.desk().settings, desk.read(), desk.scope(), request.args.get("risk", "")))


@BLUEPRINT.get("/matrix")
def crossing() -> str:
    """Any two ways to part the clients."""
    rows, columns = (request.args.get(name) or first for name, first in FIRST_AXES.items())
    return _shown("matrix", matrix.matrix_page(desk.desk().settings, desk.read(), desk.scope(), rows, columns, request.args.getlist("in")))


@BLUEPRINT.get("/fit")
def fit() -> str:
    """Products beside what segments want."""
    return _shown("fit", product_fit.product_fit_page(desk.desk().settings, desk.read(), desk.scope(), request.args.get("scheme", "")))


@BLUEPRINT.get("/places")
def places() -> str:
    """Clients by city, department, region or branch."""
    return _shown("places", geography.geography_page(desk.desk().settings, desk.read(), desk.scope(), request.args.get("level", "")))


@BLUEPRINT.get("/places/export")
def export_places() -> Response:
    """The same as a file."""
    asked = file_format(request.args.get("format", "csv"))
    write = partial(geography.export_places, desk.desk().settings, desk.desk().engine, desk.scope(), request.args.get("level", ""), file_format=asked)
    return download("places", asked, write)


@BLUEPRINT.get("/two")
def two() -> str:
    """Two segments laid over each other."""
    page = two_segments.two_segments_page(
        desk.desk().settings, desk.read(), desk.scope(), request.args.get("one", ""), request.args.get("other", ""), value_name=value_name
    )
    return _shown("two", page)


@BLUEPRINT.get("/groups")
def comparison() -> str:
    """One figure across groups."""
    page = groups.groups_page(desk.desk().settings, desk.read(), desk.scope(), request.args.get("figure", ""), request.args.get("by", ""))
    return _shown("groups", page, shapes=interval_shapes(page.groups))


@BLUEPRINT.get("/birthdays")
def coming_birthdays() -> str:
    """Birthdays within so many days."""
    return _shown("birthdays", birthdays.birthdays_page(desk.desk().settings, desk.read(), desk.scope(), *_asked_birthdays()))


@BLUEPRINT.get("/birthdays/export")
def export_birthdays() -> Response:
    """The same as a file."""
    asked = file_format(request.args.get("format", "csv"))
    write = partial(birthdays.export_birthdays, desk.desk().settings, desk.desk().engine, desk.scope(), *_asked_birthdays(), file_format=asked)
    return download("birthdays", asked, write)


@BLUEPRINT.get("/loyal")
def loyal() -> str:
    """Loyal clients by the measures in the address."""
    asked = {name: asked_number(name, first) for name, (_, first, _) in faithful.MEASURES.items()}
    page = faithful.faithful_page(desk.desk().settings, desk.read(), desk.scope(), asked)
    return _shown("faithful", page, most={name: most for name, (_, _, most) in faithful.MEASURES.items()})


@BLUEPRINT.get("/standing/<client_id>")
def client(client_id: str) -> str:
    """Where one client stands in every scheme."""
    page = standing.standing_page(desk.desk().settings, desk.read(), desk.scope(), client_id, language=desk.language(), value_name=value_name)
    return _shown("standing", page)


@BLUEPRINT.get("/listed")
def listed() -> str:
    """The clients behind a number."""
    page = client_list.list_page(desk.desk().settings, desk.read(), desk.scope(), request.args.getlist("in"), request.args.getlist("out"))
    return _shown("listed", page)


@BLUEPRINT.get("/listed/export")
def export() -> Response:
    """The same as a file."""
    asked = file_format(request.args.get("format", "csv"))
    inside, outside = request.args.getlist("in"), request.args.getlist("out")
    write = partial(client_list.export_clients, desk.desk().settings, desk.desk().engine, desk.scope(), inside, outside, file_format=asked)
    return download("clients", asked, write)


def asked_number(name: str, first: int) -> int:
    """A whole number in the address, the first one when there is none."""
    text = request.args.get(name, "")
    if not text:
        return first
    try:
        return int(text)
    except ValueError as error:
        raise InputError(f"{name} {text[:20]!r}", "a whole number", "write one") from error


def _asked_birthdays() -> tuple[int, int]:
    return asked_number("days", birthdays.FIRST_DAYS), asked_number("loyalty", 0)


def _shown(name: str, page: object, **more: object) -> str:
    return render_template(
        f"segments/pictures_{name}.html", page=page, code_name=_code_name, figure_name=_figure_name, clients_of=clients_of, OTHERS=OTHERS, **more
    )


def _code_name(axis: Axis, code: str | None) -> str:
    return code_name(axis, code, desk.language())


def _figure_name(figure: Figure) -> str:
    return figure_name(figure, desk.language())


def clients_of(*inside: tuple[str, str | None], narrowed: Sequence[Chosen] = (), outside: Sequence[tuple[str, str | None]] = ()) -> str:
    """Address of the clients who meet conditions, each an axis and a code."""
    spelled = [*(one.spelled for one in narrowed), *(f"{axis}/{code or ''}" for axis, code in inside)]
    query = urlencode([*(("in", text) for text in spelled), *(("out", f"{axis}/{code or ''}") for axis, code in outside)])
    return f"{url_for('pictures.listed')}?{query}" if query else url_for("pictures.listed")
