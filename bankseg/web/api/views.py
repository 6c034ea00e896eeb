"""The API: what the desks show, for programs; the same services, scopes and masks."""

from typing import Any

import orjson
from flask import Response

from bankseg.delivery import model_page
from bankseg.services import cross_sell_list, models_desk, portfolio, risk_queue, run_progress
from bankseg.services.client_page import client_page
from bankseg.services.model_export import record_export
from bankseg.services.model_file import model_file
from bankseg.services.segments_overview import segments_overview
from bankseg.services.stamp import Stamp
from bankseg.storage.cross_sell import CrossSellFilter
from bankseg.storage.portfolio import PortfolioFilter
from bankseg.storage.run import Run
from bankseg.web import desk
from bankseg.web.api import schemas
from bankseg.web.api.blueprints import part
from bankseg.web.models.views import bank

SECURITY: Any = {"session": {"type": "apiKey", "in": "cookie", "name": "bankseg_session"}, "token": {"type": "http", "scheme": "bearer"}}
BLUEPRINT = part("api", __name__, "desks")


@BLUEPRINT.get("/clients", responses={"200": schemas.ClientsPage})
def clients(query: schemas.ClientsAsked) -> Response:
    """Clients in your scope, a page at a time."""
    found = PortfolioFilter(query.tier, query.status, query.segment, query.churn_band, query.product, query.q)
    page = portfolio.clients_page(desk.read(), desk.scope(), found, sort=query.sort, after=query.after, limit=query.limit)
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
    asked = risk_queue.QueueAsked(int(query.severity) if query.severity else None, query.view, query.trigger)
    page = risk_queue.risk_queue_page(desk.read(), desk.scope(), asked, after=query.after, limit=query.limit)
    counts = {str(grave): clients for grave, clients in page.counts.items()}
    return _json({**_stamp(page.stamp), "cases": page.rows, "counts": counts, "next_after": page.next_after})


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


@BLUEPRINT.get("/runs", responses={"200": schemas.Runs})
def runs() -> Response:
    """The latest runs."""
    latest, current = run_progress.runs_list(desk.read(), desk.scope())
    return _json({"runs": [_run(run, is_current=run.id == current) for run in latest]})


@BLUEPRINT.get("/runs/<int:run_id>", responses={"200": schemas.RunDetail})
def run(path: schemas.RunPath) -> Response:
    """One run with its stages."""
    page = run_progress.run_page(desk.read(), desk.scope(), path.run_id)
    stages = [{"stage": one.stage, "state": one.state, "share": one.share, "jobs": one.jobs, "done": one.done} for one in page.stages]
    more = {"stages": stages, "models": page.run.models, "refusals": page.run.refusals, "error": page.run.error if page.shows_errors else None}
    return _json({**_run(page.run, is_current=page.is_current), **more})


def _run(run: Run, *, is_current: bool) -> dict[str, Any]:
    return {
        "run_id": run.id, "as_of": run.as_of, "state": run.state, "is_current": is_current, "created_at": run.created_at, "published_at": run.published_at,
        "clients": run.n_rows,
    }  # fmt: skip


def _stamp(stamp: Stamp) -> dict[str, Any]:
    return {"run_id": stamp.run_id, "as_of": stamp.as_of.isoformat()}


def _json(document: dict[str, Any]) -> Response:
    return Response(orjson.dumps(document), mimetype="application/json")
