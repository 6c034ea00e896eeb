"""`bankseg restore-drill`: a backup restored elsewhere and compared."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from bankseg.cli.outcome import answer, reported
from bankseg.cli.progress import bars, counted_bar
from bankseg.services.restore_drill import Drill, require_whole, restore_drill
from bankseg.settings import Settings


@click.command("restore-drill")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--store-url", default="", help="Empty PostgreSQL database to restore into; needed for a backup of PostgreSQL.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder to restore into and keep; default: a temporary one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(directory: Path, store_url: str, keep: Path | None, *, as_json: bool) -> None:
    """Restore the backup in DIRECTORY elsewhere, compare every file and row with its manifest, and print RPO and RTO. Exit code 16 when something is lost."""
    with reported(as_json=as_json):
        with bars(quiet=as_json) as progress:
            drill = restore_drill(Settings(), directory.absolute(), store_url=store_url, keep=keep.absolute() if keep else None, report=counted_bar(progress))
        document = {
            "whole": drill.is_whole, "made_at": _instant(drill.made_at), "age_seconds": drill.age_seconds, "rpo_seconds": drill.lost_seconds,
            "rto_seconds": drill.restored_seconds, "findings": [asdict(finding) for finding in drill.findings],
        }  # fmt: skip
        answer(document, as_json=as_json, text="\n".join(_told(drill)))
        require_whole(drill)


def _told(drill: Drill) -> list[str]:
    lines = [f"{'ok  ' if finding.is_equal else 'LOST'}  {finding.name:<14} {finding.found}" for finding in drill.findings]
    lines.append(f"backup of {_instant(drill.made_at)}" + ("" if drill.age_seconds is None else f", {_duration(drill.age_seconds)} old"))
    lost = (
        "not known: the bank's own store does not answer" if drill.lost_seconds is None else f"{_duration(drill.lost_seconds)} of committed work is not in it"
    )
    return [*lines, f"RPO  {lost}", f"RTO  {_duration(drill.restored_seconds)} to restore and compare"]


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest:.0f} s" if minutes else f"{rest:.1f} s"
