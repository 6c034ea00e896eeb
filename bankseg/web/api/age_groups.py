"""The API of one list compared across age groups."""

from typing import Any

from flask import Response
from pydantic import Field

from bankseg.services import list_results
from bankseg.services.list_age_groups import age_groups_page
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import part, stamped
from bankseg.web.api.lists import ListPath

BLUEPRINT = part("age_groups_api", __name__, "lists")


class AgeGroups(schemas.Stamped):
    results: dict[str, Any]
    groups: list[dict[str, Any]] = Field(description="Youngest first; band empty: no age known; difference null: an arm has fewer than 30 clients")


@BLUEPRINT.get("/lists/<int:list_id>/by-age", responses={"200": AgeGroups})
def one(path: ListPath) -> Response:
    """Both arms of a list in each age group, with intervals and p-values adjusted by Holm's step-down."""
    page = age_groups_page(desk.desk().settings, desk.read(), desk.scope(), path.list_id)
    groups = [
        {**{name: getattr(group, name) for name in ("band", "treated", "control", "difference", "p_value", "adjusted_p")}, "is_sure": group.is_sure}
        for group in page.groups
    ]
    return stamped(page.stamp, {"results": list_results.document(page.results), "groups": groups})
