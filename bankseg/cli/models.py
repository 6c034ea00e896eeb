"""`bankseg models`: the registry of propensity models, and the decisions about it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bankseg.cli.identity import scope_of
from bankseg.cli.outcome import answer, reported
from bankseg.delivery.model_page import document
from bankseg.domain.errors import InputError
from bankseg.domain.governance import figure, say
from bankseg.services import promotion
from bankseg.services.bank import Bank, open_bank
from bankseg.services.model_export import export_model_file
from bankseg.services.model_file import model_file
from bankseg.services.models_desk import models_page
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import reading
from bankseg.storage.propensity_model import PropensityModel

LANGUAGES = ("en", "fr")


@click.group("models")
def command() -> None:
    """Show the registry of propensity models and decide about it: two persons, with reasons, at measured gates."""


def _as_person(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--as", "login", required=True, help="Login of the person who acts.")(function)


def _with_reason(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--reason", required=True, help="Why, for whoever reads it in a year.")(function)


def _as_json(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(function)


@command.command("list")
@click.argument("target", required=False)
@_as_person
@_as_json
def list_models(target: str | None, login: str, *, as_json: bool) -> None:
    """Every version of every target, or of TARGET: standing, figures, age, drift, gates."""
    with reported(as_json=as_json):
        bank = _bank()
        with reading(bank.engine) as session:
            page = models_page(session, scope_of(bank.engine, login), target)
        lines = [_line(row) for row in page.rows] or ["no model was trained yet"]
        lines += [
            f"proposed: {one['kind']} of {one['target']} {_number(one['version'])} by {one['proposed_by'] or 'the schedule'}: {one['reason']}"
            for one in page.proposals
        ]
        lines += [f"alert {one['id']} ({one['state']}, {one['owner']}): {one['target']}: {one['words']}" for one in page.alerts]
        answer({"models": page.rows, "proposals": page.proposals, "alerts": page.alerts}, as_json=as_json, text="\n".join(lines))


@command.command("show")
@click.argument("target")
@click.argument("version", type=int)
@_as_person
@_as_json
def show(target: str, version: int, login: str, *, as_json: bool) -> None:
    """The model file of one version, shortened to its gates and decisions; --json prints it whole."""
    with reported(as_json=as_json):
        bank = _bank()
        with reading(bank.engine) as session:
            found = model_file(session, bank.settings, scope_of(bank.engine, login), target, version)
        answer(found, as_json=as_json, text="\n".join(_told(found)))


@command.command("propose")
@click.argument("target")
@click.argument("version", type=int)
@_as_person
@_with_reason
@_as_json
def propose(target: str, version: int, login: str, reason: str, *, as_json: bool) -> None:
    """Propose that VERSION become the champion of TARGET; another person decides."""
    with reported(as_json=as_json):
        bank = _bank()
        number = promotion.propose(bank, scope_of(bank.engine, login), target, version, reason)
        answer(
            {"proposal": number, "target": target, "version": version},
            as_json=as_json,
            text=f"{target} version {version} is proposed and waits for a second person",
        )


@command.command("approve")
@click.argument("target")
@click.option("--override", "overrides", multiple=True, metavar="GATE=REASON", help="Why the version may serve although this gate is red; once a red gate.")
@_as_person
@_with_reason
@_as_json
def approve(target: str, login: str, reason: str, overrides: tuple[str, ...], *, as_json: bool) -> None:
    """Let the proposed version of TARGET serve from the next run on."""
    with reported(as_json=as_json):
        bank = _bank()
        model = promotion.approve(bank, scope_of(bank.engine, login), target, reason, dict(_override(text) for text in overrides))
        _answer_standing(model, as_json=as_json)


@command.command("reject")
@click.argument("target")
@_as_person
@_with_reason
@_as_json
def reject(target: str, login: str, reason: str, *, as_json: bool) -> None:
    """Reject the proposed version of TARGET."""
    with reported(as_json=as_json):
        bank = _bank()
        _answer_standing(promotion.reject(bank, scope_of(bank.engine, login), target, reason), as_json=as_json)


@command.command("rollback")
@click.argument("target")
@click.option("--to", "version", type=int, default=None, help="An earlier version that has served; default: the champion before this one.")
@_as_person
@_with_reason
@_as_json
def rollback(target: str, version: int | None, login: str, reason: str, *, as_json: bool) -> None:
    """Let an earlier champion of TARGET serve again, at once."""
    with reported(as_json=as_json):
        bank = _bank()
        _answer_standing(promotion.roll_back(bank, scope_of(bank.engine, login), target, version, reason), as_json=as_json)


@command.command("retrain")
@click.argument("target")
@click.option("--accept/--refuse", default=True, show_default=True, help="The answer to the open proposal.")
@_as_person
@_with_reason
@_as_json
def retrain(target: str, login: str, reason: str, *, accept: bool, as_json: bool) -> None:
    """Answer the proposal to train TARGET again; the next run serves an accepted one."""
    with reported(as_json=as_json):
        bank = _bank()
        promotion.decide_retraining(bank, scope_of(bank.engine, login), target, reason, accept=accept)
        text = "the next run trains it" if accept else "it is not trained again for now"
        answer({"target": target, "accepted": accept}, as_json=as_json, text=f"{target}: {text}")


@command.command("export")
@click.argument("target")
@click.argument("version", type=int)
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the file.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File to write; default: under exports.")
@_as_person
@_as_json
def export(target: str, version: int, language: str, out: Path | None, login: str, *, as_json: bool) -> None:  # one argument an option
    """Write the model file as one self-contained HTML document with its plots; a browser prints it to PDF."""
    with reported(as_json=as_json):
        bank = _bank()
        safe = "".join(letter if letter.isalnum() or letter in "_-" else "-" for letter in target)
        path = out or bank.settings.exports / f"model-{safe}-v{version}-{language}.html"
        size = export_model_file(bank, scope_of(bank.engine, login), target, version, path, lambda found: document(found, language))
        answer({"path": str(path), "bytes": size}, as_json=as_json, text=f"{path} ({size:,} bytes); print it from a browser for a PDF")


def _bank() -> Bank:
    bank = open_bank(Settings())
    schema.upgrade(bank.engine)
    return bank


def _override(text: str) -> tuple[str, str]:
    gate, sign, reason = text.partition("=")
    if not sign:
        raise InputError(f"--override {text!r}", "GATE=REASON", "name the gate, then the reason")
    return gate.strip(), reason


def _answer_standing(model: PropensityModel, *, as_json: bool) -> None:
    document_ = {"target": model.target, "version": model.version, "status": str(model.status)}
    text = f"{model.target} version {model.version} is now {model.status}"
    answer(document_, as_json=as_json, text=f"{text}; the next run scores with it" if model.status == "champion" else text)


def _line(row: dict[str, Any]) -> str:
    figures = "  ".join(f"{say('metrics', name, 'en').split(' (')[0]} {_number(row[name])}" for name in ("roc_auc", "lift10", "empc", "ece"))
    drift = f"PSI {_number(row['score_psi'])} {row['score_level']}" if row["score_level"] else "not observed"
    gates = f"{row['red_gates']} red, {row['amber_gates']} amber"
    return f"{row['target']:<28} v{row['version']:<3} {row['status']:<10} as of {row['as_of']}  {figures}  {drift}  gates: {gates}"


def _told(found: dict[str, Any]) -> list[str]:
    model = found["model"]
    lines = [
        f"{model['target']} version {model['version']}, {model['status']}, as of {model['as_of']}, materiality {model['materiality']}, next review {model['next_review_on']}"
    ]
    lines += [f"  {gate['verdict']:<13} {gate['name']:<24} {gate['words']}" for gate in found["gates"]]
    lines += [f"  {one['action']:<20} {one['person'] or '':<20} {one['reason']}" for one in found["decisions"]]
    lines.append(f"  locked fold opened {len(found['openings'])} times")
    return lines


def _number(value: float | None) -> str:
    return figure(value, "en")
