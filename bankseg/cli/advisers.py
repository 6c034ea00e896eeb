"""`bankseg advisers`: who has which skills, and how many clients each can carry."""

from dataclasses import asdict
from pathlib import Path

import click

from bankseg.cli.outcome import answer, reported
from bankseg.services.adviser_proposals import ask
from bankseg.services.advisers import known_advisers, load_advisers
from bankseg.settings import Settings
from bankseg.storage.database import make_engine


@click.group("advisers")
def command() -> None:
    """Skills, languages and capacity of advisers; who serves whom still comes from the bank's extract alone."""


@command.command("load")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def load(file: Path, *, as_json: bool) -> None:
    """Load a CSV of rm_id, skills, languages, capacity and branch_id (codes parted by ;). Good rows go on, refused ones are told by line."""
    with reported(as_json=as_json):
        done = load_advisers(make_engine(Settings().store), file)
        told = [f"line {row.line}: {row.found}. Expected: {row.expected}. What to do: {row.remedy}." for row in done.rejected]
        answer(asdict(done), as_json=as_json, text="\n".join([f"{done.read} rows read, {done.loaded} loaded, {len(done.rejected)} rejected", *told]))


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def listed(*, as_json: bool) -> None:
    """Say who is known, by branch."""
    with reported(as_json=as_json):
        rows = known_advisers(make_engine(Settings().store))
        lines = [f"{row.branch_id} {row.rm_id}: {row.capacity} clients; {', '.join([*row.skills, *row.languages]) or 'no skill named'}" for row in rows]
        answer({"advisers": [row.model_dump() for row in rows]}, as_json=as_json, text="\n".join(lines) or "no adviser is known")


@command.command("propose")
@click.argument("branch_id")
@click.option("--reason", required=True, help="Why, in 10 to 500 characters and without naming a client.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def propose(branch_id: str, reason: str, *, as_json: bool) -> None:
    """Work out who should serve whom in a branch on the published run; a head of the branch or the administrator decides on the page."""
    with reported(as_json=as_json):
        settings = Settings()
        number = ask(settings, make_engine(settings.store), None, branch_id, reason)
        answer({"proposal_id": number}, as_json=as_json, text=f"proposal {number} waits for a decision on its page")
