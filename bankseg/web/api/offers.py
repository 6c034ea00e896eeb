"""The API of offers to segments, of the texts that speak to them, and of what to say to one client."""

from typing import Annotated, Any, Literal

from flask import Response, url_for
from pydantic import BaseModel, Field, StringConstraints

from bankseg.domain.message_texts import MOST_BODY, MOST_SUBJECT
from bankseg.domain.segment_offers import MOST_BASIS_POINTS, MOST_MINOR
from bankseg.services import client_talk, message_texts, segment_offers
from bankseg.services.segment_offers import LONGEST_NAME, Offered
from bankseg.storage.message_text import MessageText
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import created, document, page, part, stamped
from bankseg.web.api.segments import SchemePath

BLUEPRINT = part("offers_api", __name__, "segments in time")

Least = Annotated[int, Field(ge=0, le=MOST_MINOR)]


class OfferPath(BaseModel):
    offer_id: schemas.Number


class Offer(schemas.Asked):
    segment: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    product: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    name: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME, pattern=schemas.NOT_BLANK)]
    price_change_minor: int = Field(default=0, ge=-MOST_MINOR, le=MOST_MINOR, description="What the client pays more than the standard price; below 0: less")
    fee_waiver_minor: Least = 0
    rate_delta_bp: int = Field(default=0, ge=0, le=MOST_BASIS_POINTS, description="A rate better for the client, on volume_minor")
    volume_minor: Least = 0
    floor_minor: Least = Field(default=0, description="An offer that brings less a sale is refused")


class OfferKept(BaseModel):
    offer_id: int


class Offers(schemas.Stamped):
    scheme: str
    currency: str
    products: dict[str, int] = Field(description="Standard margin of one sale, minor units")
    offers: list[dict[str, Any]] = Field(
        description="Terms, margin of one sale and of all expected sales at the standard price and at the offer; null: no data"
    )


class Text(schemas.Asked):
    segment: schemas.Code = Field(default="", description="Empty: any")
    product: schemas.Code = Field(default="", description="Empty: any")
    channel: Literal["email", "phone", "sms", "post"]
    language: Literal["en", "fr"]
    subject: Annotated[str, StringConstraints(max_length=MOST_SUBJECT)] = ""
    body: Annotated[str, StringConstraints(min_length=1, max_length=MOST_BODY, pattern=schemas.NOT_BLANK)]


class TextKept(BaseModel):
    version: int


class Texts(schemas.Stamped):
    scheme: str
    places: list[str] = Field(description="What may stand in braces")
    texts: list[dict[str, Any]]


class Talk(schemas.Stamped):
    speaks: str = Field(description="The client's own language; empty: not known")
    arguments: list[dict[str, Any]]
    variants: list[dict[str, Any]] = Field(description="Best variant of each product that may be offered, highest expected margin first")
    texts: list[dict[str, Any]]


@BLUEPRINT.get("/schemes/<code>/offers", responses={"200": Offers})
def offers(path: SchemePath) -> Response:
    """The standing offers of a scheme, with what each would bring from the clients in your scope."""
    found = segment_offers.offers_page(desk.desk().settings, desk.read(), desk.scope(), desk.policy(), path.code)
    return stamped(found.stamp, {"scheme": path.code, "currency": found.currency, "products": found.products, "offers": [_offer(one) for one in found.offers]})


@BLUEPRINT.post("/schemes/<code>/offers", responses={"201": OfferKept})
def save(path: SchemePath, body: Offer) -> Response:
    """Keep an offer that reaches its floor."""
    here = desk.desk()
    number = segment_offers.save_offer(here.settings, here.engine, desk.scope(), desk.policy(), path.code, body.model_dump())
    return created({"offer_id": number}, url_for("offers_api.offers", code=path.code))


@BLUEPRINT.delete("/offers/<int:offer_id>", responses={"204": None})
def withdraw(path: OfferPath) -> Response:
    """Take an offer back."""
    segment_offers.withdraw_offer(desk.desk().settings, desk.desk().engine, desk.scope(), path.offer_id)
    return Response(status=204)


@BLUEPRINT.get("/schemes/<code>/texts", responses={"200": Texts})
def texts(path: SchemePath) -> Response:
    """The texts of a scheme, each in its latest version."""
    found = message_texts.texts_page(desk.desk().settings, desk.read(), desk.scope(), desk.policy(), path.code)
    return stamped(found.stamp, {"scheme": path.code, "places": found.places, "texts": [_text(one) for one in found.texts]})


@BLUEPRINT.post("/schemes/<code>/texts", responses={"200": TextKept})
def save_text(path: SchemePath, body: Text) -> Response:
    """Save a text as its next version; the same again is the same version."""
    here = desk.desk()
    return document({"version": message_texts.save_text(here.settings, here.engine, desk.scope(), desk.policy(), path.code, body.model_dump())})


@BLUEPRINT.get("/clients/<client_id>/talk", responses={"200": Talk})
def talk(path: schemas.ClientPath) -> Response:
    """What to say to the client: why us, the variant of each product that fits, and texts filled in."""
    return page(client_talk.talk_page(desk.desk().settings, desk.read(), desk.scope(), desk.policy(), path.client_id), "client")


def _offer(one: Offered) -> dict[str, Any]:
    own = {name: getattr(one.offer, name) for name in ("segment", "product", "name", "saved_at")}
    figures = {name: getattr(one, name) for name in ("standard_minor", "margin_minor", "clients", "sales", "rise", "at_standard_minor", "at_offer_minor")}
    return {"offer_id": one.offer.id, **own, **one.terms.document, **figures}


def _text(one: MessageText) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("segment", "product", "channel", "language", "version", "subject", "body", "saved_at")}
