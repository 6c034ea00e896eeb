"""The page of how one client uses the bank."""

from flask import Blueprint, render_template

from bankseg.services import client_usage
from bankseg.web import desk
from bankseg.web.relationship.drawing import sparkline

BLUEPRINT = Blueprint("usage", __name__, url_prefix="/clients/<client_id>")


@BLUEPRINT.get("/usage")
def client(client_id: str) -> str:
    """Months, rhythm, channels, interests, devices and pages."""
    page = client_usage.usage_page(desk.desk().settings, desk.read(), desk.scope(), client_id)
    known = [(month.month, float(month.movements)) for month in page.months if month.movements is not None]
    return render_template("relationship/usage.html", page=page, client=page.client, line=sparkline(known) if known else None)
