"""The API: what the desks show, for programs; the same services, scopes and masks."""

from typing import Any

import orjson
from flask import Response

from bankseg.delivery import model_page
from bankseg.services import cross_sell_list, models_desk, portfolio, risk_queue
from bankseg.services.client_page import client_page
from bankseg.services.model_export import record_export
from bankseg.services.model_file import model_file
from bankseg.services.proposals import proposals
from bankseg.services.segments_overview import segments_overview
from bankseg.services.stamp import Stamp
from bankseg.storage.cross_sell import CrossSellFilter
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import page as page_of
from bankseg.web.api.blueprints import part, stamped
from bankseg.web.models.views import bank

BLUEPRINT = part("api", __name__, "desks")


@BLUEPRINT.get("/clients", responses={"200": schemas.ClientsPage})
def clients(query: schemas.ClientsAsked) -> Response:
    """Clients in your scope, a page at a time."""
    page = portfolio.clients_page(desk.read(), desk.scope(), query.filter(), sort=query.sort, after=query.after, limit=query.limit)
    rows = [{name: value for name, value in row.items() if name != "sorted_by"} for row in page.rows]
    return _json({**_stamp(page.stamp), "clients": rows, "next_after": page.next_after})


@BLUEPRINT.get("/clients/<client_id>", responses={"200": schemas.ClientDetail})
def client(path: schemas.ClientPath) -> Response:
    """One client of your scope."""
    page = client_page(desk.desk().settings, desk.read(), desk.scope(), path.client_id)
    months = [
        {"month": month.month, "balance_minor": month.balance_minor, "credits_minor": month.credits_minor, "debits_minor": month.debits_minor}
        for month in page.history
    ]
    return _json({**_stamp(page.stamp), "client": page.client, "products": page.products, "risk_case": page.case, "history": months})


@BLUEPRINT.get("/cross-sell/<product>", responses={"200": schemas.CrossSellList})
def cross_sell(path: schemas.ProductPath, query: schemas.CrossSellAsked) -> Response:
    """A product's list, likeliest first, and what kept the other candidates off it."""
    found = CrossSellFilter(path.product, query.least_propensity, tuple(query.tier), tuple(query.segment))
    page = cross_sell_list.cross_sell_page(desk.read(), desk.scope(), found, size=query.size, after=query.after, limit=query.limit)
    counted = {"candidates": page.funnel.candidates, "removed": page.funnel.removed, "kept": page.funnel.kept}
    return _json({**_stamp(page.stamp), "product": path.product, "funnel": counted, "clients": page.rows, "next_after": page.next_after})


@BLUEPRINT.get("/risk-queue", responses={"200": schemas.RiskQueue})
def risk_queue_page(query: schemas.RiskAsked) -> Response:
    """The review queue, gravest first."""
    asked = risk_queue.QueueAsked(int(query.severity) if query.severity else None, query.view, query.trigger, query.branch)
    page = risk_queue.risk_queue_page(desk.read(), desk.scope(), asked, after=query.after, limit=query.limit)
    counts = {str(grave): clients for grave, clients in page.counts.items()}
    return _json({**_stamp(page.stamp), "cases": page.rows, "counts": counts, "next_after": page.next_after})


@BLUEPRINT.get("/cross-sell", responses={"200": schemas.Products})
def products() -> Response:
    """Products with candidates, and what the run says of its proposals."""
    run, rows = cross_sell_list.products(desk.read(), desk.scope())
    return stamped(run, {"products": rows, "proposals": proposals(desk.read(), desk.scope())})


@BLUEPRINT.get("/risk-overview", responses={"200": schemas.RiskOverview})
def risk_overview() -> Response:
    """The queue counted by state, trigger and branch."""
    return page_of(risk_queue.risk_overview(desk.read(), desk.scope()))


@BLUEPRINT.get("/segments", responses={"200": schemas.Segments})
def segments() -> Response:
    """Segments of your scope by tier."""
    overview = segments_overview(desk.read(), desk.scope())
    rows = [
        {"segment": one.name, "action": one.action, "clients": one.clients, "by_tier": one.by_tier, "value_12m_minor": one.value} for one in overview.segments
    ]
    return _json({**_stamp(overview.stamp), "clients": overview.total, "segments": rows})


@BLUEPRINT.get("/models", responses={"200": schemas.Models})
def models(query: schemas.ModelsAsked) -> Response:
    """The registry of propensity models, open proposals and alerts."""
    page = models_desk.models_page(desk.read(), desk.scope(), query.target or None)
    return _json({"models": page.rows, "proposals": page.proposals, "alerts": page.alerts})


@BLUEPRINT.get("/models/<target>/<int:version>", responses={"200": schemas.ModelFile})
def model(path: schemas.ModelPath) -> Response:
    """One version's model file as JSON."""
    return _json(model_file(desk.read(), desk.desk().settings, desk.scope(), path.target, path.version))


@BLUEPRINT.get("/models/<target>/<int:version>/file", responses={"200": {"content": {"text/html": {"schema": {"type": "string"}}}}})
def model_document(path: schemas.ModelPath, query: schemas.DocumentAsked) -> Response:
    """One version's model file as a self-contained HTML document with plots."""
    found = model_file(desk.read(), desk.desk().settings, desk.scope(), path.target, path.version)
    desk.close_read()
    record_export(bank(), desk.scope(), path.target, path.version)
    return Response(model_page.document(found, query.language), mimetype="text/html")


def _stamp(stamp: Stamp) -> dict[str, Any]:
    return {"run_id": stamp.run_id, "as_of": stamp.as_of.isoformat()}


def _json(document: dict[str, Any]) -> Response:
    return Response(orjson.dumps(document), mimetype="application/json")
