"""Every benchmark in one go: the table of docs/performance.md, each stage beside its plain baseline, and how features grow with the data.

python benchmarks/table.py [--quick | --full] [--bank FOLDER] [--out FILE]

--quick takes 20,000 clients (some minutes); the default 100,000 clients and 12 million movements; --full one million clients and 121 million movements, for which
some 25 GB of disk and an hour are needed. Growth is the exponent between a tenth of the clients and all of them: 1 is in proportion. Ratios are to the plain thing in
the same run; seconds belong to the machine named above them. Segments and pages are measured on copies of a finished bank, `var` as `python3 run.py demo --no-serve`
leaves it; without one the table says that they were not measured.
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
    told = f"{peak:.2f}" if peak is not None else ""
    return f"| {name} | {rows:,} | {found['seconds']:.2f} | {cpu} | {told} | {found['baseline_seconds']:.2f} | {found['ratio']:.2f} (target {target}) |"


def page_line(found: dict[str, Any]) -> str:
    """One row of the table of pages."""
    cpu = "" if found["cpu_ms"] is None else found["cpu_ms"]
    return f"| {found['page']} | {found['requests']} | {found['p50_ms']} | {found['p95_ms']} | {found['p99_ms']} | {found['errors']} | {found['of_bare_page']} | {cpu} |"


def pages(bank: Path, clients: int) -> list[str]:
    """The table of pages, each beside a bare page and bare queries."""
    found = ran("web.py", "--from", str(bank), "--clients", str(clients), "--requests", "400")
    head = f"Pages at {clients:,} clients, {found['people']} people at once, {found['requests_per_second']} requests a second, {found['errors']} errors:"
    rows = [page_line(row) for row in (*found["bare"], *found["pages"])]
    return [head, "", "| page | requests | p50 ms | p95 ms | p99 ms | errors | x bare page | CPU ms alone |", "|---|---:|---:|---:|---:|---:|---:|---:|", *rows]


def newest_roll(bank: Path) -> Path | None:
    """The roll of a bank's newest run; None where there is none."""
    rolls = sorted(bank.glob("snapshots/runs/*/roll.parquet"), key=lambda path: path.stat().st_mtime)
    return rolls[-1] if rolls else None


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
@click.option("--bank", default=HERE.parent / "var", show_default="var", type=click.Path(path_type=Path, file_okay=False), help="A finished bank.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the table here too.")
def main(clients: int | None, bank: Path, out: Path | None) -> None:
    """Run every benchmark and print the table."""
    many = clients or 100_000
    head = machine()
    features = [ran("features.py", "--clients", str(size)) for size in (many // 10, many)]
    taken = ran("intake.py", str(features[1]["movements"]))
    staged = {found["stage"]: found for found in ran("stages.py", "--clients", str(min(many, 200_000)))}
    compacted = ran("compact.py", "--clients", str(min(many, 100_000)))
    roll = newest_roll(bank)
    missing = {"skipped": "no finished bank; `python3 run.py demo --no-serve` leaves one"}
    segmented = ran("segments.py", str(roll), str(many)) if roll else [{"stage": "segments", **missing}]
    shown = pages(bank, many) if roll else [f"Pages: not measured: {missing['skipped']}."]
    rows = [
        line("intake of movements, beside a bare `read_csv` to Parquet", taken, "2.5"),
        line(f"{features[1]['features']} features of every client, beside the bucketed baseline's 32", features[1], "1.15"),
        *(line(words, staged[stage], target) for stage, (words, target) in STAGES.items()),
        line("compaction of many deliveries, beside `bucketed.py lay`", compacted, "2"),
        *(line(f"{found['stage']}, beside a plain query", found, "none") for found in segmented),
    ]
    table = "\n".join(
        [
            head, "", "| work | rows | s | s of CPU | peak GB | baseline s | ratio |", "|---|---:|---:|---:|---:|---:|---:|", *rows, "",
            f"Features grow with the power {exponent(*features):.2f} from {features[0]['movements']:,} to {features[1]['movements']:,} movements (target 1.05).", "",
            *shown,
        ]
    )  # fmt: skip
    click.echo(table)
    if out:
        out.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
