"""The models desk: the registry, a version's file, decisions with reasons, and alerts."""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from bankseg.delivery import model_page
from bankseg.domain.errors import InputError
from bankseg.services import model_alerts, models_desk, promotion
from bankseg.services.bank import Bank
from bankseg.services.gates import needs_reason
from bankseg.services.model_export import record_export
from bankseg.services.model_file import model_file
from bankseg.services.sign_in import LANGUAGES
from bankseg.web import desk

BLUEPRINT = Blueprint("models", __name__, url_prefix="/models")


@BLUEPRINT.get("/")
def registry() -> str:
    """Every version, what waits for a decision, and alerts."""
    return render_template("models/registry.html", page=models_desk.models_page(desk.read(), desk.scope()))


@BLUEPRINT.get("/<target>")
def target(target: str) -> str:
    """One target: its versions side by side, and how they do on live clients."""
    return render_template("models/target.html", page=models_desk.target_page(desk.read(), desk.scope(), target))


@BLUEPRINT.get("/<target>/<int:version>")
def version(target: str, version: int) -> str:
    """One version: its file, and the decisions that may be taken about it."""
    found = model_file(desk.read(), desk.desk().settings, desk.scope(), target, version)
    shown = Markup(model_page.fragment(found, desk.language()))  # noqa: S704  # every value in it is escaped where it is written
    offered = models_desk.offered(desk.read(), desk.scope(), target, version)
    return render_template("models/version.html", file=found, fragment=shown, offered=offered, red=needs_reason(found["gates"]))


@BLUEPRINT.get("/<target>/<int:version>/file")
def file(target: str, version: int) -> Response:
    """The same as one self-contained document."""
    language = request.args.get("language", desk.language())
    if language not in LANGUAGES:
        raise InputError(f"language {language[:10]!r}", ", ".join(LANGUAGES), "choose one of these")
    text = model_page.document(model_file(desk.read(), desk.desk().settings, desk.scope(), target, version), language)
    desk.close_read()
    record_export(bank(), desk.scope(), target, version)
    name = "".join(letter if letter.isalnum() else "-" for letter in target)
    response = Response(text, mimetype="text/html")
    response.headers["Content-Disposition"] = f'attachment; filename="model-{name}-v{version}-{language}.html"'
    return response


@BLUEPRINT.post("/<target>/<int:version>/propose")
def propose(target: str, version: int) -> BaseResponse:
    """Propose that this version serve."""
    promotion.propose(bank(), desk.scope(), target, version, request.form.get("reason", ""))
    return _back(target, version)


@BLUEPRINT.post("/<target>/<int:version>/decide")
def decide(target: str, version: int) -> BaseResponse:
    """Approve or reject the proposed version."""
    reason = request.form.get("reason", "")
    if request.form.get("decision") == "approve":
        overrides = {name.removeprefix("override-"): text for name, text in request.form.items() if name.startswith("override-")}
        promotion.approve(bank(), desk.scope(), target, reason, overrides)
    else:
        promotion.reject(bank(), desk.scope(), target, reason)
    return _back(target, version)


@BLUEPRINT.post("/<target>/<int:version>/rollback")
def rollback(target: str, version: int) -> BaseResponse:
    """Let this earlier version serve again."""
    promotion.roll_back(bank(), desk.scope(), target, version, request.form.get("reason", ""))
    return _back(target, version)


@BLUEPRINT.post("/<target>/retraining")
def retraining(target: str) -> BaseResponse:
    """Answer a proposal to train again."""
    accept = request.form.get("decision") == "approve"
    promotion.decide_retraining(bank(), desk.scope(), target, request.form.get("reason", ""), accept=accept)
    return redirect(url_for("models.registry"), 303)


@BLUEPRINT.post("/alerts/<int:alert_id>")
def alert(alert_id: int) -> BaseResponse:
    """Take an alert over, or close it with a reason."""
    model_alerts.handle(bank(), desk.scope(), alert_id, request.form.get("decision", ""), request.form.get("reason", ""))
    return redirect(url_for("models.registry"), 303)


def bank() -> Bank:
    """What services need of this application."""
    here = desk.desk()
    return Bank(here.settings, here.engine, desk.policy())


def _back(target: str, version: int) -> BaseResponse:
    return redirect(url_for("models.version", target=target, version=version), 303)
