"""`bankseg segments`: the attribute catalogue, schemes, previews, members and migration, on the published run."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import pyarrow.csv
import pyarrow.parquet

from bankseg.cli.identity import scope_of
from bankseg.cli.outcome import answer, reported
from bankseg.domain.errors import InputError
from bankseg.domain.people import Scope
from bankseg.domain.schemes import scheme_document
from bankseg.services.bank import Bank, open_bank
from bankseg.services.rolls import open_for
from bankseg.services.scheme_validity import validity
from bankseg.services.segment_designer import preview_rule, segment_clients, unreachable
from bankseg.services.segment_history import migration
from bankseg.services.segment_schemes import attributes_for, counted, list_schemes, save_scheme, scheme_for
from bankseg.settings import Settings
from bankseg.storage.database import reading, transaction

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
AS_LOGIN = click.option("--as", "login", default="", help="Login whose scope and rights apply; without it the whole book, as its operator.")


@click.group("segments")
def command() -> None:
    """Segment the published book: attributes, schemes, previews, members, migration, validity."""


@command.command("attributes")
@AS_LOGIN
@AS_JSON
def attributes(login: str, *, as_json: bool) -> None:
    """List every attribute a rule may read, with its purposes and coverage."""
    with reported(as_json=as_json):
        bank, scope = _opened(login)
        with reading(bank.engine) as session:
            found = attributes_for(bank.settings, open_for(bank.settings, session, scope), scope)
        rows: list[dict[str, Any]] = [
            {"name": one.name, "label_en": one.label_en, "label_fr": one.label_fr, "family": one.family, "type": one.type, "unit": one.unit, "source": one.source,
             "purposes": list(one.purposes), "is_protected": one.is_protected, "state": one.state, "coverage": one.coverage}
            for one in found.values()
        ]  # fmt: skip
        lines = [f"{row['name']:38s} {row['type']:9s} {_share(row['coverage']):>7s}  {row['label_en']}" for row in rows]
        answer({"attributes": rows}, as_json=as_json, text="\n".join(lines))


@command.command("list")
@AS_JSON
def list_command(*, as_json: bool) -> None:
    """List the schemes: ready-made ones and the bank's own."""
    with reported(as_json=as_json):
        bank, _ = _opened("")
        with reading(bank.engine) as session:
            rows = [
                {"code": one.scheme.code, "version": one.version, "state": one.state, "label_en": one.scheme.label_en, "label_fr": one.scheme.label_fr,
                 "purpose": one.scheme.purpose, "segments": len(one.scheme.segments), "is_exclusive": one.scheme.is_exclusive}
                for one in list_schemes(session)
            ]  # fmt: skip
        answer(
            {"schemes": rows},
            as_json=as_json,
            text="\n".join(f"{row['code']:18s} v{row['version']}  {row['segments']:2d} segments  {row['label_en']}" for row in rows),
        )


@command.command("show")
@click.argument("scheme")
@click.option("--version", type=click.IntRange(min=0), default=None, help="Version of the scheme; default: the latest, 0 is the ready-made one.")
@AS_LOGIN
@AS_JSON
def show(scheme: str, version: int | None, login: str, *, as_json: bool) -> None:
    """Count the segments of SCHEME on the published run."""
    with reported(as_json=as_json):
        bank, scope = _opened(login)
        with reading(bank.engine) as session:
            found = counted(bank.settings, session, scope, scheme_for(bank.settings, session, scope, scheme, version))
        document = {
            "scheme": scheme_document(found.entry.scheme), "version": found.entry.version, "run": found.roll.run.id, "as_of": found.roll.run.as_of,
            "segments": found.segments, "unreachable": unreachable(found.entry.scheme, found.segments),
        }  # fmt: skip
        lines = [f"{found.entry.scheme.label_en}, run {found.roll.run.id} as of {found.roll.run.as_of}"]
        lines += [f"{row['label']:44s} {row['clients']:>10,} {row['share']:>7.1%}  {row['rule']}" for row in found.segments]
        answer(document, as_json=as_json, text="\n".join(lines))


@command.command("preview")
@click.argument("rule", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--purpose",
    type=click.Choice(["describe", "marketing", "retention", "credit_review"]),
    default="marketing",
    show_default=True,
    help="What the rule is for.",
)
@click.option("--against", default="", help="SCHEME/SEGMENT saved before: who enters and who leaves.")
@AS_LOGIN
@AS_JSON
def preview(rule: Path, purpose: Any, against: str, login: str, *, as_json: bool) -> None:  # Any: one of the choices
    """Show what the rule in the JSON file RULE would hold, before it is saved."""
    with reported(as_json=as_json):
        bank, scope = _opened(login)
        before = _pair(against)
        with reading(bank.engine) as session:
            found = preview_rule(bank.settings, session, scope, _document(rule), purpose=purpose, against=before)
        document = {"run": found.roll.run.id, "as_of": found.roll.run.as_of, **found.profile, "movement": found.movement, "sample": found.sample}
        answer(document, as_json=as_json, text=f"{found.profile['clients']:,} of {found.profile['of']:,} clients as of {found.roll.run.as_of}")


@command.command("save")
@click.argument("document", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--note", default="", help="Why this version.")
@AS_LOGIN
@AS_JSON
def save(document: Path, note: str, login: str, *, as_json: bool) -> None:
    """Save the scheme in the TOML or JSON file DOCUMENT as the next version of its code."""
    with reported(as_json=as_json):
        bank, scope = _opened(login)
        with transaction(bank.engine) as session:
            row = save_scheme(bank.settings, session, scope, document.read_text(encoding="utf-8"), note=note, person_id=scope.person_id if scope else None)
            saved = {"code": row.code, "version": row.version, "sha256": row.sha256, "state": row.state}
        answer(saved, as_json=as_json, text=f"{saved['code']} version {saved['version']} saved")


@command.command("assign")
@click.argument("scheme")
@click.option("--segment", required=True, help="Code of the segment.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write: .csv or .parquet.")
@AS_LOGIN
@AS_JSON
def assign(scheme: str, segment: str, out: Path, login: str, *, as_json: bool) -> None:
    """Write the clients of one segment of SCHEME to a file; as many as its count says."""
    with reported(as_json=as_json):
        bank, scope = _opened(login)
        with reading(bank.engine) as session:
            roll, clients = segment_clients(bank.settings, session, scope, scheme, segment)
        if out.suffix == ".parquet":
            pyarrow.parquet.write_table(clients, out)
        elif out.suffix == ".csv":
            pyarrow.csv.write_csv(clients, out)
        else:
            raise InputError(f"a file named {out.name}", "a name that ends in .csv or .parquet")
        document = {"scheme": scheme, "segment": segment, "clients": clients.num_rows, "as_of": roll.run.as_of, "path": str(out)}
        answer(document, as_json=as_json, text=f"{clients.num_rows:,} clients written to {out}")


@command.command("migration")
@click.argument("what")
@click.option("--from", "opening", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Opening date; default: the last published before the closing one.")
@click.option("--to", "closing", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Closing date; default: the last published.")
@AS_LOGIN
@AS_JSON
def show_migration(what: str, opening: datetime | None, closing: datetime | None, login: str, *, as_json: bool) -> None:
    """Who moved between two published dates: WHAT is tier, segment, churn_band, activity, pmg, or an exclusive scheme."""
    with reported(as_json=as_json):
        bank, scope = _opened(login)
        with reading(bank.engine) as session:
            found = migration(bank.settings, session, scope, what, opening.date() if opening else None, closing.date() if closing else None)
        document = {
            "what": what, "from": found.opening.run.as_of, "to": found.closing.run.as_of, "matrix": found.matrix, "shares": found.shares,
            "books": [asdict(one) for one in found.books], "moved_clients": found.moved_clients,
        }  # fmt: skip
        lines = [f"{what}, from {found.opening.run.as_of} to {found.closing.run.as_of}: {found.moved_clients:,} clients moved"]
        lines += [f"{row['from_place'] or '(entered)':24s} -> {row['to_place'] or '(left)':24s} {row['clients']:>10,}" for row in found.matrix]
        answer(document, as_json=as_json, text="\n".join(lines))


@command.command("validity")
@click.argument("scheme")
@AS_LOGIN
@AS_JSON
def show_validity(scheme: str, login: str, *, as_json: bool) -> None:
    """The scorecard of every segment of SCHEME: six criteria with value, bound and verdict."""
    with reported(as_json=as_json):
        bank, scope = _opened(login)
        with reading(bank.engine) as session:
            found = validity(bank.settings, session, scope, scheme)
        cards = [{"segment": card.segment, "verdict": card.verdict, "criteria": [asdict(one) for one in card.criteria]} for card in found.cards]
        lines = [f"{card.segment:24s} {card.verdict:8s} " + "; ".join(f"{one.code} {one.verdict}" for one in card.criteria) for card in found.cards]
        answer({"scheme": scheme, "run": found.roll.run.id, "as_of": found.roll.run.as_of, "segments": cards}, as_json=as_json, text="\n".join(lines))


def _opened(login: str) -> tuple[Bank, Scope | None]:
    bank = open_bank(Settings())
    return bank, scope_of(bank.engine, login) if login else None


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is not JSON: {error}", "a rule as JSON") from error
    if not isinstance(found, dict):
        raise InputError(f"{path.name} holds {type(found).__name__}", "a rule as a JSON object")
    return found


def _pair(text: str) -> tuple[str, str] | None:
    if not text:
        return None
    scheme, mark, segment = text.partition("/")
    if not mark or not segment:
        raise InputError(f"--against {text!r}", "SCHEME/SEGMENT")
    return scheme, segment


def _share(value: float | None) -> str:
    return "no data" if value is None else f"{value:.1%}"
