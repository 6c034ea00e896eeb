"""`bankseg catalogue`: every feature, what it means, and how many clients have it."""

import click
from rich.console import Console
from rich.table import Table

from bankseg.cli.outcome import answer, reported
from bankseg.services.bank import open_bank
from bankseg.services.feature_catalogue import feature_catalogue
from bankseg.settings import Settings


@click.command("catalogue")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, as_json: bool) -> None:
    """List the features of this bank with definition, unit, family, purposes and coverage."""
    with reported(as_json=as_json):
        features = feature_catalogue(open_bank(Settings()))
        if as_json:
            answer({"features": features}, as_json=True, text="")
            return
        table = Table("feature", "family", "unit", "purposes", "coverage", "definition", title="Features", title_justify="left")
        for feature in features:
            share = feature["coverage"]
            shown = feature["state"] if feature["state"] == "no data" else "" if share is None else f"{share:.1%}"
            table.add_row(feature["name"], feature["family"], feature["unit"], ", ".join(feature["purposes"]), shown, feature["definition"])
        Console().print(table)
