"""The portfolio as a whole, the views a person keeps of it, and what somebody has seen of its changes."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.services import saved_views
from bankseg.services.portfolio_overview import portfolio_overview
from bankseg.services.what_changed import mark_seen
from bankseg.web import desk

BLUEPRINT = Blueprint("portfolio", __name__)


@BLUEPRINT.get("/portfolio")
def overview() -> str:
    """Value, tiers, deposits at risk, and who moved."""
    page = portfolio_overview(desk.read(), desk.scope())
    return render_template("relationship/overview.html", stamp=page.stamp, page=page)


@BLUEPRINT.post("/clients/views")
def save_view() -> BaseResponse:
    """Keep the list as it is under a name, and go back to it."""
    view = saved_views.save(desk.desk().engine, desk.scope(), request.form.get("name", ""), request.form.get("query", ""))
    return redirect(f"{url_for('relationship.clients')}?{view.query}", 303)


@BLUEPRINT.post("/clients/views/<int:view_id>/delete")
def delete_view(view_id: int) -> BaseResponse:
    """Delete one of one's own views."""
    saved_views.delete(desk.desk().engine, desk.scope(), view_id)
    return redirect(url_for("relationship.clients"), 303)


@BLUEPRINT.post("/my-day/seen")
def seen() -> BaseResponse:
    """Remember that what changed was seen."""
    mark_seen(desk.desk().engine, desk.scope())
    return redirect(url_for("relationship.my_day"), 303)
