"""The page of one list compared across age groups."""

from flask import Blueprint, render_template

from bankseg.services.list_age_groups import age_groups_page
from bankseg.web import desk
from bankseg.web.lists.drawing import rate_shapes

BLUEPRINT = Blueprint("age_groups", __name__, url_prefix="/lists")


@BLUEPRINT.get("/<int:list_id>/by-age")
def one(list_id: int) -> str:
    """Both arms of each age group, with intervals and adjusted p-values."""
    page = age_groups_page(desk.desk().settings, desk.read(), desk.scope(), list_id)
    return render_template("lists/by_age.html", page=page, stamp=page.stamp, drawing=rate_shapes(page.groups))
