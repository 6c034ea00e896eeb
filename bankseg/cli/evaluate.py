"""`bankseg evaluate`: train and validate the propensity room on any flat labelled file."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bankseg.domain.errors import BanksegError, LeakageError
from bankseg.services.evaluate import evaluate

# What each metric is, and what a reader should hope for.
SHOWN = (
    ("auc", "ROC-AUC", "0.5 is chance, 1 is perfect"),
    ("pr_auc", "PR-AUC", "the base rate is chance"),
    ("lift10", "Lift, top 10 %", "1 is chance"),
    ("brier", "Brier score", "lower is better"),
    ("ece", "Calibration error", "compare with chance below"),
    ("slope", "Calibration slope", "1 is right"),
    ("intercept", "Calibration intercept", "0 is right"),
)


@click.command("evaluate")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--label", required=True, help="Outcome column.")
@click.option("--positive", default="", help="Value, or values with commas, that mean the outcome happened. Found out for 0/1, yes/no, true/false.")
@click.option("--drop", multiple=True, help="Column to leave out; may be given several times.")
@click.option("--time", default=None, help="Column of dates or sortable numbers: the past trains, a later part calibrates, the last part judges.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(file: Path, label: str, positive: str, drop: tuple[str, ...], time: str | None, *, as_json: bool) -> None:
    """Train and validate propensities on any flat labelled FILE (CSV, CSV.gz, TSV, Parquet, XLSX) and print how good they are."""
    try:
        report = _with_progress(file, label, (positive,) if positive else (), drop, time)
    except BanksegError as error:
        if as_json:
            columns = {"columns": error.columns} if isinstance(error, LeakageError) else {}
            click.echo(json.dumps({"error": str(error), **columns, "exit_code": error.exit_code}))
        Console(stderr=True).print(str(error), style="red", markup=False)
        sys.exit(error.exit_code)
    if as_json:
        click.echo(json.dumps(report, indent=2, allow_nan=False))
        return
    _print(report)


def _with_progress(file: Path, label: str, positive: tuple[str, ...], drop: tuple[str, ...], time: str | None) -> dict[str, Any]:
    console = Console(stderr=True)
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("read", total=1.0)
        return evaluate(
            file, label, positive=positive, drop=drop, time=time, progress=lambda stage, share: bar.update(task, description=stage, completed=share)
        )


def _print(report: dict[str, Any]) -> None:
    console = Console()
    console.print(
        f"{escape(report['file'])}: {report['rows']:,} rows, {report['positives']:,} positives of {escape(report['label'])}, base rate {report['base_rate']:.1%}"
    )
    console.print(f"Validation: {report['validation']}")
    table = Table("Metric", "Value", "95 % interval", "Reading")
    for name, shown, reading in SHOWN:
        table.add_row(shown, f"{report[name]:.4f}", f"{report[f'{name}_low']:.4f} to {report[f'{name}_high']:.4f}", reading)
    table.add_row("", f"{report['ece_chance_p95']:.4f}", "", "calibration error that chance alone reaches in 1 of 20")
    interval = f"{report['empc_low']:.2f} to {report['empc_high']:.2f}"
    table.add_row("EMPC", f"{report['empc']:.2f}", interval, f"per client, contacting {report['empc_contact_fraction']:.0%}")
    console.print(table)
    console.print(f"{len(report['features'])} features used, calibration: {report['calibration']}.")
    for entry in report["dropped"]:
        console.print(f"  left out {escape(entry['column'])}: {escape(entry['reason'])}")
    for note in report["notes"]:
        console.print(f"  {escape(note)}")
    for warning in report["warnings"]:
        console.print(f"  Look at {escape(warning)}", style="yellow")
