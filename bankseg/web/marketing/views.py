"""The cross-sell list by product."""

from functools import partial

from flask import Blueprint, Response, render_template, request

from bankseg.domain.errors import InputError
from bankseg.services import cross_sell_list, export_list
from bankseg.services.proposals import proposals
from bankseg.storage.cross_sell import CrossSellFilter
from bankseg.web import desk
from bankseg.web.downloads import download, file_format

BLUEPRINT = Blueprint("marketing", __name__)


@BLUEPRINT.get("/cross-sell")
def products() -> str:
    """The products with a list, and what the run says of its proposals."""
    stamp, rows = cross_sell_list.products(desk.read(), desk.scope())
    return render_template("marketing/products.html", stamp=stamp, products=rows, proposals=proposals(desk.read(), desk.scope()))


@BLUEPRINT.get("/cross-sell/<product>")
def cross_sell(product: str) -> str:
    """One product's list with its funnel."""
    page = cross_sell_list.cross_sell_page(desk.read(), desk.scope(), asked_filter(product), size=asked_size(), after=request.args.get("after", ""))
    return render_template("marketing/cross_sell.html", stamp=page.stamp, page=page)


@BLUEPRINT.get("/cross-sell/<product>/export")
def export(product: str) -> Response:
    """The list as a file."""
    asked = file_format(request.args.get("format", "csv"))
    write = partial(export_list.export_cross_sell, desk.desk().engine, desk.scope(), asked_filter(product), file_format=asked, size=asked_size())
    return download(f"cross-sell-{product}", asked, write)


def asked_filter(product: str) -> CrossSellFilter:
    """The cut in the address."""
    asked = request.args
    return CrossSellFilter(
        product, _percentage(asked.get("least", "")) / 100, tuple(filter(None, asked.getlist("tier"))), tuple(filter(None, asked.getlist("segment")))
    )


def asked_size() -> int | None:
    """The size in the address, none when it is empty."""
    text = request.args.get("top", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InputError(f"a list size of {text[:20]!r}", "a whole number", "leave it empty for everybody")
    return int(text)


def _percentage(text: str) -> float:
    if not text.strip():
        return 0.0
    try:
        return float(text.replace(",", "."))
    except ValueError as error:
        raise InputError(f"a least probability of {text[:20]!r}", "a percentage such as 20", "leave it empty for everybody") from error
