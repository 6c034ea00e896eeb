"""The list builder, the lists, and one list through its states."""

from functools import partial

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import InputError
from bankseg.domain.list_errors import ListStateError
from bankseg.services import list_builder, list_desk, list_exports, list_states
from bankseg.services.stamp import stamp
from bankseg.web import desk
from bankseg.web.arguments import day
from bankseg.web.downloads import download, file_format
from bankseg.web.lists.asked import asked_terms
from bankseg.web.lists.funnel import funnel_steps

BLUEPRINT = Blueprint("lists", __name__, url_prefix="/lists")


@BLUEPRINT.get("/")
def index() -> str:
    """The lists with their state."""
    run, rows = list_desk.lists_page(desk.read(), desk.scope())
    return render_template("lists/index.html", stamp=run, rows=rows)


@BLUEPRINT.get("/new")
def new() -> str:
    """The builder with its live count."""
    return _builder()


@BLUEPRINT.post("/new")
def keep() -> BaseResponse | tuple[str, int]:
    """Keep a list as a draft."""
    here, form = desk.desk(), request.form
    try:
        asked = asked_terms(form, (), list_builder.usual_control(desk.policy()), _currency())  # no read of the store before it is written
        number = list_states.keep_draft(here.settings, here.engine, desk.scope(), desk.policy(), form.get("name", ""), asked)
    except InputError as error:
        return _builder(error), error.status
    return redirect(url_for("lists.one", list_id=number), 303)


@BLUEPRINT.get("/<int:list_id>")
def one(list_id: int) -> str:
    """One list: funnel, arms, files, results."""
    return _one(list_id)


@BLUEPRINT.post("/<int:list_id>/freeze")
def freeze(list_id: int) -> BaseResponse | tuple[str, int]:
    """Write and seal the members."""
    here = desk.desk()
    try:
        list_states.freeze(here.settings, here.engine, desk.scope(), desk.policy(), list_id)
    except (ListStateError, InputError) as error:
        return _one(list_id, error), error.status
    return redirect(url_for("lists.one", list_id=list_id), 303)


@BLUEPRINT.post("/<int:list_id>/release")
def release(list_id: int) -> BaseResponse | tuple[str, int]:
    """Release a colleague's list."""
    form = request.form
    try:
        list_states.release(desk.desk().engine, desk.scope(), list_id, form.get("reason", ""), day("first contact", form.get("contact_on", "")))
    except (ListStateError, InputError) as error:
        return _one(list_id, error), error.status
    return redirect(url_for("lists.one", list_id=list_id), 303)


@BLUEPRINT.post("/<int:list_id>/close")
def close(list_id: int) -> BaseResponse:
    """End a list."""
    list_states.close(desk.desk().engine, desk.scope(), list_id)
    return redirect(url_for("lists.one", list_id=list_id), 303)


@BLUEPRINT.get("/<int:list_id>/export")
def export(list_id: int) -> Response:
    """Those to contact, as a file."""
    return _file(list_id, "list", list_exports.export_members)


@BLUEPRINT.get("/<int:list_id>/exclusions")
def exclusions(list_id: int) -> Response:
    """Those left out with the stage, as a file."""
    return _file(list_id, "exclusions", list_exports.export_exclusions)


def _file(list_id: int, name: str, write: list_exports.Writer) -> Response:
    asked, here = file_format(request.args.get("format", "csv")), desk.desk()
    return download(f"{name}-{list_id}", asked, partial(write, here.settings, here.engine, desk.scope(), list_id, file_format=asked))


def _builder(error: InputError | None = None) -> str:
    """The builder; terms that were refused are shown again beside why, and count nothing."""
    settings = desk.desk().settings
    choices = list_builder.choices(settings, desk.read(), desk.scope(), desk.policy())
    given = request.form if request.method == "POST" else request.args
    found = None
    try:
        found = list_builder.preview(
            settings, desk.read(), desk.scope(), desk.policy(), asked_terms(given, choices.products, choices.control_share, _currency())
        )
    except InputError as refused:
        error = error or refused
    steps = funnel_steps(found.funnel.document) if found else []
    run = stamp(desk.read())
    return render_template("lists/new.html", stamp=run, choices=choices, found=found, steps=steps, error=error, given=given, currency=_currency())


def _one(list_id: int, error: ListStateError | InputError | None = None) -> str:
    page = list_desk.list_page(desk.desk().settings, desk.read(), desk.scope(), list_id)
    return render_template(
        "lists/list.html", stamp=page.stamp, page=page, steps=funnel_steps(page.row.funnel), error=error, given=request.form, currency=page.row.manifest.get("currency", _currency())
    )  # fmt: skip


def _currency() -> str:
    return str(desk.policy().section("value")["currency"])
