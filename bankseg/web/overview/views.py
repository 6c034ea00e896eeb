"""Segments by tier."""

from flask import Blueprint, render_template

from bankseg.services.segments_overview import segments_overview
from bankseg.web import desk

BLUEPRINT = Blueprint("overview", __name__)


@BLUEPRINT.get("/segments")
def segments() -> str:
    """Every segment of the scope."""
    overview = segments_overview(desk.read(), desk.scope())
    return render_template("overview/segments.html", stamp=overview.stamp, overview=overview)
