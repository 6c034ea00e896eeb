"""`bankseg doctor`: what is wrong with this installation, and what to do."""

import json
import os
import sys
import time
from dataclasses import asdict

import click
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from bankseg.domain.errors import BanksegError, ConfigurationError
from bankseg.services.doctor import Check, State, examine
from bankseg.settings import Settings

MARKS = {State.OK: ("ok", "green"), State.WARNING: ("warning", "yellow"), State.PROBLEM: ("PROBLEM", "red")}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, as_json: bool) -> None:
    """Check configuration, store, broker, worker, lake and machine, and say what to do. Exit code 3 when there is a problem."""
    checks = _checks()
    healthy = all(check.state != State.PROBLEM for check in checks)
    if as_json:
        click.echo(json.dumps({"healthy": healthy, "checks": [asdict(check) for check in checks]}))
    else:
        _show(checks)
    sys.exit(0 if healthy else ConfigurationError.exit_code)


def _checks() -> list[Check]:
    try:
        return examine(Settings(), time.time(), dict(os.environ))
    except ValidationError as error:
        return [
            Check("configuration", State.PROBLEM, f"{'.'.join(str(part) for part in slip['loc'])}: {slip['msg']}", "correct the BANKSEG_ variable")
            for slip in error.errors()
        ]
    except BanksegError as error:
        return [Check("configuration", State.PROBLEM, error.found, error.remedy or error.expected)]


def _show(checks: list[Check]) -> None:
    table = Table("", "check", "found", "what to do", title="bankseg doctor", title_justify="left")
    for check in checks:
        text, style = MARKS[check.state]
        table.add_row(f"[{style}]{text}[/{style}]", check.name, _plain(check.found), _plain(check.remedy))
    Console().print(table)


def _plain(text: str) -> str:
    """Text in which rich sees no markup."""
    return text.replace("[", r"\[")
