"""`bankseg compact`: many small files of the lake become few, in order."""

import click
from rich.console import Console
from rich.progress import Progress

from bankseg.cli.outcome import answer, reported
from bankseg.services.compact import compact_lake
from bankseg.settings import Settings


@click.command("compact")
@click.option("--table", help="One table; all of them if it is left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(table: str | None, *, as_json: bool) -> None:
    """Rewrite each bucket that lies in several files as one sorted file; what the lake says stays the same."""
    with reported(as_json=as_json), Progress(console=Console(stderr=True), transient=True, disable=as_json) as bars:
        task = bars.add_task("compacting", total=None)
        done = list(compact_lake(Settings(), table, lambda name, count, of: bars.update(task, description=name, completed=count, total=of)))
        lines = [_line(one.table, one.files_before, one.files_after, one.rows_rewritten) for one in done]
        tables = [{"table": one.table, "files_before": one.files_before, "files_after": one.files_after, "rows_rewritten": one.rows_rewritten, "version": one.version} for one in done]  # fmt: skip
        answer({"tables": tables}, as_json=as_json, text="\n".join(lines) or "the lake is empty")


def _line(table: str, before: int, after: int, rows: int) -> str:
    return f"{table:<18} {before:>6,} files -> {after:>6,}, {rows:,} rows rewritten" if rows else f"{table:<18} {before:>6,} files, nothing to do"
