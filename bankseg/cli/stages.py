"""`bankseg snapshot | train | score | segment | publish | run`: a run for an as-of date, up to a stage."""

from datetime import date, datetime

import click

from bankseg.cli.identity import scope_of
from bankseg.cli.outcome import answer, reported
from bankseg.cli.progress import bars, stage_bars
from bankseg.domain.jobs import Stage
from bankseg.embedded.supervise import embedded_services
from bankseg.services.bank import Bank, open_bank
from bankseg.services.follow import follow_run, stage_progress
from bankseg.services.runs import start_run
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import reading
from bankseg.storage.run import Run

ABOUT = {
    Stage.SNAPSHOT: "Compute the features of every client as of a date and of the training origins before it.",
    Stage.TRAIN: "Train and register one LightGBM model per target, by Celery workers.",
    Stage.SCORE: "Score every client with the models of the run, shard by shard.",
    Stage.SEGMENT: "Give every client a value tier, a risk band and a segment with its reason.",
    Stage.PUBLISH: "Publish the run: readers see it whole, or the one before.",
}


def run_to(bank: Bank, as_of: date | None, until: Stage, *, quiet: bool, retrain: bool = False, login: str | None = None) -> Run:
    """Start or resume the run, with a worker of our own when none answers, and wait with progress bars."""
    schema.upgrade(bank.engine)
    person_id = scope_of(bank.engine, login).person_id if login else None
    with embedded_services(bank.settings) as services, bars(quiet=quiet) as progress:
        run_id = start_run(bank, as_of, until, person_id=person_id, retrain=retrain)
        return follow_run(bank, run_id, until, show=stage_bars(progress), pause=services.pause)


def _command(name: str, until: Stage, about: str) -> click.Command:
    always = until is Stage.TRAIN
    retrain_help = "Train every target again, also those whose champion is young enough" + (": what this command is for." if always else ".")

    @click.command(name, help=f"{about} Stages before it run first; what is done is not done twice.")
    @click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Last day whose data may be known; default: the last day of the history.")
    @click.option("--retrain/--no-retrain", default=always, show_default=True, help=retrain_help)
    @click.option("--as", "login", default=None, help="Login of the person who starts it: whoever trains a version never approves it.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    def command(as_of: datetime | None, login: str | None, *, retrain: bool, as_json: bool) -> None:
        with reported(as_json=as_json):
            bank = open_bank(Settings())
            run = run_to(bank, as_of.date() if as_of else None, until, quiet=as_json, retrain=retrain, login=login)
            with reading(bank.engine) as session:
                stages = stage_progress(session, run.id or 0)
            document = {
                "run": run.id,
                "as_of": run.as_of,
                "state": run.state,
                "clients": run.n_rows or run.n_expected,
                "stages": {stage.stage.value: {"jobs": stage.jobs, "done": stage.done} for stage in stages},
                "models": run.models,
                "refusals": run.refusals,
            }
            answer(document, as_json=as_json, text=_in_words(run, until))

    return command


def _in_words(run: Run, until: Stage) -> str:
    lines = [f"run {run.id} as of {run.as_of}: {'published' if run.state == 'published' else f'{until.value} done'}"]
    if run.n_rows:
        lines.append(f"{run.n_rows:,} clients, {len(run.models)} models")
    lines += [f"no model for {target}: {why}" for target, why in run.refusals.items()]
    return "\n".join(lines)


COMMANDS = [
    *(_command(stage.value, stage, about) for stage, about in ABOUT.items()),
    _command("run", Stage.PUBLISH, "Do all stages for an as-of date and publish."),
]
