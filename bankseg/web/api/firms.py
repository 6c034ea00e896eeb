"""The API of firms' strategic profiles."""

from typing import Annotated, Any, Literal

from flask import Response
from pydantic import Field, StringConstraints

from bankseg.domain.firm_profile import MOST_CHARACTERS
from bankseg.services import firm_profile
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import part, stamped
from bankseg.web.api.schemas import ClientPath
from bankseg.web.api.unchanged import expected, tagged

BLUEPRINT = part("firms_api", __name__, "clients")


class Profile(schemas.Asked):
    specialisation: Literal["one_line", "few_lines", "diversified"] | None = Field(default=None, description="null: not known, as in every criterion")
    brand_strength: Literal["none", "local", "national", "international"] | None = None
    value_chain: Literal["one_step", "upstream", "downstream", "both_ways"] | None = None
    outsourcing: Literal["little", "some", "most"] | None = None
    technology: Literal["follows", "keeps_up", "leads"] | None = None
    distribution: Literal["direct", "own_shops", "resellers", "online", "several"] | None = None
    business_model: Literal["products", "services", "subscriptions", "projects", "platform", "trade"] | None = None
    note: Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)] = ""


class Profiles(schemas.Stamped):
    client_id: str
    version: int = Field(description="Of what stands; 0: nothing was written yet")
    criteria: dict[str, list[str]] = Field(description="The answers to choose from")
    profiles: list[dict[str, Any]] = Field(description="Every version, latest first: answers that are known, note, author and instant")


@BLUEPRINT.get("/clients/<client_id>/profile", responses={"200": Profiles})
def profile(path: ClientPath) -> Response:
    """The strategic profile of a firm in your scope, with its earlier versions."""
    return _profile(path)


@BLUEPRINT.put("/clients/<client_id>/profile", responses={"200": Profiles})
def save(path: ClientPath, body: Profile) -> Response:
    """Save the next version of a firm's profile; the same again is the same version."""
    firm_profile.save_firm_profile(desk.desk().engine, desk.scope(), path.client_id, body.model_dump(), expected())
    return _profile(path)


def _profile(path: ClientPath) -> Response:
    found = firm_profile.firm_profile_page(desk.read(), desk.scope(), path.client_id)
    told = {"client_id": path.client_id, "version": found.latest.version, "criteria": found.criteria, "profiles": found.profiles}
    return tagged(stamped(found.stamp, told), firm_profile.tag(found.latest.version))
