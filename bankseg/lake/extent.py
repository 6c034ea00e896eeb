"""How far a lake reaches: its buckets, its products, its first and last facts."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import duckdb
import pyarrow as pa

from bankseg.domain.errors import ArtefactError, MissingDataError
from bankseg.domain.extracts import EXTRACT_BY_NAME
from bankseg.lake.files import bucket_files
from bankseg.lake.in_memory import open_in_memory
from bankseg.lake.places import filesystem, is_remote, reaching, read_document

LAKE_FILE = "_lake.json"
# The tables that make a history; a bank has one of them or more.
HISTORY = ("transactions", "balances", "interactions", "digital_events")


def bucket_count(lake: str) -> int:
    """Number of buckets this lake was made with.

    Raises
    ------
    MissingDataError
        When nothing was ever loaded.
    """
    return _frozen_count(lake) if is_remote(lake) else _read_count(lake)


@lru_cache(maxsize=8)
def _frozen_count(lake: str) -> int:
    """That of a lake in an object store, asked once: it never changes."""
    return _read_count(lake)


def _read_count(lake: str) -> int:
    layout = read_document(lake, LAKE_FILE)
    if layout is None:
        raise MissingDataError("the lake is empty", "extracts to be loaded", "run bankseg ingest DIRECTORY --mapping FILE, or bankseg demo")
    buckets = layout.get("buckets")
    if not isinstance(buckets, int) or buckets < 1:
        raise ArtefactError(f"{LAKE_FILE} of the lake is damaged: buckets {buckets!r}", '{"buckets": n, "format": 1}', "restore it from the backup")
    return buckets


def products_held(lake: str, versions: Mapping[str, int]) -> tuple[str, ...]:
    """Every product of any account, sorted by name."""
    rows = _over_all(lake, "accounts", versions, "SELECT DISTINCT product FROM facts ORDER BY product")
    return tuple(str(row[0]) for row in rows)


def first_fact_on(lake: str, versions: Mapping[str, int]) -> date | None:
    """First day of the history, or None when no table has one."""
    return _edge(lake, versions, "min")


def last_fact_on(lake: str, versions: Mapping[str, int]) -> date | None:
    """Last day of the history, or None when no table has one."""
    return _edge(lake, versions, "max")


def _edge(lake: str, versions: Mapping[str, int], which: str) -> date | None:
    found = [_over_all(lake, table, versions, f"SELECT {which}({EXTRACT_BY_NAME[table].event_on}) FROM facts") for table in HISTORY[:2] if table in versions]  # noqa: S608  # names are the contract's own
    days = [rows[0][0] for rows in found if rows and isinstance(rows[0][0], date)]
    if not days:
        return None
    return min(days) if which == "min" else max(days)


def _over_all(lake: str, table: str, versions: Mapping[str, int], sql: str) -> list[tuple[object, ...]]:
    if table not in versions:
        return []
    paths = [path for files in bucket_files(lake, table, versions[table]).values() for path in files]
    if not paths:
        return []
    connection = open_in_memory(threads=2)
    try:
        if is_remote(lake):  # only the columns that are asked for leave the object store
            import pyarrow.dataset as ds  # it loads pandas, which nobody else needs here

            inside = [filesystem(path)[1] for path in paths]
            connection.register("facts", ds.dataset(inside, filesystem=filesystem(lake)[0], format="parquet", partitioning=None))
        else:
            connection.from_parquet(paths, hive_partitioning=False).create_view("facts")
        with reaching(lake):
            return connection.execute(sql).fetchall()
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise ArtefactError(f"a file of {table} cannot be read: {error}", "the files that were written", "restore them from the backup") from error
    finally:
        connection.close()
