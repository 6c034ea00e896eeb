"""What templates may call: words, formats, addresses of assets, and the frame of the page."""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from flask import Flask, g, request, url_for
from jinja2 import pass_context
from jinja2.runtime import Context

from bankseg.domain import governance, reasons
from bankseg.domain.rights import Right, may, sees
from bankseg.services.stamp import outcome_labels, segment_labels
from bankseg.web import desk, formats, i18n
from bankseg.web.forms import form_token
from bankseg.web.frame import navigation
from bankseg.web.i18n import refusals, rules

# Third-party files that the build puts under static/vendor; a page works without any of them.
VENDOR = {"htmx": "vendor/htmx.min.js", "charts": "vendor/echarts.common.min.js"}


def install(app: Flask) -> None:
    """Register filters and globals."""
    static = Path(app.static_folder or "")
    present = {name: path for name, path in VENDOR.items() if (static / path).is_file()}

    @app.context_processor
    def frame() -> dict[str, Any]:
        known = desk.role()
        return {
            "person": desk.person(),
            "language": desk.language(),
            "navigation": navigation(known, request.endpoint or "") if known else [],
            "vendor": present,
            "may": lambda right: known is not None and may(known, Right(right)),
            "sees": lambda field: known is not None and sees(known, field),
        }

    app.jinja_env.globals.update(_=_words, label=_label, form_token=form_token, asset=lambda name: _asset(static, name), with_query=with_query, phrase=_phrase)
    app.jinja_env.globals.update(segment_reason=_segment_reason, tier_reason=_tier_reason, evidence=_evidence)
    app.jinja_env.globals.update(governance=_governance, target_name=_target_name, alert_words=_alert_words)
    app.jinja_env.filters["figure"] = _in_page_language(governance.figure)
    app.jinja_env.filters["refusal"] = _in_page_language(refusals.refusal)
    for form in (formats.money, formats.exact_money, formats.share, formats.number, formats.day, formats.month, formats.instant):
        app.jinja_env.filters[form.__name__] = _in_page_language(form)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def with_query(endpoint: str = "", **changes: object) -> str:
    """Address of this page, or of another with the same filter, with some parameters replaced; an empty value takes one away, and paging starts again."""
    query: dict[str, list[str]] = {name: values for name, values in request.args.to_dict(flat=False).items() if name not in {"after", "format"}}
    query |= {name: [str(value)] if value not in {None, ""} else [] for name, value in changes.items()}
    address = url_for(endpoint or request.endpoint or "entrance.home", **(request.view_args or {}))
    tail = urlencode([(name, value) for name, values in query.items() for value in values if value])
    return f"{address}?{tail}" if tail else address


def _in_page_language(form: Callable[..., str]) -> Callable[..., str]:
    """A format as a filter; told that it depends on the page, or Jinja would fold a constant in the first reader's language."""

    @pass_context
    def filtered(context: Context, *values: object) -> str:
        return form(*values, _language(context))

    return filtered


def _language(context: Context) -> str:
    """The language of the page, which the frame of every page tells; a page asks a thousand times."""
    return cast("str", context.get("language") or desk.language())


@pass_context
def _words(context: Context, text: str, **values: object) -> str:
    return i18n.words(text, _language(context), **values)


@pass_context
def _label(context: Context, kind: str, code: object) -> str:
    language = _language(context)
    if kind == "segment" and code in _segments():
        return _segments()[str(code)][language]
    if kind == "target" and str(code).startswith("label:") and code in _outcomes():
        return _outcomes()[str(code)][language]
    return i18n.label(kind, None if code is None else str(code), language)


def _phrase(reason: dict[str, Any], currency: str | None = None) -> str:
    """One stored reason in words; those stored before peers were known are told without them."""
    return reasons.phrase(
        str(reason.get("family", "")),
        str(reason.get("direction", "+")),
        str(reason.get("feature", "")),
        reason.get("value"),
        desk.language(),
        peer=reason.get("peer", reasons.NOT_COMPARED),
        currency=currency or "",
    )


def _governance(kind: str, code: str) -> str:
    return governance.say(kind, code, desk.language())


def _target_name(target: str) -> str:
    return governance.target_name(target, desk.language())


def _alert_words(alert: dict[str, Any]) -> str:
    return governance.say("alerts", str(alert["kind"]), desk.language(), alert)


def _segments() -> dict[str, dict[str, str]]:
    """The names the bank gave its segments, read once a page."""
    if "segments" not in g:
        g.segments = segment_labels(desk.read())
    return cast("dict[str, dict[str, str]]", g.segments)


def _outcomes() -> dict[str, dict[str, str]]:
    """The names the bank gave its own outcomes, read once a page."""
    if "outcomes" not in g:
        g.outcomes = outcome_labels(desk.read())
    return cast("dict[str, dict[str, str]]", g.outcomes)


def _segment_reason(text: str) -> str:
    return rules.segment_reason(text, desk.language())


def _tier_reason(text: str) -> str:
    return rules.tier_reason(text, desk.language())


def _evidence(trigger: dict[str, Any]) -> str:
    return reasons.figure(str(trigger.get("evidence")), trigger.get("value"), desk.language())


def _asset(static: Path, name: str) -> str:
    return url_for("static", filename=name, v=_version(static / name))


@cache
def _version(path: Path) -> str:
    """A mark that changes with the file, so that browsers may keep what they have."""
    return sha256(path.read_bytes()).hexdigest()[:10] if path.is_file() else "0"
