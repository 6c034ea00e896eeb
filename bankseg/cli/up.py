"""`bankseg up`: broker, worker and web server together."""

import click

from bankseg.cli.outcome import reported
from bankseg.embedded.serve import serve
from bankseg.settings import Settings


@click.command("up")
@click.option("--host", default=None, help="Address to bind; default: BANKSEG_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Port to bind; default: BANKSEG_PORT.")
def command(host: str | None, port: int | None) -> None:
    """Start broker, worker and web server, and keep them running until Ctrl-C."""
    with reported(as_json=False):
        settings = Settings()
        changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        serve(
            settings.model_copy(update=changes),
            announce=lambda address: click.echo(f"bankseg is up at {address} (Ctrl-C stops it)"),
            note=lambda text: click.echo(text, err=True),
        )
    click.echo("bankseg is down")
