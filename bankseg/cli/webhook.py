"""`bankseg webhook`: how the bank's own systems are told what happened."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from bankseg.cli.outcome import answer, reported
from bankseg.domain.errors import ServiceUnavailableError
from bankseg.services import webhook
from bankseg.services.bank import Bank, open_bank
from bankseg.settings import Settings


@contextmanager
def _bank(*, as_json: bool) -> Iterator[Bank]:
    """The bank of one command; its connections are closed at the end."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        try:
            yield bank
        finally:
            bank.engine.dispose()


@click.group("webhook")
def command() -> None:
    """The address that is told of publications, moves between segments and released lists (BANKSEG_WEBHOOK_URL)."""


@command.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status(*, as_json: bool) -> None:
    """Say what waits for the receiver, and what it last said."""
    with _bank(as_json=as_json) as bank:
        found = webhook.known(bank.settings, bank.engine)
        again = f", tried again in {found.due_in_seconds:.0f} s" if found.attempts else ""
        said = f"; last: {found.answer}" if found.answer else ""
        answer(asdict(found), as_json=as_json, text=f"{found.waiting} messages wait, {found.attempts} failed attempts{again}{said}")


@command.command("test")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def test(*, as_json: bool) -> None:
    """Post one message that tells of nothing, signed like all others."""
    with _bank(as_json=as_json) as bank:
        said = webhook.tested(bank.settings, bank.engine)
        if not said.is_taken:
            raise ServiceUnavailableError(f"the receiver of the webhook {said.words}", "an answer of 2xx", "see the receiver, its address and its secret")
        answer({"answer": said.words}, as_json=as_json, text=f"the receiver {said.words}")


@command.command("deliver")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def deliver(*, as_json: bool) -> None:
    """Post what waits now; workers do the same every BANKSEG_WEBHOOK_SECONDS."""
    with _bank(as_json=as_json) as bank:
        done = webhook.deliver(bank.settings, bank.engine, at_once=True)
        found = webhook.known(bank.settings, bank.engine)
        if done.last is not None and not done.last.is_taken:
            raise ServiceUnavailableError(
                f"the receiver of the webhook {done.last.words}", "an answer of 2xx", f"{found.waiting} messages wait and are tried again"
            )
        answer({"sent": done.sent, "waiting": found.waiting}, as_json=as_json, text=f"{done.sent} messages taken, {found.waiting} wait")


@command.command("skip")
@click.option("--yes", is_flag=True, required=True, help="Say that the receiver will never be told of what waits.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def skip(*, yes: bool, as_json: bool) -> None:
    """Pass over everything that waits, for good, and say so in the audit trail."""
    del yes
    with _bank(as_json=as_json) as bank:
        passed = webhook.skip(bank.settings, bank.engine)
        answer({"skipped": passed}, as_json=as_json, text=f"{passed} messages are passed over; the receiver is told what happens from now on")
