"""`bankseg backup`: the bank as it stands, into a new folder."""

from datetime import UTC, datetime
from pathlib import Path

import click

from bankseg.cli.outcome import answer, reported
from bankseg.cli.progress import bars, counted_bar
from bankseg.services.backup import make_backup
from bankseg.services.bank import open_unwalled
from bankseg.settings import Settings


@click.command("backup")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--with-key", is_flag=True, help="Take the secret key along; without it only who holds the key can restore.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(directory: Path, *, with_key: bool, as_json: bool) -> None:
    """Back up store, lake, models and policy into DIRECTORY, which is new. Nothing has to be stopped."""
    with reported(as_json=as_json):
        bank = open_unwalled(Settings().as_backup())
        with bars(quiet=as_json) as progress:
            manifest = make_backup(bank, directory.absolute(), with_key=with_key, report=counted_bar(progress))
        made = datetime.fromtimestamp(manifest.made_at, UTC).isoformat(timespec="seconds")
        document = {
            "directory": str(directory), "made_at": made, "files": len(manifest.files), "bytes": manifest.bytes, "rows": sum(manifest.rows.values()),
            "published": manifest.published, "left_out": manifest.left_out,
        }  # fmt: skip
        lines = [
            f"backed up to {directory} as of {made}: {len(manifest.files)} files, {manifest.bytes / 1e6:.1f} MB, {document['rows']} rows of the store",
            f"left out: {'; '.join(manifest.left_out)}",
            f"try it: bankseg restore-drill {directory}",
        ]
        answer(document, as_json=as_json, text="\n".join(lines))
