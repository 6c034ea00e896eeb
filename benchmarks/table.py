"""Every benchmark in one go: the table of docs/performance.md, each stage beside its plain baseline, and how features grow with the data.

python benchmarks/table.py [--quick | --full] [--out FILE]

--quick takes 20,000 clients (some minutes); the default 100,000 clients and 12 million movements; --full one million clients and 121 million movements, for which
some 25 GB of disk and an hour are needed. Growth is the exponent between a tenth of the clients and all of them: 1 is in proportion. Ratios are to the plain thing in
the same run; seconds belong to the machine named above them.
"""

import json
import math
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

HERE = Path(__file__).parent
LIBRARIES = ("duckdb", "deltalake", "lightgbm", "pyarrow", "flask", "celery")


def machine() -> str:
    """What the figures were taken on."""
    with Path("/proc/meminfo").open(encoding="utf-8") as stream:
        memory = int(stream.readline().split()[1]) / 1e6
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{os.cpu_count()} processors ({platform.machine()}), {memory:.0f} GB of memory, {platform.system()}, Python {platform.python_version()}, {libraries}; load {os.getloadavg()[0]:.1f} at the start"


def ran(script: str, *arguments: str) -> Any:
    """What a benchmark prints as JSON.

    Raises
    ------
    click.ClickException
        When it fails, with its last words.
    """
    click.echo(f"{script} {' '.join(arguments)}", err=True)
    done = subprocess.run([sys.executable, str(HERE / script), *arguments, "--json"], check=False, capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(f"{script} failed: {done.stderr.strip()[-800:]}")
    return json.loads(done.stdout.splitlines()[-1])


def exponent(small: dict[str, Any], large: dict[str, Any]) -> float:
    """Of the power by which seconds grow with movements."""
    return math.log(large["seconds"] / small["seconds"]) / math.log(large["movements"] / small["movements"])


def line(name: str, found: dict[str, Any], target: str) -> str:
    """One row of the table in Markdown."""
    if "skipped" in found:
        return f"| {name} | not measured: {found['skipped']} | | | | | {target} |"
    cpu = f"{found['cpu_seconds']:.2f}" if "cpu_seconds" in found else ""
    peak = found.get("peak_gb", found.get("peak_gb_a_process"))
    rows = found.get("rows", found.get("movements"))
    return f"| {name} | {rows:,} | {found['seconds']:.2f} | {cpu} | {peak:.2f} | {found['baseline_seconds']:.2f} | {found['ratio']:.2f} (target {target}) |"


STAGES = {
    "training": ("one fit of 100 trees, beside LightGBM's own", "1.5"),
    "scoring": ("propensities from a snapshot, beside `Booster.predict` on a ready matrix", "1.1"),
    "reasons": ("exact reasons of the listed, beside LightGBM's TreeSHAP", "1"),
    "publish_sqlite": ("bulk load into SQLite with its keys, beside a bare insert in memory", "none"),
    "publish_postgresql": ("bulk load into PostgreSQL with its keys, beside a bare ADBC ingest", "none"),
    "export_csv": ("a list as CSV, beside Python's csv writer", "none"),
    "export_parquet": ("a list as Parquet, beside Python's csv writer", "none"),
    "rings": ("from ring to task done through the broker, beside a push and a pop", "none"),
}


@click.command()
@click.option("--quick", "clients", flag_value=20_000, type=int, help="20,000 clients.")
@click.option("--full", "clients", flag_value=1_000_000, type=int, help="One million clients.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the table here too.")
def main(clients: int | None, out: Path | None) -> None:
    """Run every benchmark and print the table."""
    many = clients or 100_000
    head = machine()
    features = [ran("features.py", "--clients", str(size)) for size in (many // 10, many)]
    taken = ran("intake.py", str(features[1]["movements"]))
    staged = {found["stage"]: found for found in ran("stages.py", "--clients", str(min(many, 200_000)))}
    rows = [
        line("intake of movements, beside a bare `read_csv` to Parquet", taken, "2.5"),
        line(f"{features[1]['features']} features of every client, beside the bucketed baseline's 32", features[1], "1.15"),
        *(line(words, staged[stage], target) for stage, (words, target) in STAGES.items()),
    ]
    table = "\n".join(
        [
            head, "", "| work | rows | s | s of CPU | peak GB | baseline s | ratio |", "|---|---:|---:|---:|---:|---:|---:|", *rows, "",
            f"Features grow with the power {exponent(*features):.2f} from {features[0]['movements']:,} to {features[1]['movements']:,} movements (target 1.05).",
        ]
    )  # fmt: skip
    click.echo(table)
    if out:
        out.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
