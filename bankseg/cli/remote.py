"""`bankseg remote`: work with a service that runs elsewhere, through its API."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bankseg.cli.outcome import answer, reported
from bankseg.client import Service
from bankseg.client.results import Run
from bankseg.delivery.columns import FORMATS
from bankseg.domain.errors import InputError

FILES = {"clients": "/files/clients", "cross-sell": "/files/cross-sell/{name}", "risk-queue": "/files/risk-queue", "list": "/lists/{name}/members"}
MOST_SHOWN = 50
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group("remote")
@click.option("--server", required=True, help="Address of the service, such as https://bankseg.example.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="File that holds a token made on the page of your account.",
)
@click.pass_context
def command(context: click.Context, server: str, token_file: Path) -> None:
    """Work with a service that runs elsewhere, through its API, with the rights of a token."""
    context.obj = lambda: Service(server, _token(token_file))


@command.command("status")
@AS_JSON
@click.pass_obj
def status(connect: Callable[[], Service], *, as_json: bool) -> None:
    """Say who calls, what the token opens, and which run is published."""
    with reported(as_json=as_json):
        service = connect()
        account = service.account()
        current = next((run for run in service.runs() if run.is_current), None)
        told = {
            "login": account.person["login"],
            "role": account.person["role"],
            "rights": account.rights,
            "published": _document(current) if current else None,
        }
        published = f"published run {current.run_id} as of {current.as_of}, {current.clients:,} clients" if current else "nothing is published yet"
        answer(told, as_json=as_json, text=f"{told['login']} ({told['role']}); the token opens {', '.join(account.rights)}\n{published}")


@command.command("clients")
@click.option("--tier", default="", help="Only this tier.")
@click.option("--segment", default="", help="Only this segment.")
@click.option("--sort", default="-churn", show_default=True, help="Order, with - in front for descending.")
@click.option("--most", type=click.IntRange(min=1), default=MOST_SHOWN, show_default=True, help="How many at most.")
@AS_JSON
@click.pass_obj
def clients(connect: Callable[[], Service], tier: str, segment: str, sort: str, most: int, *, as_json: bool) -> None:  # one argument an option
    """List clients of your scope."""
    with reported(as_json=as_json):
        found = [client for _, client in zip(range(most), connect().clients(tier=tier, segment=segment, sort=sort), strict=False)]
        lines = [
            f"{one.client_id:<14} {one.tier or '-':<9} {'-' if one.churn is None else f'{one.churn:.1%}':>7}  {one.segment or '-':<16} {one.name or ''}"
            for one in found
        ]
        answer({"clients": [_document(one) for one in found]}, as_json=as_json, text="\n".join(lines) or "nobody matches")


@command.command("runs")
@AS_JSON
@click.pass_obj
def runs(connect: Callable[[], Service], *, as_json: bool) -> None:
    """List the latest runs."""
    with reported(as_json=as_json):
        found = connect().runs()
        text = "\n".join(f"run {one.run_id:>4}  {one.as_of}  {one.state}{'  <- published' if one.is_current else ''}" for one in found) or "no run yet"
        answer({"runs": [_document(one) for one in found]}, as_json=as_json, text=text)


@command.command("run")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Last day whose data may be known; default: the last day of the data.")
@click.option("--retrain", is_flag=True, help="Train every target, also those whose model is young enough.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it ends and show how far it is.")
@AS_JSON
@click.pass_obj
def run(connect: Callable[[], Service], as_of: datetime | None, *, retrain: bool, wait: bool, as_json: bool) -> None:
    """Start a run, and wait for it."""
    with reported(as_json=as_json):
        service = connect()
        started = service.start_run(as_of.date().isoformat() if as_of else None, retrain=retrain)
        ended = service.wait(started, _show) if wait else started
        answer(_document(ended), as_json=as_json, text=f"run {ended.run_id} as of {ended.as_of}: {ended.state}{f', {ended.error}' if ended.error else ''}")


@command.command("lists")
@AS_JSON
@click.pass_obj
def lists(connect: Callable[[], Service], *, as_json: bool) -> None:
    """List the lists you may see."""
    with reported(as_json=as_json):
        found = connect().lists()
        text = "\n".join(f"list {one.id:>4}  {one.as_of}  {one.state:<9} {one.funnel.get('treated', 0):>8,}  {one.name}" for one in found) or "no list yet"
        answer({"lists": [_document(one) for one in found]}, as_json=as_json, text=text)


@command.command("export")
@click.argument("what", type=click.Choice(sorted(FILES)))
@click.option("--name", default="", help="Product of a cross-sell list, or number of a released list.")
@click.option("--format", "file_format", type=click.Choice(FORMATS), default="csv", show_default=True, help="Format of the file.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write.")
@AS_JSON
@click.pass_obj
def export(connect: Callable[[], Service], what: str, name: str, file_format: str, out: Path, *, as_json: bool) -> None:  # one argument an option
    """Fetch a list as a file."""
    with reported(as_json=as_json):
        if "{name}" in FILES[what] and not name:
            raise InputError(f"a {what} file without a name", "--name PRODUCT or --name NUMBER", "name the product or the list")
        rows = connect().download(FILES[what].format(name=name), out, format=file_format)
        answer({"path": str(out), "rows": rows}, as_json=as_json, text=f"{rows} rows in {out}")


def _token(path: Path) -> str:
    token = path.read_text(encoding="utf-8").strip()
    if not token or len(token.split()) != 1:
        raise InputError(f"no token in {path}", "one token and nothing else", "make one on the page of your account and put it there")
    return token


def _show(run: Run) -> None:
    stage = next((one["stage"] for one in run.stages or () if one["state"] == "running"), run.state)
    click.echo(f"run {run.run_id}: {run.share:4.0%} {stage}", err=True)


def _document(value: Any) -> dict[str, Any]:  # a value of results
    told = asdict(value)
    return {**told.pop("more"), **told}
