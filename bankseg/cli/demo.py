"""`bankseg demo`: a synthetic bank from its extract files to the desks."""

from datetime import date, datetime

import click
from rich.console import Console

from bankseg.cli.outcome import answer, reported
from bankseg.cli.progress import bars, counted_bar
from bankseg.cli.stages import run_to
from bankseg.domain.jobs import Stage
from bankseg.embedded.serve import serve
from bankseg.services.bank import Bank, open_bank
from bankseg.services.demo import DemoLogin, load_demo_extracts, make_demo_extracts, make_demo_people
from bankseg.services.status import bank_status
from bankseg.settings import Settings
from bankseg.storage import schema

SHOWN_LOGINS = ("rm.martin", "marketing.dupont", "risk.bernard", "models.leroy", "audit.roche", "admin.petit")


@click.command("demo")
@click.option("--clients", type=click.IntRange(200), default=20_000, show_default=True, help="Clients of the synthetic bank.")
@click.option("--months", type=click.IntRange(24), default=36, show_default=True, help="Months of history.")
@click.option("--seed", type=int, default=20251231, show_default=True, help="Seed of the synthetic bank.")
@click.option("--last-month-end", type=click.DateTime(["%Y-%m-%d"]), default="2025-12-31", show_default=True, help="Last day of the history.")
@click.option("--serve/--no-serve", default=True, show_default=True, help="Start the web server and the worker at the end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (with --no-serve).")
def command(*, clients: int, months: int, seed: int, last_month_end: datetime, serve: bool, as_json: bool) -> None:
    """Generate a synthetic bank, load, train, score, segment and publish it, then serve it. Safe to run again: it resumes."""
    with reported(as_json=as_json):
        settings = Settings()
        bank = open_bank(settings)
        schema.upgrade(bank.engine)
        _prepare(bank, clients, months, seed, last_month_end.date(), quiet=as_json)
        run_to(open_bank(settings), last_month_end.date(), Stage.PUBLISH, quiet=as_json)
        logins = make_demo_people(bank)
        status = bank_status(open_bank(settings))
        text = f"run {status['published_run']} as of {status['as_of']} is published: {status['clients']:,} clients in {len(status['segments'])} segments, {len(status['targets'])} models"
        answer(status, as_json=as_json, text=text)
        if serve:
            _serve(settings, logins)


def _prepare(bank: Bank, clients: int, months: int, seed: int, last: date, *, quiet: bool) -> None:
    with bars(quiet=quiet) as progress:
        show = counted_bar(progress)
        demo = make_demo_extracts(
            bank, clients=clients, months=months, seed=seed, last_month_end=last, progress=lambda _what, done, total: show("generate", done, total)
        )
        rows = sum(demo.rows.values())
        report = load_demo_extracts(bank, demo, clients=clients, progress=lambda what, done: show(f"ingest:{what}", min(done, rows), rows))
        show("ingest:done", rows, rows)
    if not quiet:
        loaded = [file for file in report.files if file.state == "loaded"]
        read, accepted, quarantined, duplicates = (sum(getattr(file, name) for file in loaded) for name in ("read", "accepted", "quarantined", "duplicates"))
        text = f"{len(loaded)} files loaded: {read:,} rows read = {accepted:,} accepted + {quarantined:,} quarantined + {duplicates:,} duplicates"
        Console(stderr=True).print(text if loaded else "every file was loaded before", markup=False, highlight=False)


def _serve(settings: Settings, logins: list[DemoLogin]) -> None:
    def announce(address: str) -> None:
        click.echo(f"\nbankseg is up at {address} (Ctrl-C stops it)\n")
        for login in logins:
            if login.login in SHOWN_LOGINS:
                click.echo(f"  {login.role:<22} {login.login:<18} password {login.password}")

    serve(settings, announce=announce, note=lambda text: click.echo(text, err=True))
