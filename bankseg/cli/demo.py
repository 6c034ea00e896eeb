"""`bankseg demo`: a synthetic bank from its extract files to the desks."""

import threading
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import click
from rich.console import Console

from bankseg.cli.outcome import answer, reported
from bankseg.cli.progress import bars, counted_bar
from bankseg.cli.stages import run_to
from bankseg.demo.bank import DemoBank
from bankseg.domain.jobs import Stage
from bankseg.embedded.serve import serve
from bankseg.embedded.supervise import embedded_services
from bankseg.services import demo_desks, demo_speech
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
        dates = demo_dates(last_month_end.date())
        with embedded_services(settings):
            _publish_first(settings, dates, quiet=as_json)
            if not serve:
                _live_on(settings, demo, dates, seed, quiet=as_json)
        status = bank_status(open_bank(settings))
        answer(status, as_json=as_json, text=_told(status))
        if serve:
            _serve(settings, logins, lambda: _live_on(settings, demo, dates, seed, quiet=True))


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


def _told(status: dict[str, Any]) -> str:
    sizes = f"{status['clients']:,} clients in {len(status['segments'])} segments, {len(status['targets'])} models"
    return f"run {status['published_run']} as of {status['as_of']} is published: {sizes}"


def _publish_first(settings: Settings, dates: DemoDates, *, quiet: bool) -> None:
    """The first publication, whose models serve the later ones; nothing where a later date was published before."""
    bank = open_bank(settings)
    published = published_dates(bank)
    if dates.last not in published and dates.quarter_before not in published:
        demo_desks.agree_on_policy(bank)
        run_to(open_bank(settings), dates.quarter_before, Stage.PUBLISH, quiet=quiet)


def _live_on(settings: Settings, demo: DemoBank, dates: DemoDates, seed: int, *, quiet: bool) -> None:
    """Two more publications and what people do between them; a bank that was published for its last date before goes straight there."""
    bank = open_bank(settings)
    if dates.last not in published_dates(bank) and dates.month_before not in published_dates(bank):
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
    demo_speech.speak_to_segments(bank)
    demo_speech.hear_objection(bank)
    demo_desks.leave_work(bank)
    demo_desks.propose_advisers(bank)


def _serve(settings: Settings, logins: list[DemoLogin], live_on: Callable[[], None]) -> None:
    """Serve what is published, and let the bank live on meanwhile; what Ctrl-C leaves undone is done the next time."""

    def live() -> None:
        with reported(as_json=False):
            live_on()
            click.echo(_told(bank_status(open_bank(settings))))

    def announce(address: str) -> None:
        click.echo(f"\nbankseg is up at {address} (Ctrl-C stops it)\n")
        for login in logins:
            if login.login in SHOWN_LOGINS:
                click.echo(f"  {login.role:<22} {login.login:<18} password {login.password}")
        click.echo("\nThe bank lives on while you look: its later months are published, and worked on, within a minute or two.\n")
        threading.Thread(target=live, name="demo", daemon=True).start()

    serve(settings, announce=announce, note=lambda text: click.echo(text, err=True))
