"""`bankseg demo`: a synthetic bank from its extract files to the desks."""

from datetime import date, datetime

import click
from rich.console import Console

from bankseg.cli.outcome import answer, reported
from bankseg.cli.progress import bars, counted_bar
from bankseg.cli.stages import run_to
from bankseg.demo.bank import DemoBank
from bankseg.domain.jobs import Stage
from bankseg.embedded.serve import serve
from bankseg.embedded.supervise import embedded_services
from bankseg.services import demo_desks
from bankseg.services.bank import Bank, open_bank
from bankseg.services.demo import DemoDates, DemoLogin, demo_dates, load_demo_extracts, make_demo_extracts, make_demo_people, published_dates
from bankseg.services.runs import start_run
from bankseg.services.status import bank_status
from bankseg.settings import Settings
from bankseg.storage import schema

SHOWN_LOGINS = ("rm.martin", "marketing.dupont", "risk.bernard", "models.leroy", "audit.roche", "admin.petit")


@click.command("demo")
@click.option("--clients", type=click.IntRange(200), default=20_000, show_default=True, help="Clients of the synthetic bank.")
@click.option("--months", type=click.IntRange(24), default=37, show_default=True, help="Months of history.")
@click.option("--seed", type=int, default=20251231, show_default=True, help="Seed of the synthetic bank.")
@click.option("--last-month-end", type=click.DateTime(["%Y-%m-%d"]), default="2025-12-31", show_default=True, help="Last day of the history.")
@click.option("--serve/--no-serve", default=True, show_default=True, help="Start the web server and the worker at the end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (with --no-serve).")
def command(*, clients: int, months: int, seed: int, last_month_end: datetime, serve: bool, as_json: bool) -> None:
    """Generate a synthetic bank, load it, train, score, segment and publish a quarter of it, work at its desks, then serve it. Safe to run again: it resumes."""
    with reported(as_json=as_json):
        settings = Settings()
        bank = open_bank(settings)
        schema.upgrade(bank.engine)
        demo = _prepare(bank, clients, months, seed, last_month_end.date(), quiet=as_json)
        logins = make_demo_people(bank)
        with embedded_services(settings):
            _live(settings, demo, demo_dates(last_month_end.date()), seed, quiet=as_json)
        status = bank_status(open_bank(settings))
        text = f"run {status['published_run']} as of {status['as_of']} is published: {status['clients']:,} clients in {len(status['segments'])} segments, {len(status['targets'])} models"
        answer(status, as_json=as_json, text=text)
        if serve:
            _serve(settings, logins)


def _prepare(bank: Bank, clients: int, months: int, seed: int, last: date, *, quiet: bool) -> DemoBank:
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
    return demo


def _live(settings: Settings, demo: DemoBank, dates: DemoDates, seed: int, *, quiet: bool) -> None:
    """Three publications and what people do between them; a bank that was published for its last date before goes straight there."""
    bank = open_bank(settings)
    if dates.last not in published_dates(bank):
        demo_desks.agree_on_policy(bank)
        bank = open_bank(settings)
        if dates.quarter_before not in published_dates(bank):
            run_to(bank, dates.quarter_before, Stage.PUBLISH, quiet=quiet)
        if dates.month_before not in published_dates(bank):
            demo_desks.send_list(bank, dates.quarter_before)
            demo_desks.review_cases(bank, demo_desks.EARLIER_CASES, dates.month_before)
            demo_desks.publish_scheme(bank)
            demo_desks.load_answers(bank, demo, seed)
            start_run(bank, dates.month_before)
            start_run(bank, dates.last, Stage.SCORE)  # beside the other date: its tiers wait for those of the month before
            run_to(bank, dates.month_before, Stage.PUBLISH, quiet=quiet)
    run_to(bank, dates.last, Stage.PUBLISH, quiet=quiet)
    demo_desks.review_cases(bank, demo_desks.LATER_CASES, demo_desks.day_to_watch(dates.last))
    demo_desks.call_clients(bank, demo_desks.CALLERS)
    demo_desks.leave_work(bank)


def _serve(settings: Settings, logins: list[DemoLogin]) -> None:
    def announce(address: str) -> None:
        click.echo(f"\nbankseg is up at {address} (Ctrl-C stops it)\n")
        for login in logins:
            if login.login in SHOWN_LOGINS:
                click.echo(f"  {login.role:<22} {login.login:<18} password {login.password}")

    serve(settings, announce=announce, note=lambda text: click.echo(text, err=True))
