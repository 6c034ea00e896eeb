"""Features from the lake beside the bucketed baseline: the same movements, the same as-of date, one after the other in the same run.

python benchmarks/features.py [--clients N] [--movements M] [--processes P] [--json]

Writes N clients with M movements each over 24 months as Parquet extracts (seeded), loads them as a bank would, and lets the baseline lay out the same files. Then
times, in turns: our features of every bucket, in P spawned processes with one DuckDB thread each; and the baseline's features with as many. Prints medians and
their ratio. The baseline is `bucketed.py` of the shared yardsticks, beside this repository or in the folder that BANKSEG_BASELINES names.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple

from bankseg.starting import starting

with starting():  # as the product's own processes do
    import click
    import duckdb
    import pyarrow as pa

    from bankseg.domain.horizon import Horizon
    from bankseg.domain.policy import load_policy
    from bankseg.features.build import build_snapshot
    from bankseg.lake.extent import bucket_count
    from bankseg.lake.files import table_versions
    from bankseg.lake.local import LakeAt, LocalBucket, LocalEngine
    from bankseg.lake.parquet import write_whole

ROOT = Path(__file__).parents[1]
AS_OF = date(2025, 12, 31)  # the baseline's own
MONTHS = 24
REPEATS = 3
CLIENTS_A_BUCKET = 31_250  # as the guide to sizing says, and as the baseline's 32 buckets of a million clients
TYPES = ["card_purchase", "transfer_in", "transfer_out", "salary", "cash_withdrawal", "fee", "deposit", "loan_payment"]
MAPPING = """
[bank]
name = "Benchmark"
extract_on = 2025-12-31
[codes.kinds]
card_purchase = "card_purchase"
transfer_in = "transfer_in"
transfer_out = "transfer_out"
salary = "salary"
cash_withdrawal = "cash_withdrawal"
fee = "fee"
deposit = "cash_deposit"
loan_payment = "loan_payment"
[[extract]]
table = "clients"
files = ["clients.parquet"]
[extract.columns]
client_id = "client_id"
joined_on = "joined_on"
kind = { constant = "individual" }
[[extract]]
table = "accounts"
files = ["accounts.parquet"]
[extract.columns]
account_id = "account_id"
client_id = "client_id"
product = { constant = "current_account" }
opened_on = "joined_on"
[[extract]]
table = "transactions"
files = ["tx/*/*.parquet"]
[extract.columns]
transaction_id = "transaction_id"
account_id = "account_id"
client_id = "client_id"
booked_on = "booked_at"
amount = "amount"
type = { column = "type", codes = "kinds" }
channel = "channel"
"""


def generate(folder: Path, clients: int, movements: int) -> int:
    """Write the extracts and say how many movements they hold: uneven activity, a salary for half of the clients, an eighth who stop in the second year."""
    with duckdb.connect(config={"threads": 2, "memory_limit": "4GB", "temp_directory": str(folder / "spill")}) as connection:
        connection.execute(
            f"""CREATE TABLE clients AS SELECT i, 'C' || lpad(i::VARCHAR, 9, '0') AS client_id, 'A' || lpad(i::VARCHAR, 9, '0') AS account_id,
                DATE '2012-01-01' + (hash(i) % 4000)::INTEGER AS joined_on, (0.25 + (hash(i + 17) % 1000) / 666.7) AS pace, hash(i + 1) % 2 = 0 AS is_paid,
                CASE WHEN hash(i + 2) % 8 = 0 THEN 13 + (hash(i + 3) % 11)::INTEGER ELSE 99 END AS stops
                FROM range({clients}) AS t(i)"""
        )
        connection.execute(f"COPY (SELECT client_id, joined_on FROM clients) TO '{folder}/clients.parquet'")
        connection.execute(f"COPY (SELECT account_id, client_id, joined_on FROM clients) TO '{folder}/accounts.parquet'")
        rows = 0
        for month in range(MONTHS):
            first = date(2024 + month // 12, month % 12 + 1, 1)
            target = folder / "tx" / f"month={first:%Y-%m}"
            target.mkdir(parents=True)
            rows += connection.execute(_month(month, first, movements, target / "part-0.parquet")).fetchall()[0][0]
    return rows


def _month(month: int, first: date, movements: int, path: Path) -> str:
    """One month's movements: each client's share of the yearly pace, and a salary; kinds in the shares of the shared yardstick."""
    seed = month * 1_000_003
    return f"""COPY (
        WITH drawn AS (
            SELECT client_id, account_id, i, k, hash(i * 4099 + k * 31 + {seed}) AS h, is_paid AND k = 0 AS is_salary
            FROM clients, range({4 * movements // MONTHS + 2}) AS n(k)
            WHERE k < pace * {movements / MONTHS} * CASE WHEN stops <= {month} THEN 0.2 ELSE 1 END + (hash(i + {seed}) % 1000) / 1000.0
        ), kinds AS (
            SELECT *, CASE WHEN is_salary THEN 0 ELSE 1 + (h % 100 >= 52)::INTEGER + (h % 100 >= 61)::INTEGER + (h % 100 >= 74)::INTEGER + (h % 100 >= 85)::INTEGER + (h % 100 >= 90)::INTEGER + (h % 100 >= 94)::INTEGER END AS place
            FROM drawn
        )
        SELECT 'T{month:02d}' || i || '-' || k AS transaction_id, account_id, client_id, DATE '{first}' + ((h // 101) % 28)::INTEGER AS booked_at,
            CASE WHEN is_salary THEN round(1500 + (hash(i) % 250000) / 100.0, 2)
                WHEN place IN (2, 6) THEN round(1 + (h // 7 % 30000) / 100.0, 2) ELSE -round(1 + (h // 7 % 20000) / 100.0, 2) END AS amount,
            CASE WHEN is_salary THEN 'salary' ELSE (['card_purchase','transfer_in','transfer_out','cash_withdrawal','fee','deposit','loan_payment'])[place] END AS type,
            (['mobile','web','branch','atm'])[1 + (h // 13 % 4)::INTEGER] AS channel
        FROM kinds ORDER BY booked_at, h) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"""


class Built(NamedTuple):
    """Features of one bucket, and the peak memory of the process so far."""

    features: int
    peak_gb: float


def one_bucket(lake: LakeAt, bucket: int, horizon: Horizon, out: str) -> Built:
    """Features of one bucket, written."""
    with LocalBucket(lake, bucket, horizon.as_of) as connection:
        snapshot = build_snapshot(connection, horizon, ["current_account"])
    write_whole(snapshot, Path(out) / f"{bucket:04d}.parquet")
    return Built(snapshot.num_columns - 1, peak_gb())


def peak_gb() -> float:
    """Peak of this process's own memory; `ru_maxrss` would be that of the parent, which a spawned process inherits."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1e6


def ours(root: str, relations: dict[str, pa.Table], out: Path, processes: int) -> tuple[float, Built]:
    """Seconds for every bucket's features, how many there are, and the largest peak of a process."""
    lake = LakeAt(root, table_versions(root), {}, relations, "500MB")
    horizon = load_policy().horizon(AS_OF)
    out.mkdir(exist_ok=True)
    start = time.perf_counter()
    built = list(LocalEngine(processes).map_buckets(one_bucket, [(lake, bucket, horizon, str(out)) for bucket in range(bucket_count(root))]))
    return time.perf_counter() - start, Built(max(one.features for one in built), max(one.peak_gb for one in built))


def loaded(folder: Path, clients: int, rows: int) -> tuple[str, dict[str, pa.Table]]:
    """Load the extracts as a bank would; the lake's root and the reference tables its features read. Imported here: the measured processes need none of it."""
    from bankseg.services.bank import open_bank
    from bankseg.services.ingest import ingest_directory
    from bankseg.settings import Settings
    from bankseg.storage import schema

    bank = open_bank(Settings(home=folder / "home", buckets=max(4, round(clients / CLIENTS_A_BUCKET))))
    schema.upgrade(bank.engine)
    (folder / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    report = ingest_directory(bank.settings, folder / "extracts", folder / "mapping.toml")
    accepted = sum(file.accepted for file in report.files if file.table == "transactions")
    if accepted != rows:
        raise click.ClickException(f"{accepted} of {rows} movements were accepted")
    bank = open_bank(bank.settings)
    return bank.lake, bank.relations()


def baseline(script: Path, lake: Path, out: Path, processes: int) -> float:
    """Seconds the baseline says its features take."""
    said = subprocess.run([sys.executable, str(script), "run", str(lake), str(out), str(processes)], check=True, capture_output=True, text=True, cwd=out.parent)
    return float(said.stdout.split()[-2])


def baseline_script() -> Path:
    """Where the yardstick is.

    Raises
    ------
    click.ClickException
        When it is nowhere: a ratio without a baseline is none.
    """
    folder = Path(os.environ.get("BANKSEG_BASELINES", ROOT.parent / "shared" / "baselines"))
    script = folder / "bucketed.py"
    if not script.is_file():
        raise click.ClickException(f"no bucketed.py in {folder}. Expected: the shared yardsticks. What to do: name their folder in BANKSEG_BASELINES.")
    return script.resolve()


@click.command()
@click.option("--clients", default=100_000, show_default=True, type=click.IntRange(min=100))
@click.option("--movements", default=100, show_default=True, type=click.IntRange(min=24), help="Movements a client, on average, over 24 months.")
@click.option("--processes", default=2, show_default=True, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(clients: int, movements: int, processes: int, *, as_json: bool) -> None:
    """Measure and print."""
    script = baseline_script()
    with tempfile.TemporaryDirectory(prefix="bankseg-features-") as name:
        folder = Path(name)
        (folder / "extracts").mkdir()
        (folder / "scratch").mkdir()
        rows = generate(folder / "extracts", clients, movements)
        root, relations = loaded(folder, clients, rows)
        subprocess.run([sys.executable, str(script), "lay", str(folder / "extracts"), str(folder / "laid")], check=True, capture_output=True, cwd=folder)
        mine, theirs, built = [], [], Built(0, 0.0)
        for _ in range(REPEATS):
            seconds, built = ours(root, relations, folder / "ours", processes)
            mine.append(seconds)
            theirs.append(baseline(script, folder / "laid", folder / "theirs", processes))
    seconds, reference = statistics.median(mine), statistics.median(theirs)
    found = {
        "clients": clients, "movements": rows, "features": built.features, "processes": processes, "seconds": round(seconds, 3), "baseline_seconds": round(reference, 3),
        "baseline_features": 32, "ratio": round(seconds / reference, 3), "peak_gb_a_process": round(built.peak_gb, 2),
    }  # fmt: skip
    if as_json:
        print(json.dumps(found))
        return
    print(
        f"{clients:,} clients, {rows:,} movements, {processes} processes: {built.features} features in {seconds:.2f} s, the baseline's 32 in {reference:.2f} s"
    )
    print(f"ratio {seconds / reference:.2f} (target 1.15); at most {built.peak_gb:.2f} GB a process")


if __name__ == "__main__":
    main()
