"""`bankseg segments ...`: the life of schemes, entries and exits, attributes of the bank's own, and the measured warnings."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from bankseg.cli.identity import scope_of
from bankseg.cli.outcome import answer, reported
from bankseg.cli.segments import AS_JSON
from bankseg.domain.errors import InputError
from bankseg.services import custom_attributes, scheme_life, segment_events, segment_memberships, warning_quality
from bankseg.services.bank import open_bank
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import reading

AS_PERSON = click.option("--as", "login", required=True, help="Login of the person who acts: names and rights are theirs.")
VERSION = click.option("--version", type=click.IntRange(min=0), default=None, help="Version of the scheme; default: the latest.")
REASON = click.option("--reason", required=True, help="Why, in a sentence.")
DAY = click.DateTime(["%Y-%m-%d"])


@click.command("publish")
@click.argument("scheme")
@VERSION
@AS_PERSON
@AS_JSON
def publish(scheme: str, version: int | None, login: str, *, as_json: bool) -> None:
    """Publish SCHEME when its scorecard has no red line; the version published before is retired."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        row = scheme_life.publish(bank.settings, bank.engine, scope_of(bank.engine, login), scheme, version)
        answer({"scheme": row.code, "version": row.version, "state": row.state}, as_json=as_json, text=f"{row.code} version {row.version} is published")


@click.command("override")
@click.argument("scheme")
@VERSION
@REASON
@AS_PERSON
@AS_JSON
def override(scheme: str, version: int | None, reason: str, login: str, *, as_json: bool) -> None:
    """Ask to publish SCHEME against red lines; another person decides."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        row = scheme_life.ask_override(bank.settings, bank.engine, scope_of(bank.engine, login), scheme, reason, version)
        answer(
            {"scheme": row.code, "version": row.version, "state": row.state},
            as_json=as_json,
            text=f"{row.code} version {row.version} waits for a second person",
        )


@click.command("decide")
@click.argument("scheme")
@click.option("--grant/--refuse", "is_granted", required=True, help="Whether the override is granted, and the version published.")
@REASON
@AS_PERSON
@AS_JSON
def decide(scheme: str, reason: str, login: str, *, is_granted: bool, as_json: bool) -> None:
    """Decide, as the second person, on the override that waits for SCHEME."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        row = scheme_life.decide_override(bank.settings, bank.engine, scope_of(bank.engine, login), scheme, reason, is_granted=is_granted)
        answer(
            {"scheme": row.code, "version": row.version, "state": row.state}, as_json=as_json, text=f"override of {row.code} version {row.version}: {row.state}"
        )


@click.command("retire")
@click.argument("scheme")
@REASON
@AS_PERSON
@AS_JSON
def retire(scheme: str, reason: str, login: str, *, as_json: bool) -> None:
    """Retire the published version of SCHEME."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        row = scheme_life.retire(bank.settings, bank.engine, scope_of(bank.engine, login), scheme, reason)
        answer({"scheme": row.code, "version": row.version, "state": row.state}, as_json=as_json, text=f"{row.code} version {row.version} is retired")


@click.command("refresh")
@AS_JSON
def refresh(*, as_json: bool) -> None:
    """Keep the memberships that are due with the published run and write who moved; beat does the same every BANKSEG_REFRESH_SECONDS."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        schema.upgrade(bank.engine)
        done = segment_memberships.refresh(bank.settings, bank.engine)
        answer(done, as_json=as_json, text=f"{done['kept']} memberships kept, {done['events']} moves written")


@click.command("changes")
@click.argument("scheme")
@click.option("--from", "opening", type=DAY, default=None, help="Opening date; default: the last published before the closing one.")
@click.option("--to", "closing", type=DAY, default=None, help="Closing date; default: the last published.")
@click.option("--segment", default="", help="Only moves in or out of this segment.")
@AS_PERSON
@AS_JSON
def changes(scheme: str, opening: datetime | None, closing: datetime | None, segment: str, login: str, *, as_json: bool) -> None:
    """Who entered and who left the segments of SCHEME between two published dates."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        scope = scope_of(bank.engine, login)
        dates = {"opening": opening.date() if opening else None, "closing": closing.date() if closing else None}
        with reading(bank.engine) as session:
            page = segment_events.changes_page(bank.settings, session, scope, scheme, segment=segment, **dates)
        lines = [f"{scheme}, from {page.opening.as_of} to {page.closing.as_of}: {page.moved:,} moves"]
        lines += [f"{one['code']:24s} {one['opening']:>9,} +{one['entered']:<7,} -{one['left']:<7,} = {one['closing']:>9,}" for one in page.books]
        document = {"scheme": scheme, "from": page.opening.as_of.isoformat(), "to": page.closing.as_of.isoformat(), "books": page.books, "moved": page.moved}
        answer({**document, "rows": page.rows}, as_json=as_json, text="\n".join(lines))


@click.command("own")
@click.argument("document", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--save", "is_saved", is_flag=True, help="Save it as the next version; without it the draft is only checked.")
@AS_PERSON
@AS_JSON
def own(document: Path, login: str, *, is_saved: bool, as_json: bool) -> None:
    """Check the bank's own attribute in the JSON file DOCUMENT on the published run, and save it."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        scope, draft = scope_of(bank.engine, login), custom_attributes.draft_of(_document(document))
        if is_saved:
            row = custom_attributes.save(bank.settings, bank.engine, scope, draft)
            answer({"name": row.name, "type": row.type, "reads": row.reads}, as_json=as_json, text=f"{row.name} saved")
            return
        with reading(bank.engine) as session:
            found = custom_attributes.check(bank.settings, session, scope, draft)
        told = {
            "type": found.expression.type,
            "reads": sorted(found.expression.reads),
            "purposes": list(found.purposes),
            "clients": found.clients,
            "known": found.known,
        }
        answer(told, as_json=as_json, text=f"{draft.code}: a {found.expression.type}, known for {found.known:,} of {found.clients:,} clients")


@click.command("warnings")
@AS_JSON
def warnings(*, as_json: bool) -> None:
    """Measure the early-warning rules on the history of the published run: hit rate, false alarms, lead days."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        schema.upgrade(bank.engine)
        found = warning_quality.measure(bank)
        lines = [f"{one['code']:4s} {one['level']:6s} {_line(one)}" for one in found["rules"]]
        answer(found, as_json=as_json, text="\n".join(lines))


def _line(one: dict[str, object]) -> str:
    if not one["fired"]:
        return "no alarm"
    lead = one["lead_days"]
    days = f", lead {lead[1]:.0f} days" if isinstance(lead, list | tuple) else ""
    return f"{one['fired']} alarms, hit rate {one['hit_rate']:.1%}, caught {one['caught']} of {one['events']}{days}"


def _document(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is not JSON: {error}", "an attribute as JSON", json.dumps(asdict(custom_attributes.Draft()))) from error
    if not isinstance(found, dict):
        raise InputError(f"{path.name} holds {type(found).__name__}", "an attribute as a JSON object")
    return found


COMMANDS = [publish, override, decide, retire, refresh, changes, own, warnings]
