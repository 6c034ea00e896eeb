"""`bankseg reproduce`: a run computed again and compared byte for byte."""

from pathlib import Path

import click

from bankseg.cli.outcome import answer, reported
from bankseg.cli.progress import bars, counted_bar
from bankseg.services.bank import open_bank
from bankseg.services.reproduce import DIFFERENT, SHOWN_DIGITS, NotReproducibleError, Reproduction, reproduce
from bankseg.settings import Settings
from bankseg.storage import schema

MOST_SHOWN = 20


@click.command("reproduce")
@click.argument("run", type=int)
@click.option("--scratch", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder to compute in and keep; default: a temporary one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(run: int, scratch: Path | None, *, as_json: bool) -> None:
    """Compute the snapshots, models and scores of RUN again from what it recorded, and say which are equal to the byte."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        schema.upgrade(bank.engine)
        with bars(quiet=as_json) as progress:
            found = reproduce(bank, run, scratch, counted_bar(progress))
        document = {
            "run": run,
            "equal": found.is_equal,
            "stages": {stage: found.counts(stage) for stage in found.stages},
            "different": [
                {"stage": one.stage, "name": one.name, "recorded": one.recorded, "found": one.found} for one in found.pieces if one.verdict == DIFFERENT
            ],
        }
        answer(document, as_json=as_json, text="\n".join(_told(found)))
        if not found.is_equal:
            raise NotReproducibleError(f"run {run} did not come out the same", "the same bytes in every stage", "see which pieces differ")


def _told(found: Reproduction) -> list[str]:
    lines = [f"{stage:<10} {', '.join(f'{count} {verdict}' for verdict, count in found.counts(stage).items())}" for stage in found.stages]
    different = [piece for piece in found.pieces if piece.verdict == DIFFERENT]
    lines += [f"different: {one.stage} {one.name}: {one.recorded[:SHOWN_DIGITS]} recorded, {one.found[:SHOWN_DIGITS]} now" for one in different[:MOST_SHOWN]]
    return [*lines, f"run {found.run_id} is reproduced to the byte" if found.is_equal else f"run {found.run_id} is not reproduced"]
