"""`bankseg ingest`: load extract files through a mapping."""

import json
from datetime import date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bankseg.cli.outcome import reported
from bankseg.domain.errors import InputError
from bankseg.ingest.report import FileReport, IngestReport
from bankseg.services.ingest import ingest_directory
from bankseg.settings import Settings

COUNTS = ("read", "accepted", "quarantined", "duplicates", "filtered")


@click.command("ingest")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--mapping", "mapping_path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="TOML file that maps the bank's columns."
)
@click.option("--extract-on", type=click.DateTime(["%Y-%m-%d"]), help="Last day the files may speak of; replaces the mapping's.")
@click.option("--accept-rejects", "accepts_rejects", is_flag=True, help="Load a file even if more of its rows are refused than most_rejected_pct allows.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(directory: Path, mapping_path: Path, extract_on: datetime | None, *, accepts_rejects: bool, as_json: bool) -> None:
    """Load the extract files in DIRECTORY; read = accepted + quarantined + duplicates + filtered, file by file."""
    console = Console(stderr=True)
    day: date | None = extract_on.date() if extract_on else None
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,} rows"), TimeElapsedColumn())
    with reported(as_json=as_json), Progress(*columns, console=console, transient=True, disable=as_json) as bars:
        task = bars.add_task("reading", total=None)
        report = ingest_directory(
            Settings(), directory, mapping_path, extract_on=day, accepts_rejects=accepts_rejects,
            progress=lambda file, rows: bars.update(task, description=file, completed=rows),
        )  # fmt: skip
    if as_json:
        click.echo(json.dumps(report.as_document(), ensure_ascii=False, indent=1))
    else:
        show(report, console)
    if report.refused:
        raise click.exceptions.Exit(InputError.exit_code)


def show(report: IngestReport, console: Console) -> None:
    """The reconciliation, one line a file; below it what was refused and why."""
    table = Table(title=f"Extracts as of {report.extract_on.isoformat()}", caption="read = accepted + quarantined + duplicates + filtered")
    for heading in ("table", "file", "state"):
        table.add_column(heading)
    for heading in COUNTS:
        table.add_column(heading, justify="right", no_wrap=True)
    for file in report.files:
        figures = ["" if file.state != "loaded" else f"{getattr(file, count):,}" for count in COUNTS]
        table.add_row(file.table, file.file, file.state.replace("_", " "), *figures)
    console.print(table)
    for file in report.files:
        _explain(file, console)
    for pattern in report.unmatched:
        console.print(f"no file for {pattern}", style="yellow", markup=False)


def _explain(file: FileReport, console: Console) -> None:
    if file.state == "refused":
        console.print(f"refused {file.file} for {file.table}: {file.message}", style="red", markup=False)
    elif file.message:
        console.print(f"{file.file} for {file.table}: {file.message}", markup=False)
    if file.reasons:
        reasons = "; ".join(f"{reason} ({count:,})" for reason, count in file.top_reasons.items())
        console.print(f"quarantined from {file.file} for {file.table}: {reasons}", markup=False)
    if file.quarantine_path:
        console.print(f"  {file.quarantine_path}", soft_wrap=True, markup=False)
