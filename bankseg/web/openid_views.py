"""Signing in by an OpenID provider, and linking a person to a subject of it."""

import logging
import time
from typing import cast

from flask import Blueprint, Flask, current_app, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bankseg.domain.errors import NotFoundError, ServiceUnavailableError
from bankseg.services import openid_sign_in as service
from bankseg.services.openid import Provider, RefusedSignInError
from bankseg.services.openid_terms import openid_terms
from bankseg.services.sign_in import LANGUAGES
from bankseg.storage import openid
from bankseg.web import desk, forms
from bankseg.web.access import let_in, safe_target

BLUEPRINT = Blueprint("openid", __name__)
EXTENSION = "bankseg.openid"
OPENID_LIMIT = "120 per minute"  # from one address: a whole branch may come from one
LOG = logging.getLogger(__name__)


def install(app: Flask) -> None:
    """Read on which terms a provider is trusted; half-given settings end the start here."""
    terms = openid_terms(desk.of(app).settings)
    app.extensions[EXTENSION] = None if terms is None else Provider(terms, time.monotonic)
    app.jinja_env.globals["openid_is_on"] = terms is not None


@BLUEPRINT.get("/sign-in/openid")
def start() -> BaseResponse | tuple[str, int]:
    """Send the browser to the provider."""
    provider, wanted = _provider(), request.args.get("next", "")
    if desk.person() is not None:
        return redirect(safe_target(wanted), 303)
    asked = request.args.get("language", "")
    g.language = asked if asked in LANGUAGES else g.language
    try:
        way = service.begin(desk.desk().engine, provider, forms.visit(), _answer_url(), wanted=safe_target(wanted), language=g.language)
    except ServiceUnavailableError as error:
        return _away(error)
    return redirect(way, 303)


@BLUEPRINT.get("/sign-in/openid/answer")
def answer() -> BaseResponse | tuple[str, int]:
    """Open a session for whom the provider vouches for."""
    provider, given = _provider(), request.args
    g.language = service.language_of(given.get("state", "")) or g.language
    told = service.Answer(given.get("state", ""), given.get("code", ""), given.get("error", ""), given.get("iss", ""))
    try:
        opened = service.finish(desk.desk().engine, provider, forms.visit(), _answer_url(), told, now=int(time.time()))
    except ServiceUnavailableError as error:
        return _away(error)
    except RefusedSignInError as error:
        return _page(error.reason, error.subject), error.status
    return let_in(opened.token, opened.wanted)


@BLUEPRINT.post("/administration/people/<int:person_id>/openid")
def link(person_id: int) -> BaseResponse:
    """Link a person to a subject, or to none."""
    service.link(desk.desk().engine, desk.scope(), _provider().terms, person_id, request.form.get("subject", "").strip())
    return redirect(url_for("administration.person", person_id=person_id), 303)


def linked(person_id: int) -> str:
    """The subject a person is linked to; empty when to none, or where no provider is set."""
    provider = cast("Provider | None", current_app.extensions[EXTENSION])
    return "" if provider is None else openid.subject_of(desk.read(), provider.terms.issuer, person_id) or ""


def _provider() -> Provider:
    provider = cast("Provider | None", current_app.extensions[EXTENSION])
    if provider is None:
        raise NotFoundError("no provider is set")
    return provider


def _answer_url() -> str:
    """The address the provider sends browsers back to, as it is registered there."""
    return url_for("openid.answer", _external=True, _scheme="https" if desk.desk().settings.secure_cookies else None)


def _away(error: ServiceUnavailableError) -> tuple[str, int]:
    LOG.error("sign-in by OpenID Connect: %s", error)
    return _page("away"), error.status


def _page(reason: str, subject: str = "") -> str:
    return render_template("sign_in.html", wanted="", refused=False, login="", openid_reason=reason, openid_subject=subject)
