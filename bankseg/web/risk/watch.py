"""What the risk desk watches: how good the early-warning rules were, and the clients who must be protected."""

from flask import Blueprint, render_template

from bankseg.services import vulnerability, warning_quality
from bankseg.web import desk

BLUEPRINT = Blueprint("watch", __name__, url_prefix="/risk")


@BLUEPRINT.get("/warnings")
def warnings() -> str:
    """Hit rate, false alarms and lead days of every rule."""
    return render_template("risk/warnings.html", page=warning_quality.warnings_page(desk.read(), desk.scope()))


@BLUEPRINT.get("/vulnerable")
def vulnerable() -> str:
    """Vulnerable clients with the reason and the end of the protection."""
    return render_template("risk/vulnerable.html", page=vulnerability.vulnerable_page(desk.desk().settings, desk.read(), desk.scope()))
