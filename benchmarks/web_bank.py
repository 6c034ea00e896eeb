"""A big published bank for the benchmark of pages: a finished one copied under new numbers until it is as large as wanted.

Pages then say what they say in earnest (reasons, propensities, segments, triggers), only of more clients. Copies of a client go to the bucket their number belongs to.
"""

import json
import shutil
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from bankseg.domain.buckets import BUCKET_SQL
from bankseg.domain.extracts import BUCKET, EXTRACT_BY_NAME
from bankseg.domain.people import Role
from bankseg.lake.files import bucket_files, table_versions
from bankseg.lake.tables import commit, open_lake
from bankseg.services.people import ensure_person
from bankseg.services.rolls import roll_path
from bankseg.settings import Settings
from bankseg.storage import published_counts, published_rows, schema
from bankseg.storage import run as runs
from bankseg.storage.database import make_engine, transaction

MADE = "benchmark.json"
PASSWORD = "benchmark people only"  # noqa: S105  # of people who exist in the benchmark's own bank
ROW_GROUP = 122_880  # as the intake writes them
PUBLISHED = ("published_client", "product_propensity", "risk_case")
HANDED = ("client_id", "account_id", "transaction_id", "household_id", "rm_id", "branch_id")  # numbers that a copy has of its own
COPIES = f"""CREATE TABLE copy AS
    WITH numbered AS (
        SELECT DISTINCT client_id AS original, CASE WHEN i > 0 THEN '-' || lpad(i::VARCHAR, 3, '0') ELSE '' END AS suffix, original || suffix AS client_id
        FROM client, range($copies) AS n(i)
    )
    SELECT original, suffix, {BUCKET_SQL} AS bucket FROM numbered WHERE bucket < $filled"""
RELATED = ("AG01", "RM001")  # a branch and a portfolio of the first clients


@dataclass(frozen=True, slots=True)
class Size:
    """How large the bank is. `movements` are each client's, on average; only `filled` of the lake's buckets hold facts, at the size they would have if all did."""

    clients: int
    movements: int
    buckets: int
    filled: int


def build(source: Path, home: Path, size: Size) -> Settings:
    """The bank at `home`, made from the one at `source` unless it is there already."""
    settings = Settings(home=home, store_url="")
    if (home / MADE).is_file():
        known = json.loads((home / MADE).read_text(encoding="utf-8"))
        if known != asdict(size):
            raise click.ClickException(f"{home} holds a bank of {known}. Expected: {asdict(size)}. What to do: name another folder.")
        schema.upgrade(make_engine(settings.store))
        return settings
    if not (source / "store.sqlite").is_file():
        raise click.ClickException(
            f"no finished bank in {source}. Expected: one. What to do: python3 run.py demo --no-serve, then name its folder with --from."
        )
    home.mkdir(parents=True, mode=0o700)
    for name in ("models", "secret.key"):
        copy = shutil.copytree if (source / name).is_dir() else shutil.copy2
        copy(source / name, home / name)
    with sqlite3.connect(source / "store.sqlite") as there, sqlite3.connect(home / "store.sqlite") as here:
        there.backup(here)
    schema.upgrade(make_engine(settings.store))
    enlarge_store(home / "store.sqlite", size)
    enlarge_lake(source / "lake", home / "lake", size)
    finish(settings)
    enlarge_roll(source, settings, size)
    (home / MADE).write_text(json.dumps(asdict(size)), encoding="utf-8")
    return settings


def copies(clients: int, size: Size) -> int:
    """How often the source's clients are there: the originals, and copies until there are enough; one at least, for the second manager."""
    return max(2, -(-size.clients // clients))


def enlarge_store(path: Path, size: Size) -> None:
    """Publish every client again under other numbers, with a portfolio and a branch of the copy."""
    with sqlite3.connect(path) as store:
        store.execute("PRAGMA synchronous=OFF")
        store.execute("PRAGMA cache_size=-500000")
        [(clients,)] = store.execute("SELECT count(*) FROM published_client").fetchall()
        columns = {table: [row[1] for row in store.execute(f"PRAGMA table_info({table})")] for table in PUBLISHED}
        for table, names in columns.items():
            store.execute(f"CREATE TEMP TABLE first_{table} AS SELECT * FROM {table}")
            selected = ", ".join(f"{name} || :suffix" if name in HANDED else name for name in names)
            for number in range(1, copies(clients, size)):
                store.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {selected} FROM first_{table}", {"suffix": suffix(number)})
        store.commit()
        store.execute("ANALYZE")


def suffix(number: int) -> str:
    """What a copy's numbers end in; the originals keep theirs."""
    return f"-{number:03d}" if number else ""


def enlarge_lake(source: Path, target: Path, size: Size) -> None:
    """Write the facts of originals and copies that fall into the filled buckets, sorted as the intake sorts them."""
    versions = table_versions(str(source))
    lake = open_lake(str(target), size.buckets)
    for declared in source.glob("_attributes.json"):
        shutil.copy2(declared, target / declared.name)
    with duckdb.connect(config={"threads": 2, "memory_limit": "4GB", "temp_directory": str(target / "spill")}) as connection:
        held = [path for paths in bucket_files(str(source), "clients", versions["clients"]).values() for path in paths]
        connection.from_parquet(held, hive_partitioning=False).create_view("client")
        clients = connection.execute("SELECT count(DISTINCT client_id) FROM client").fetchall()[0][0]
        connection.execute(COPIES.replace("$buckets", str(size.buckets)), {"copies": copies(clients, size), "filled": size.filled})
        for table, version in versions.items():
            paths = [path for paths in bucket_files(str(source), table, version).values() for path in paths]
            connection.from_parquet(paths, hive_partitioning=False).create_view("fact", replace=True)
            kept = _kept_share(connection, clients, size) if table == "transactions" else 1.0
            added = [_write_bucket(connection, lake.path(table), table, bucket, kept) for bucket in range(size.filled)]
            commit(lake, EXTRACT_BY_NAME[table], [one for one in added if one], [], {})
    shutil.rmtree(target / "spill", ignore_errors=True)


def _kept_share(connection: duckdb.DuckDBPyConnection, clients: int, size: Size) -> float:
    return min(1.0, size.movements * clients / connection.table("fact").count("*").fetchall()[0][0])


def _write_bucket(connection: duckdb.DuckDBPyConnection, root: str, table: str, bucket: int, kept: float) -> AddAction | None:
    columns = connection.table("fact").columns
    renamed = ", ".join(f"fact.{name} || copy.suffix AS {name}" for name in columns if name in HANDED)
    path = Path(root) / f"{BUCKET}={bucket}" / "copied.parquet"
    path.parent.mkdir(parents=True)
    sampled = f"AND hash(transaction_id) % 100000 < {round(kept * 100_000)}" if kept < 1 else ""
    connection.execute(
        f"""COPY (
            SELECT fact.* REPLACE ({renamed}) FROM fact JOIN copy ON copy.original = fact.client_id WHERE copy.bucket = {bucket} {sampled}
            ORDER BY client_id, {EXTRACT_BY_NAME[table].event_on}
        ) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"""
    )
    rows = pq.read_metadata(path).num_rows
    state = path.stat()
    statistics = json.dumps({"numRecords": rows})
    return AddAction(f"{BUCKET}={bucket}/{path.name}", state.st_size, {BUCKET: str(bucket)}, state.st_mtime_ns // 1_000_000, True, statistics) if rows else None


def finish(settings: Settings) -> None:
    """Let the run name the new lake's versions, and have staff of every desk."""
    with transaction(make_engine(settings.store)) as session:
        run = runs.current(session)
        if run is None:
            raise click.ClickException("the source bank has published nothing. Expected: a published run. What to do: run its pipeline first.")
        run.table_versions = table_versions(settings.lake)
        run.summary = {name: value for name, value in run.summary.items() if name != published_counts.NAME}  # counted before the copies
        published_rows.show(session, run.id or 0)
        branch, portfolio = RELATED
        ensure_person(session, "bench.manager", "Manager", Role.RELATIONSHIP_MANAGER, rm_id=portfolio, branch_id=branch, password=PASSWORD)
        ensure_person(
            session, "bench.second", "Second manager", Role.RELATIONSHIP_MANAGER, rm_id=f"{portfolio}{suffix(1)}", branch_id=branch, password=PASSWORD
        )
        ensure_person(session, "bench.head", "Branch head", Role.BRANCH_HEAD, branch_id=branch, password=PASSWORD)
        ensure_person(session, "bench.marketer", "Marketer", Role.MARKETER, password=PASSWORD)
        ensure_person(session, "bench.risk", "Risk officer", Role.RISK_OFFICER, password=PASSWORD)


def enlarge_roll(source: Path, settings: Settings, size: Size) -> None:
    """The files of the run that pages read, with originals and copies; a row group holds clients of every number, as buckets make it."""
    with transaction(make_engine(settings.store)) as session:
        shown = runs.current(session)
        run_id = shown.id if shown and shown.id else 0
    target = roll_path(settings, run_id)
    target.parent.mkdir(parents=True)
    for name in ("roll.parquet", "offers.parquet"):
        table = pq.read_table(roll_path(Settings(home=source, store_url=""), run_id).with_name(name), partitioning=None)
        with pq.ParquetWriter(target.with_name(name), table.schema, compression="zstd") as writer:
            for first in range(0, wanted := copies(pc.count_distinct(table["client_id"]).as_py(), size), 6):
                together = pa.concat_tables([_renumbered(table, number) for number in range(first, min(first + 6, wanted))])
                writer.write_table(together, row_group_size=ROW_GROUP)


def _renumbered(table: pa.Table, number: int) -> pa.Table:
    for place, name in enumerate(table.column_names):
        if name in HANDED and number:
            text = pc.binary_join_element_wise(table[name].cast(pa.string()), suffix(number), "")
            table = table.set_column(place, table.schema.field(name), text.cast(table.schema.field(name).type))
    return table
