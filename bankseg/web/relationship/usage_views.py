"""The pages of how one client uses the bank, and of what to say to them."""

from flask import Blueprint, render_template

from bankseg.services import client_talk, client_usage
from bankseg.web import desk
from bankseg.web.relationship.drawing import sparkline

BLUEPRINT = Blueprint("usage", __name__, url_prefix="/clients/<client_id>")


@BLUEPRINT.get("/usage")
def client(client_id: str) -> str:
    """Months, rhythm, channels, interests, devices and pages."""
    page = client_usage.usage_page(desk.desk().settings, desk.read(), desk.scope(), client_id)
    known = [(month.month, float(month.movements)) for month in page.months if month.movements is not None]
    return render_template("relationship/usage.html", page=page, client=page.client, line=sparkline(known) if known else None)


@BLUEPRINT.get("/talk")
def talk(client_id: str) -> str:
    """What to say: why us, the offers that fit, texts filled in."""
    page = client_talk.talk_page(desk.desk().settings, desk.read(), desk.scope(), desk.policy(), client_id)
    return render_template("relationship/talk.html", page=page, client=page.client)
