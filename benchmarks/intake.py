"""Intake beside a plain baseline: one CSV of transactions into the lake, and DuckDB's bare read_csv to Parquet of the same file.

python benchmarks/intake.py [ROWS] [--json]     prints both times and their ratio; the target is at most 2.5
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import duckdb

from bankseg.services.ingest import ingest_directory
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import make_engine

CLIENTS, ACCOUNTS = 100_000, 300_000
MAPPING = """
[bank]
name = "Benchmark"
extract_on = 2025-12-31
[defaults]
delimiter = ";"
[codes.operation]
VIRSAL = "salary"
CB = "card_purchase"
RET = "cash_withdrawal"
FRAIS = "fee"
PRLV = "direct_debit"
[[extract]]
table = "clients"
files = ["clients.csv"]
[extract.columns]
client_id = "TIERS"
joined_on = "ENTREE"
kind = { constant = "individual" }
[[extract]]
table = "accounts"
files = ["accounts.csv"]
[extract.columns]
account_id = "CPT"
client_id = "TIERS"
product = { constant = "current_account" }
opened_on = "OUV"
[[extract]]
table = "transactions"
files = ["movements*.csv"]
[extract.columns]
transaction_id = "MVT_ID"
account_id = "CPT"
booked_on = "DT_OPE"
amount = "MNT"
type = { column = "CD_OPE", codes = "operation" }
channel = "CANAL"
mcc = "MCC"
"""


class Cost(NamedTuple):
    """Seconds on the clock and of the processor; on a busy machine the second is the fairer measure."""

    wall: float
    cpu: float


def cost() -> Cost:
    """Now."""
    return Cost(time.perf_counter(), time.process_time())


def since(start: Cost) -> Cost:
    """Spent since then."""
    now = cost()
    return Cost(now.wall - start.wall, now.cpu - start.cpu)


def generate(folder: Path, rows: int) -> None:
    """Write clients, accounts and movements as CSV."""
    with duckdb.connect() as connection:
        connection.execute("SELECT setseed(0.5)")
        for name, sql in {
            "clients": f"SELECT 'C' || lpad(i::VARCHAR, 8, '0') AS TIERS, '2015-01-01' AS ENTREE FROM range({CLIENTS}) t(i)",
            "accounts": f"SELECT 'A' || lpad(i::VARCHAR, 8, '0') AS CPT, 'C' || lpad((i % {CLIENTS})::VARCHAR, 8, '0') AS TIERS, '2016-01-01' AS OUV FROM range({ACCOUNTS}) t(i)",
            "movements": f"""SELECT 'T' || lpad(i::VARCHAR, 10, '0') AS MVT_ID, 'A' || lpad((hash(i) % {ACCOUNTS})::VARCHAR, 8, '0') AS CPT,
                strftime(DATE '2023-01-01' + ((i * 7919) % 1095)::INTEGER, '%Y-%m-%d') AS DT_OPE,
                round(CASE WHEN kind = 1 THEN 1 ELSE -1 END * (1 + hash(i + 1) % 600000) / 100.0, 2) AS MNT, (['VIRSAL', 'CB', 'RET', 'FRAIS', 'PRLV'])[kind] AS CD_OPE,
                (['mobile', 'web', 'branch', 'atm'])[1 + (hash(i + 3) % 4)::INTEGER] AS CANAL, (['5411', '5812', '4111', ''])[1 + (hash(i + 4) % 4)::INTEGER] AS MCC
                FROM (SELECT i, 1 + (hash(i + 2) % 5)::INTEGER AS kind FROM range({rows}) t(i))""",
        }.items():
            connection.execute(f"COPY ({sql}) TO '{folder}/{name}.csv' (HEADER, DELIMITER ';')")


def bare(folder: Path) -> Cost:
    """What DuckDB takes from the CSV to one Parquet file, unchecked and unsorted."""
    with duckdb.connect() as connection:
        start = cost()
        connection.execute(
            f"COPY (SELECT * FROM read_csv('{folder}/movements.csv', delim = ';', header = true)) TO '{folder}/bare.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )
        return since(start)


def intake(folder: Path, home: Path) -> Cost:
    """What the whole import of the movements takes, owners being known."""
    settings = Settings(home=home)
    home.mkdir(parents=True)
    engine = make_engine(settings.store)
    schema.upgrade(engine)
    engine.dispose()
    mapping = folder / "mapping.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    movements, aside = folder / "movements.csv", folder / "aside"
    movements.rename(aside)
    ingest_directory(settings, folder, mapping)
    aside.rename(movements)
    start = cost()
    report = ingest_directory(settings, folder, mapping)
    spent = since(start)
    loaded = [file for file in report.files if file.state == "loaded"]
    print(f"accepted {sum(file.accepted for file in loaded):,} of {sum(file.read for file in loaded):,}")
    return spent


def main() -> None:
    """Run both and print the ratio."""
    given = [argument for argument in sys.argv[1:] if argument != "--json"]
    rows = int(given[0]) if given else 10_000_000
    with tempfile.TemporaryDirectory(prefix="bankseg-intake-") as name:
        folder = Path(name)
        generate(folder, rows)
        baseline = bare(folder)
        spent = intake(folder, folder / "home")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        if "--json" in sys.argv:
            found = {
                "rows": rows,
                "seconds": spent.wall,
                "cpu_seconds": spent.cpu,
                "peak_gb": peak,
                "baseline_seconds": baseline.wall,
                "ratio": spent.wall / baseline.wall,
            }
            print(json.dumps(found))
            return
        print(
            f"{rows:,} rows: bare read_csv to Parquet {baseline.wall:.2f} s ({baseline.cpu:.2f} s of CPU), intake {spent.wall:.2f} s ({spent.cpu:.2f} s of CPU)"
        )
        print(f"ratio {spent.wall / baseline.wall:.2f}, of CPU {spent.cpu / baseline.cpu:.2f} (target 2.5); peak {peak:.2f} GB")


if __name__ == "__main__":
    main()
