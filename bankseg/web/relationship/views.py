"""My day, the portfolio and the client page."""

from functools import partial

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.services import contact_log, export_list, portfolio, saved_views
from bankseg.services.client_page import client_page, parsed
from bankseg.services.contact_log import CHANNELS, OUTCOMES, Contact
from bankseg.services.portfolio import Worklist
from bankseg.services.what_changed import what_changed
from bankseg.storage.portfolio import PortfolioFilter
from bankseg.web import desk
from bankseg.web.arguments import day as asked_day
from bankseg.web.arguments import whole_number
from bankseg.web.charts import balance_chart
from bankseg.web.downloads import download, file_format

BLUEPRINT = Blueprint("relationship", __name__)
LONGEST_SEARCH = 100


@BLUEPRINT.get("/my-day")
def my_day() -> str:
    """Whom to call today."""
    worklist = desk.policy().section("worklist")
    calls = whole_number("calls", request.args.get("calls", ""), int(worklist["calls_a_day"]))
    day = portfolio.my_day(desk.read(), desk.scope(), Worklist(calls, int(worklist["quiet_days"])))
    recorded = whole_number("recorded", request.args.get("recorded", ""), 0)
    rows = {"promised": [parsed(row) for row in day.promised], "calls": [parsed(row) for row in day.calls]}
    changed = what_changed(desk.read(), desk.scope())
    return render_template(
        "relationship/my_day.html", stamp=day.stamp, day=day, changed=changed, **rows, recorded=recorded, outcomes=OUTCOMES, channels=CHANNELS
    )


@BLUEPRINT.get("/clients")
def clients() -> str:
    """The portfolio, filtered and sorted as the address says."""
    scope, sort = desk.scope(), request.args.get("sort", portfolio.FIRST_SORT)
    page = portfolio.portfolio_page(desk.read(), scope, asked_filter(), sort=sort, after=request.args.get("after", ""), columns=request.args.getlist("col"))
    kept = {"views": saved_views.views_of(desk.read(), scope), "here": saved_views.cleaned(request.query_string.decode())}
    return render_template("relationship/clients.html", stamp=page.stamp, page=page, usable=portfolio.usable_columns(scope), **kept)


@BLUEPRINT.get("/clients/export")
def export() -> Response:
    """The filtered set as a file."""
    asked, sort = file_format(request.args.get("format", "csv")), request.args.get("sort", portfolio.FIRST_SORT)
    portfolio.checked_filter(desk.scope(), asked_filter())
    write = partial(export_list.export_portfolio, desk.desk().engine, desk.scope(), asked_filter(), file_format=asked, sort=sort)
    return download("clients", asked, write)


@BLUEPRINT.get("/clients/<client_id>")
def client(client_id: str) -> str:
    """One client."""
    page = client_page(desk.desk().settings, desk.read(), desk.scope(), client_id)
    return render_template(
        "relationship/client.html", stamp=page.stamp, page=page, client=page.client, chart=balance_chart(page.history), outcomes=OUTCOMES, channels=CHANNELS
    )


@BLUEPRINT.post("/clients/<client_id>/contacts")
def contact(client_id: str) -> BaseResponse:
    """Record what became of a contact, and go back to where one was."""
    form = request.form
    made = Contact(
        form.get("outcome", ""),
        form.get("channel", "phone"),
        form.get("product") or None,
        asked_day("again_on", form.get("again_on", "")),
        form.get("note", ""),
    )
    recorded = contact_log.record(desk.desk().engine, desk.scope(), client_id, made)
    if form.get("back") == "client":
        return redirect(url_for("relationship.client", client_id=client_id) + "#contacts", 303)
    return redirect(url_for("relationship.my_day", recorded=recorded), 303)


@BLUEPRINT.post("/contacts/<int:contact_id>/withdraw")
def withdraw(contact_id: int) -> BaseResponse:
    """Take a slip back."""
    client_id = contact_log.withdraw(desk.desk().engine, desk.scope(), contact_id)
    if request.form.get("back") == "client":
        return redirect(url_for("relationship.client", client_id=client_id) + "#contacts", 303)
    return redirect(url_for("relationship.my_day"), 303)


def asked_filter() -> PortfolioFilter:
    """The filter in the address."""
    asked = request.args
    return PortfolioFilter(
        tier=asked.get("tier", ""),
        status=asked.get("status", ""), segment=asked.get("segment", ""), churn_band=asked.get("churn_band", ""), product=asked.get("product", ""),
        search=asked.get("q", "").strip()[:LONGEST_SEARCH],
        branch=asked.get("branch", ""), rm=asked.get("rm", ""), in_risk=asked.get("risk") == "yes", balance_at_least_minor=_minor("least"), balance_at_most_minor=_minor("most"),
    )  # fmt: skip


def _minor(name: str) -> int | None:
    """An amount in the address, in units of the currency, as minor units; none when it is empty."""
    text = request.args.get(name, "")
    return portfolio.in_minor(desk.read(), whole_number(name, text, 0)) if text else None
