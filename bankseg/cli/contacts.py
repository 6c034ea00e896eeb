"""`bankseg contacts`: what became of contacts, as an extract for the next load."""

from datetime import datetime
from pathlib import Path

import click

from bankseg.cli.outcome import answer, reported
from bankseg.delivery.columns import FORMATS, Format
from bankseg.services.contact_log import export_contacts
from bankseg.settings import Settings
from bankseg.storage.database import make_engine

DAY = click.DateTime(["%Y-%m-%d"])


@click.command("contacts")
@click.option("--since", type=DAY, required=True, help="First day.")
@click.option("--until", type=DAY, required=True, help="Last day.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write.")
@click.option("--format", "file_format", type=click.Choice(FORMATS), default="csv", show_default=True, help="Format of the file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(since: datetime, until: datetime, out: Path, file_format: Format, *, as_json: bool) -> None:
    """Write the contacts that people recorded as an extract of interactions: load it like any other, and the next run learns from it. Notes stay here."""
    with reported(as_json=as_json):
        rows = export_contacts(make_engine(Settings().store), out, since.date(), until.date(), file_format=file_format)
        answer({"rows": rows, "path": str(out)}, as_json=as_json, text=f"{rows} contacts in {out}")
