"""Segments beside the plain query they must do: a rule's preview and a whole scheme on the roll of many clients.

python benchmarks/segments.py [ROLL] [CLIENTS] [--json]     ROLL is a run's roll.parquet, copied until it has CLIENTS rows (default 1,000,000)

Prints medians and 95th percentiles of 40 calls, and their ratios to a hand-written DuckDB query that counts the same rows of the same file. Targets at one million
clients: preview below 0.3 s at the 95th percentile, a whole scheme below 5 s.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from pathlib import Path

import click
import duckdb

from bankseg.domain.rule_documents import parse_rule
from bankseg.domain.schemes import read_scheme
from bankseg.domain.segment_rules import Every
from bankseg.lake.roll import Roll
from bankseg.segments.cut_points import cuts_of
from bankseg.segments.membership import roster
from bankseg.segments.reading import Reading, profile, sizes

CALLS = 40
RULE = {"all": [{"attribute": "tier", "in": ["platinum", "gold"]}, {"attribute": "churn", "at_least": 0.01}, {"attribute": "age_years", "between": [30, 60]}]}
PLAIN = """SELECT count(*), sum(value_12m_minor), avg(churn) FROM read_parquet('{path}')
    WHERE tier IN ('platinum', 'gold') AND churn >= 0.01 AND age_years BETWEEN 30 AND 60"""


def enlarged(source: Path, path: Path, clients: int) -> int:
    """Copy the roll until it has so many clients, each copy a little different; returns how many it has."""
    with duckdb.connect(config={"threads": 2, "memory_limit": "4GB"}) as connection:
        rows = connection.from_parquet(str(source)).count("*").fetchall()[0][0]
        copies = max(1, clients // rows)
        connection.execute("SELECT setseed(0.5)")
        connection.execute(
            f"""COPY (SELECT r.* REPLACE (r.client_id || '-' || i AS client_id, r.churn * (0.9 + 0.2 * random()) AS churn,
                CAST(r.value_12m_minor * (0.9 + 0.2 * random()) AS BIGINT) AS value_12m_minor)
                FROM read_parquet('{source}') AS r, range({copies}) AS t(i)) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"""
        )
        return int(rows * copies)


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Median and 95th percentile of the seconds of repeated calls, after one that warms up."""
    call()
    seconds = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), sorted(seconds)[int(0.95 * CALLS)]


@click.command()
@click.argument("source", metavar="[ROLL]", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("clients", default=1_000_000, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(source: Path | None, clients: int, *, as_json: bool) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="bankseg-segments-") as folder:
        path = Path(folder) / "roll.parquet"
        rows = enlarged(source or Path("var/snapshots/runs/1/roll.parquet"), path, clients)
        roll = Roll(path)
        reading = Reading(roll, date(2025, 12, 31), lambda share: cuts_of(roll, "roll", share, roll.columns), Every(()))
        scheme = read_scheme(files("bankseg.policies").joinpath("schemes", "strategic_grid.toml").read_text(encoding="utf-8"))
        targets = [name.removeprefix("p:") for name in roll.columns if name.startswith("p:")]
        inside = reading.predicate(parse_rule(RULE))
        plain_connection = duckdb.connect(config={"threads": 2, "memory_limit": "1GB"})
        plain = timed(lambda: plain_connection.execute(PLAIN.format(path=path)).fetchall())
        found = []
        for name, call in (
            ("preview, without propensities", lambda: profile(reading, inside, [])),
            (f"preview, with {len(targets)} propensities", lambda: profile(reading, inside, targets)),
            (f"a whole scheme of {len(scheme.segments)} segments", lambda: sizes(scheme, reading)),
            ("its membership, a row a client", lambda: roster(scheme, reading)),
        ):
            median, p95 = timed(call)
            found.append({"stage": name, "rows": rows, "seconds": median, "p95": p95, "baseline_seconds": plain[0], "ratio": median / plain[0]})
        told = f"{rows:,} clients, {len(roll.columns)} columns, {path.stat().st_size / 1e6:.0f} MB; plain query {plain[0]:.3f} s ({plain[1]:.3f} s at p95)"
    if as_json:
        print(json.dumps(found))
        return
    print(told)
    for one in found:
        print(f"{one['stage']}: {one['seconds']:.3f} s ({one['p95']:.3f} s at p95), {one['ratio']:.1f} times the plain query")


if __name__ == "__main__":
    main()
