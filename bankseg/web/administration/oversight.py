"""The first page of auditors and administrators."""

from flask import Blueprint, render_template

from bankseg.services.oversight import oversight_page
from bankseg.web import desk

BLUEPRINT = Blueprint("oversight", __name__)


@BLUEPRINT.get("/oversight")
def page() -> str:
    """What is published, what came in, what waits, who did what."""
    return render_template("administration/oversight.html", page=oversight_page(desk.read(), desk.scope()))
