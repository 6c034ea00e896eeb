"""Attributes: the catalogue with what can be used, one attribute's distribution, and the bank's own."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import InputError
from bankseg.services import attribute_catalogue, custom_attributes
from bankseg.web import desk
from bankseg.web.segments.distribution import picture

BLUEPRINT = Blueprint("attributes", __name__, url_prefix="/segments")


@BLUEPRINT.get("/attributes/<name>")
def one(name: str) -> str:
    """One attribute: what it is, how its values lie, what is wrong with it, who reads it."""
    page = attribute_catalogue.attribute_page(desk.desk().settings, desk.read(), desk.scope(), name)
    return render_template("segments/attribute.html", page=page, picture=picture(page.bars))


@BLUEPRINT.get("/own-attributes")
def own() -> str:
    """The bank's own attributes, and one to be written; the check follows the writing."""
    draft = custom_attributes.draft_of(request.args) if request.args else None
    return render_template("segments/own_attributes.html", page=custom_attributes.own_page(desk.desk().settings, desk.read(), desk.scope(), draft))


@BLUEPRINT.post("/own-attributes/check")
def check() -> str:
    """What a draft gives on the published run; a slip is told in its place."""
    page = custom_attributes.own_page(desk.desk().settings, desk.read(), desk.scope(), custom_attributes.draft_of(request.form))
    return render_template("segments/own_check.html" if request.headers.get("HX-Request") else "segments/own_attributes.html", page=page)


@BLUEPRINT.post("/own-attributes/save")
def save() -> BaseResponse:
    """Save a draft as the next version."""
    row = custom_attributes.save(desk.desk().settings, desk.desk().engine, desk.scope(), custom_attributes.draft_of(request.form))
    return redirect(url_for("attributes.one", name=row.name), 303)


@BLUEPRINT.post("/own-attributes/<code>/retire")
def retire(code: str) -> BaseResponse:
    """Take a version out of the catalogue."""
    version = request.form.get("version", "")
    if not version.isdecimal():
        raise InputError(f"version {version[:20]!r}", "a whole number", "use the form of the page")
    custom_attributes.retire(desk.desk().settings, desk.desk().engine, desk.scope(), code, int(version))
    return redirect(url_for("attributes.own"), 303)


def wanted() -> attribute_catalogue.Wanted:
    """What the address narrows the catalogue by."""
    return attribute_catalogue.Wanted(
        search=request.args.get("q", "")[:100].strip(), family=request.args.get("family", ""), purpose=request.args.get("purpose", ""),
        state=request.args.get("state", ""), source=request.args.get("source", ""),
    )  # fmt: skip
