"""The pages behind a client's page: activity, ties, past, and the movements behind a number."""

from datetime import date

from flask import Blueprint, render_template, request

from bankseg.domain.errors import MissingDataError, NotFoundError
from bankseg.services import client_activity, client_movements, client_past, client_ties
from bankseg.services.scheme_pictures.standing import StandingPage, standing_page
from bankseg.web import desk
from bankseg.web.arguments import day
from bankseg.web.relationship.drawing import holdings_drawing, sparkline
from bankseg.web.segments.names import value_name

BLUEPRINT = Blueprint("client", __name__, url_prefix="/clients/<client_id>")


@BLUEPRINT.get("/activity")
def activity(client_id: str) -> str:
    """What the client holds, and what happened over a year."""
    page = client_activity.activity_page(desk.desk().settings, desk.read(), desk.scope(), client_id, request.args.get("kind", ""))
    return render_template("relationship/activity.html", page=page, client=page.client, drawing=holdings_drawing(page.holdings, page.stamp.as_of))


@BLUEPRINT.get("/ties")
def ties(client_id: str) -> str:
    """How the client is tied to the bank."""
    page = client_ties.ties_page(desk.desk().settings, desk.read(), desk.scope(), client_id)
    return render_template("relationship/ties.html", page=page, client=page.client)


@BLUEPRINT.get("/past")
def past(client_id: str) -> str:
    """Groups and scores, now and over the published runs."""
    page = client_past.past_page(desk.desk().settings, desk.read(), desk.scope(), client_id)
    lines = {target: sparkline(points) for target, points in page.propensities.items()}
    return render_template("relationship/past.html", page=page, client=page.client, lines=lines, standing=_standing(client_id))


@BLUEPRINT.get("/movements")
def movements(client_id: str) -> str:
    """The client's movements of a month or of some days."""
    page = client_movements.movements_page(desk.desk().settings, desk.read(), desk.scope(), client_id, asked_days(), request.args.get("after", ""))
    return render_template("relationship/movements.html", page=page, client=page.client)


def asked_days() -> tuple[date, date] | None:
    """The days in the address: a month, or a first and a last day; none when neither is given."""
    first, last = day("from", request.args.get("from", "")), day("until", request.args.get("until", ""))
    if first and last:
        return first, last
    month = request.args.get("month", "")
    return client_movements.days_of_month(month) if month else None


def _standing(client_id: str) -> StandingPage | None:
    """The client in every scheme; none when the run left no roll, or left it before the client came into this scope."""
    try:
        return standing_page(desk.desk().settings, desk.read(), desk.scope(), client_id, language=desk.language(), value_name=value_name)
    except (MissingDataError, NotFoundError):
        return None
