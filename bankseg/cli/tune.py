"""`bankseg tune`: search the settings of the trees within a budget, by workers; a search that was stopped goes on."""

from datetime import date, datetime
from typing import Any

import click

from bankseg.cli.outcome import answer, reported
from bankseg.cli.progress import bars, counted_bar, stage_bars
from bankseg.domain.jobs import Stage
from bankseg.embedded.supervise import embedded_services
from bankseg.services.bank import Bank, open_bank
from bankseg.services.follow import follow_run
from bankseg.services.runs import start_run
from bankseg.services.tune import Budget, ask_for_tuning, follow_tuning
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.job import Job


@click.command("tune")
@click.option("--target", "targets", multiple=True, metavar="NAME", help="Target to tune; may be given several times. Default: every target in time.")
@click.option("--trials", type=click.IntRange(1, 500), default=None, help="Trials for each target in all, earlier ones counted. Default: the policy's.")
@click.option("--seconds", type=click.FloatRange(1, 1_200), default=None, help="Longest time for each target; what was tried by then is kept.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Last day whose data may be known; default: the last day of the history.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(targets: tuple[str, ...], *, trials: int | None, seconds: float | None, as_of: datetime | None, as_json: bool) -> None:
    """Search the settings of the trees on the rolling back-test of each target; the next training uses what was better than the policy's."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        usual = int(bank.policy.section("tuning")["trials"])
        budget = Budget(trials if trials or seconds else usual, seconds)
        jobs = _tuned(bank, targets, budget, as_of.date() if as_of else None, quiet=as_json)
        found = {job.payload["target"]: job.result for job in jobs}
        answer({"tuned": found}, as_json=as_json, text="\n".join(_in_words(name, result) for name, result in found.items()))


def _tuned(bank: Bank, targets: tuple[str, ...], budget: Budget, as_of: date | None, *, quiet: bool) -> list[Job]:
    schema.upgrade(bank.engine)
    with embedded_services(bank.settings) as services, bars(quiet=quiet) as progress:
        run_id = start_run(bank, as_of, Stage.SNAPSHOT, retrain=True)
        follow_run(bank, run_id, Stage.SNAPSHOT, show=stage_bars(progress), pause=services.pause)
        bar = counted_bar(progress)

        def show(jobs: list[Job]) -> None:
            for job in jobs:
                if job.total:
                    bar(job.payload["target"].replace(":", " "), job.done, job.total)

        return follow_tuning(bank, ask_for_tuning(bank, run_id, targets, budget), show, services.pause)


def _in_words(name: str, result: dict[str, Any]) -> str:  # JSON
    if "refused" in result:
        return f"{name}: {result['refused']}"
    change = ", ".join(f"{key} {value:.3g}" for key, value in result["best"].items()) or "the policy's settings stay"
    return f"{name}: {result['trials']} trials in {result['seconds']:.0f} s, loss {result['policy_value']:.4f} -> {result['value']:.4f}: {change}"
