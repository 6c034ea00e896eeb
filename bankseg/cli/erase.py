"""`bankseg erase` and `bankseg subject-access`: what a client may ask of the bank, from the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bankseg.cli.identity import scope_of
from bankseg.cli.outcome import answer, reported
from bankseg.domain.erasure import GROUNDS
from bankseg.services import erasure, objection
from bankseg.services.subject_access import write_subject_access
from bankseg.settings import Settings
from bankseg.storage.database import make_engine, reading


def _as_person(function: Callable[..., None]) -> Callable[..., None]:
    named = click.option("--as", "login", required=True, help="Login of the person who acts.")(function)
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(named)


def _with_reason(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--reason", required=True, help="Why, without naming the client: it outlives the erasure.")(function)


@click.group("erase")
def command() -> None:
    """Erase a client: asked by one person, approved by another, done by a worker."""


@command.command("ask")
@click.argument("client_id")
@click.option("--ground", type=click.Choice(GROUNDS), required=True, help="Ground of GDPR 17(1).")
@_with_reason
@_as_person
def ask(client_id: str, ground: str, reason: str, login: str, *, as_json: bool) -> None:
    """Ask that CLIENT_ID be erased; refused in words where a duty to keep stands."""
    with reported(as_json=as_json):
        settings = Settings()
        engine = make_engine(settings.store)
        number = erasure.ask(settings, engine, scope_of(engine, login), client_id, ground, reason)
        answer({"erasure_id": number}, as_json=as_json, text=f"erasure {number} waits for a second person: bankseg erase approve {number}")


@command.command("approve")
@click.argument("number", type=int)
@_with_reason
@_as_person
def approve(number: int, reason: str, login: str, *, as_json: bool) -> None:
    """Approve erasure NUMBER: the client is hidden at once, and a worker removes what there is."""
    _decide(number, reason, login, approve=True, as_json=as_json)


@command.command("refuse")
@click.argument("number", type=int)
@_with_reason
@_as_person
def refuse(number: int, reason: str, login: str, *, as_json: bool) -> None:
    """Refuse erasure NUMBER."""
    _decide(number, reason, login, approve=False, as_json=as_json)


@command.command("retry")
@click.argument("number", type=int)
@_as_person
def retry(number: int, login: str, *, as_json: bool) -> None:
    """Send a worker again to erasure NUMBER, whose attempts were used up."""
    with reported(as_json=as_json):
        settings = Settings()
        engine = make_engine(settings.store)
        erasure.retry(settings, engine, scope_of(engine, login), number)
        answer({"erasure_id": number}, as_json=as_json, text=f"a worker goes on with erasure {number}")


@command.command("status")
@click.argument("number", type=int)
@_as_person
def status(number: int, login: str, *, as_json: bool) -> None:
    """Where erasure NUMBER stands, and its receipt once it is done."""
    with reported(as_json=as_json):
        found = _told(number, login)
        lines = [f"erasure {number} of {found['pseudonym']}: {found['state']}" + (f", job {found['job_state']}" if found["job_state"] else "")]
        lines += [f"{one['count']:>9,}  {one['place']}" for one in found["receipt"].get("removed", ())]
        lines += [f"remains: {one['what']}" + (f" until {one['until']}" if "until" in one else "") for one in found["receipt"].get("remains", ())]
        answer(found, as_json=as_json, text="\n".join([*lines, *([found["error"]] if found["error"] else [])]))


@click.command("subject-access")
@click.argument("client_id")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="ZIP to write.")
@_as_person
def subject_access(client_id: str, out: Path, login: str, *, as_json: bool) -> None:
    """Write everything held on CLIENT_ID: JSON, and a page in English and in French."""
    with reported(as_json=as_json):
        settings = Settings()
        engine = make_engine(settings.store)
        rows = write_subject_access(settings, engine, scope_of(engine, login), client_id, out)
        answer({"rows": rows, "path": str(out)}, as_json=as_json, text=f"{rows} rows in {out}")


@click.command("objection")
@click.argument("client_id")
@click.option("--withdraw", "withdraws", is_flag=True, help="The client takes the objection back.")
@_as_person
def objects(client_id: str, login: str, *, withdraws: bool, as_json: bool) -> None:
    """Record that CLIENT_ID objects to marketing: in force with the next read of any list."""
    with reported(as_json=as_json):
        engine = make_engine(Settings().store)
        (objection.withdraw if withdraws else objection.record)(engine, scope_of(engine, login), client_id)
        answer({"client_id": client_id, "stands": not withdraws}, as_json=as_json, text="withdrawn" if withdraws else "on no list from now on")


COMMANDS = (command, subject_access, objects)


def _decide(number: int, reason: str, login: str, *, approve: bool, as_json: bool) -> None:
    with reported(as_json=as_json):
        settings = Settings()
        engine = make_engine(settings.store)
        erasure.decide(settings, engine, scope_of(engine, login), number, approve=approve, reason=reason)
        done = "approved: the client is hidden, a worker begins" if approve else "refused"
        answer({"erasure_id": number, "state": "approved" if approve else "refused"}, as_json=as_json, text=f"erasure {number} {done}")


def _told(number: int, login: str) -> dict[str, Any]:
    settings = Settings()
    engine = make_engine(settings.store)
    with reading(engine) as session:
        return erasure.erasure_document(erasure.erasure_page(settings, session, scope_of(engine, login), number))
