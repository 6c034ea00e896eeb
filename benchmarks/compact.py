"""Compaction beside the bucketed baseline: a table in many deliveries to one sorted file a bucket, and `bucketed.py lay` of the same movements.

python benchmarks/compact.py [--clients N] [--movements M] [--deliveries D] [--json]     the target is at most 2 times the baseline
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from features import MAPPING, baseline_script, generate

from bankseg.domain.extracts import EXTRACT_BY_NAME
from bankseg.lake.compact import compact
from bankseg.lake.tables import open_lake
from bankseg.services.bank import open_bank
from bankseg.services.ingest import ingest_directory
from bankseg.settings import Settings
from bankseg.storage import schema


def deliver(folder: Path, deliveries: int) -> Settings:
    """Load the months a few at a time, each delivery an import of its own."""
    settings = Settings(home=folder / "home")
    schema.upgrade(open_bank(settings).engine)
    mapping, months = folder / "mapping.toml", sorted((folder / "extracts" / "tx").iterdir())
    mapping.write_text(MAPPING, encoding="utf-8")
    aside = folder / "aside"
    aside.mkdir()
    for month in months:
        month.rename(aside / month.name)
    for turn in range(deliveries):
        for month in months[turn::deliveries]:
            (aside / month.name).rename(month)
        ingest_directory(settings, folder / "extracts", mapping)
    return settings


@click.command()
@click.option("--clients", default=20_000, show_default=True, type=click.IntRange(min=100))
@click.option("--movements", default=100, show_default=True, type=click.IntRange(min=24), help="Movements a client, on average, over 24 months.")
@click.option("--deliveries", default=6, show_default=True, type=click.IntRange(2, 24))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(clients: int, movements: int, deliveries: int, *, as_json: bool) -> None:
    """Measure and print."""
    script = baseline_script()
    with tempfile.TemporaryDirectory(prefix="bankseg-compact-") as name:
        folder = Path(name)
        for part in ("extracts", "scratch"):
            (folder / part).mkdir()
        rows = generate(folder / "extracts", clients, movements)
        settings = deliver(folder, deliveries)
        start = os.times()
        subprocess.run([sys.executable, str(script), "lay", str(folder / "extracts"), str(folder / "laid")], check=True, capture_output=True, cwd=folder)
        laid = os.times()
        done = compact(open_lake(settings.lake, settings.buckets), EXTRACT_BY_NAME["transactions"])
        end = os.times()
    found = {
        "rows": rows, "files_before": done.files_before, "files_after": done.files_after, "seconds": end.elapsed - laid.elapsed, "cpu_seconds": end.user + end.system - laid.user - laid.system,
        "baseline_seconds": laid.elapsed - start.elapsed, "baseline_cpu_seconds": laid.children_user + laid.children_system - start.children_user - start.children_system,
        "ratio": (end.elapsed - laid.elapsed) / (laid.elapsed - start.elapsed),
    }  # fmt: skip
    if as_json:
        print(json.dumps(found))
        return
    print(f"{rows:,} rows, {done.files_before} files to {done.files_after}: {found['seconds']:.2f} s ({found['cpu_seconds']:.2f} s of CPU)")
    print(
        f"bucketed.py lay {found['baseline_seconds']:.2f} s ({found['baseline_cpu_seconds']:.2f} s of CPU): ratio {found['ratio']:.2f}, of CPU {found['cpu_seconds'] / found['baseline_cpu_seconds']:.2f} (target 2)"
    )


if __name__ == "__main__":
    main()
