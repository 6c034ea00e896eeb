"""Studies: top-down trees, bottom-up clusters and lookalikes, asked for on a form, done by a worker, and saved as schemes."""

from functools import partial
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import InputError
from bankseg.domain.rule_words import FORMS
from bankseg.services import lifetime_page, segment_studies, segments_desk, study_pages
from bankseg.services.study_inputs import Goal
from bankseg.web import desk, formats, i18n
from bankseg.web.downloads import download, file_format
from bankseg.web.segments.names import value_name
from bankseg.web.studies.pictures import TreePicture, scatter, tree_picture

BLUEPRINT = Blueprint("studies", __name__, url_prefix="/segments/studies")
NUMBERS = ("depth", "least_clients", "leaves", "k")


@BLUEPRINT.get("/")
def index() -> str:
    """The kinds of study and those that were made."""
    return render_template("studies/index.html", page=study_pages.studies_page(desk.desk().settings, desk.read(), desk.scope()))


@BLUEPRINT.get("/lifetime-value")
def lifetime() -> str:
    """Lifetime value of the published run, with its back-test."""
    return render_template("studies/lifetime.html", page=lifetime_page.lifetime_page(desk.desk().settings, desk.read(), desk.scope()))


@BLUEPRINT.post("/lifetime-value")
def check() -> BaseResponse:
    """Ask for the back-test of the published run's lifetime value."""
    segment_studies.ask_for_study(desk.desk().settings, desk.desk().engine, desk.scope(), "lifetime", {})
    return redirect(url_for("studies.lifetime"), 303)


@BLUEPRINT.get("/new/<kind>")
def new(kind: str) -> str:
    """The form of a new study."""
    page = study_pages.new_study_page(desk.desk().settings, desk.read(), desk.scope(), kind, request.args.get("goal", ""))
    seed = (request.args.get("scheme", "value_tiers"), request.args.get("segment", "platinum"))
    return render_template("studies/new.html", page=page, goal=request.args.get("goal", "value"), seed=seed)


@BLUEPRINT.post("/new/<kind>")
def ask(kind: str) -> BaseResponse:
    """Ask for a study; the page of the study tells how far it is."""
    asked: dict[str, Any] = {name: request.form[name] for name in ("goal", "method", "among") if request.form.get(name)}
    asked |= {name: _number(name, request.form[name]) for name in NUMBERS if request.form.get(name)}
    scheme, _, segment = request.form.get("seed", "").partition("/")
    if scheme:
        asked |= {"scheme": scheme, "segment": segment}
    asked["attributes"] = request.form.getlist("attributes")
    number = segment_studies.ask_for_study(desk.desk().settings, desk.desk().engine, desk.scope(), kind, asked)
    return redirect(url_for("studies.study", study_id=number), 303)


@BLUEPRINT.get("/<int:study_id>")
def study(study_id: int) -> str:
    """One study: its progress, or what it found."""
    page = study_pages.study_page(desk.desk().settings, desk.read(), desk.scope(), study_id, language=desk.language(), value_name=_value_name)
    clients, group = None, request.args.get("group", "")
    if page.asked.state == "done" and page.study.rows_sha256:
        clients = study_pages.study_clients(desk.desk().settings, desk.read(), desk.scope(), study_id, group)
    tree = _tree(page) if page.study.kind == "tree" and page.asked.state == "done" else None
    points = scatter(page.study.result["picture"]["points"]) if page.study.kind == "clusters" and page.asked.state == "done" else None
    return render_template("studies/study.html", page=page, tree=tree, points=points, clients=clients, group=group)


@BLUEPRINT.get("/<int:study_id>/scheme")
def scheme(study_id: int) -> str:
    """The designer, filled with the scheme the study proposes."""
    text = study_pages.scheme_text(desk.desk().settings, desk.read(), desk.scope(), study_id)
    page = segments_desk.designer_page(desk.desk().settings, desk.read(), desk.scope(), "")
    return render_template("segments/designer.html", page=page, text=text)


@BLUEPRINT.get("/<int:study_id>/export")
def export(study_id: int) -> Response:
    """The clients a study placed, as a file."""
    asked = file_format(request.args.get("format", "csv"))
    group = request.args.get("group", "")
    write = partial(study_pages.export_study, desk.desk().settings, desk.desk().engine, desk.scope(), study_id, group, file_format=asked)
    return download(f"study-{study_id}-{group or 'all'}", asked, write)


def _tree(page: study_pages.StudyPage) -> TreePicture:
    result, goal = page.study.result, page.goal
    leaves = [
        (f"{place}. {_goal_value(goal, leaf['grown']['value'], page.currency)}", _size_line(leaf), leaf["lift"])
        for place, leaf in enumerate(result["leaves"], start=1)
    ]
    words = i18n.words("yes", desk.language()), i18n.words("no", desk.language())
    return tree_picture(result["branches"], leaves, partial(_question, page), words)


def _size_line(leaf: dict[str, Any]) -> str:
    clients = i18n.words("{n} clients", desk.language(), n=formats.number(leaf["clients"], desk.language()))
    lift = f" · × {formats.number(round(leaf['lift'], 2), desk.language())}" if leaf["lift"] is not None else ""
    return f"{clients}{lift}"


def _goal_value(goal: Goal | None, value: float, currency: str) -> str:
    if goal is not None and goal.is_money:
        return formats.money(round(value), currency, desk.language())
    return formats.share(value, desk.language())


def _question(page: study_pages.StudyPage, branch: dict[str, Any]) -> str:
    name = branch["attribute"]
    label = page.labels[name].label(desk.language()) if name in page.labels else name.replace("_", " ")
    if "level" in branch:
        if isinstance(branch["level"], bool):
            return f"{label} ?"
        return f"{label} = {_value_name(name, branch['level'], desk.language())}"
    if branch["cut"] is None:
        return FORMS[desk.language()]["known"].format(label)
    return f"{label} ≤ {_value_name(name, branch['cut'], desk.language())}"


def _value_name(attribute: str, value: Any, language: str) -> str:  # a value of any type
    """A value in the words of the desks, amounts of money in currency units."""
    if "_minor" in attribute and isinstance(value, int | float) and not isinstance(value, bool):
        return formats.money(round(value), study_pages.book_currency(desk.read()), language)
    return value_name(attribute, value, language)


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InputError(f"{name} {text[:20]!r}", "a whole number", "correct it") from error
