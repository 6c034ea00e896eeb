"""Offers to a scheme's segments, and the texts that speak to them."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import InputError
from bankseg.domain.money import minor_digits
from bankseg.services import message_texts, segment_offers
from bankseg.web import desk
from bankseg.web.arguments import whole_number
from bankseg.web.lists.asked import number_of

BLUEPRINT = Blueprint("offers", __name__, url_prefix="/segments/offers")
AMOUNTS = ("price_change", "fee_waiver", "volume", "floor")


@BLUEPRINT.get("/<code>")
def scheme(code: str) -> str:
    """The grid of offers of a scheme."""
    return _grid(code)


@BLUEPRINT.post("/<code>")
def save(code: str) -> BaseResponse | tuple[str, int]:
    """Keep an offer that reaches its floor."""
    here, form = desk.desk(), request.form
    try:
        document = {name: form.get(name, "") for name in ("segment", "product", "name")}
        terms = {f"{name}_minor": _amount(name.replace("_", " "), form.get(name, "")) for name in AMOUNTS}
        rate = whole_number("rate", form.get("rate_delta_bp", ""), 0)
        segment_offers.save_offer(here.settings, here.engine, desk.scope(), desk.policy(), code, {**document, **terms, "rate_delta_bp": rate})
    except InputError as error:
        return _grid(code, error), error.status
    return redirect(url_for("offers.scheme", code=code), 303)


@BLUEPRINT.post("/withdraw/<int:offer_id>")
def withdraw(offer_id: int) -> BaseResponse:
    """Take an offer back."""
    code = segment_offers.withdraw_offer(desk.desk().settings, desk.desk().engine, desk.scope(), offer_id)
    return redirect(url_for("offers.scheme", code=code), 303)


@BLUEPRINT.get("/<code>/texts")
def texts(code: str) -> str:
    """The texts of a scheme."""
    return _texts(code)


@BLUEPRINT.post("/<code>/texts")
def save_text(code: str) -> BaseResponse | tuple[str, int]:
    """Save a text as its next version."""
    here = desk.desk()
    try:
        message_texts.save_text(here.settings, here.engine, desk.scope(), desk.policy(), code, request.form)
    except InputError as error:
        return _texts(code, error), error.status
    return redirect(url_for("offers.texts", code=code), 303)


def _grid(code: str, error: InputError | None = None) -> str:
    page = segment_offers.offers_page(desk.desk().settings, desk.read(), desk.scope(), desk.policy(), code)
    return render_template("segments/offers.html", page=page, error=error, given=request.form)


def _texts(code: str, error: InputError | None = None) -> str:
    page = message_texts.texts_page(desk.desk().settings, desk.read(), desk.scope(), desk.policy(), code)
    return render_template("segments/texts.html", page=page, error=error, given=request.form)


def _amount(name: str, text: str) -> int:
    """An amount in currency units as minor units."""
    return int(number_of(name, text.replace(" ", "")).scaleb(minor_digits(str(desk.policy().section("value")["currency"]))))
