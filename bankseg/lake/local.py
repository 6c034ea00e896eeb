"""The local engine: DuckDB in this process, one bucket at a time, over point-in-time views."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import get_context
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from bankseg.domain.extracts import BALANCE_AFTER
from bankseg.lake.copies import Held
from bankseg.lake.files import bucket_files, files_without, verify
from bankseg.lake.in_memory import open_in_memory
from bankseg.lake.known_rows import known_rows
from bankseg.lake.parameters import named
from bankseg.lake.views import as_of_view, balances_from_transactions


@dataclass(frozen=True, slots=True)
class LakeAt:
    """The lake at fixed table versions: what a run recorded that it reads.

    `hashes` are the SHA-256 of the files by path; a file that is listed is checked before it is read.
    `relations` are small reference tables (products, channel costs) every bucket sees, by name.
    """

    root: str
    versions: Mapping[str, int]
    hashes: Mapping[str, str] = field(default_factory=dict)
    relations: Mapping[str, pa.Table] = field(default_factory=dict)
    memory: str = "2GB"


class LocalBucket:
    """One bucket as known on a day, with outcome views up to a later day when asked for.

    Parameters
    ----------
    as_of
        Features see nothing later.
    outcome
        (last day of the outcome window, day on which outcomes are known): adds `outcome_<table>` views.
    """

    def __init__(self, lake: LakeAt, bucket: int, as_of: date, outcome: tuple[date, date] | None = None) -> None:
        self._connection = open_in_memory(threads=1, memory=lake.memory, keeps_order=False)
        self._tables: set[str] = set()
        self._files: dict[str, tuple[str, ...]] = {}
        self._known_on = as_of
        self._held = Held()
        for name, relation in lake.relations.items():
            self._connection.register(name, relation)
        for table, version in lake.versions.items():
            named = bucket_files(lake.root, table, version).get(bucket, ())
            verify(named, lake.hashes)
            paths = self._held.local(named, lake.hashes)
            everything = paths or self._held.local(_any_files(lake, table, version)[:1])
            if not everything:
                continue
            self._tables.add(table)
            self._files[table] = paths
            self._connection.execute(as_of_view(table, everything if paths else (everything[0],), event_until=as_of, known_on=as_of) + _nothing(paths))
            if outcome:
                event_until, known_on = outcome
                sql = as_of_view(table, everything if paths else (everything[0],), event_until=event_until, known_on=known_on, prefix="outcome_")
                self._connection.execute(sql + _nothing(paths))
        if "transactions" in self._tables and "balances" not in self._tables:
            silent = files_without(lake.root, "transactions", lake.versions["transactions"], BALANCE_AFTER)
            are_known = not silent.issuperset(bucket_files(lake.root, "transactions", lake.versions["transactions"]).get(bucket, ()))
            self._connection.execute(balances_from_transactions(are_known=are_known))
            if outcome:
                self._connection.execute(balances_from_transactions("outcome_", are_known=are_known))
            self._tables.add("balances")

    @property
    def tables(self) -> frozenset[str]:
        """Names of the tables that hold data somewhere in the lake."""
        return frozenset(self._tables)

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table visible under a name."""
        self._connection.register(name, table)

    def rows(self, table: str, columns: Sequence[str]) -> pa.Table | None:
        """Columns of a table's rows as its view shows them, texts dictionary-encoded; None where only the view can say."""
        return known_rows(table, self._files[table], columns, self._known_on)

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None, relations: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """Run one statement, which may also read `relations` by name; parameters the statement does not name are left out."""
        for name, relation in (relations or {}).items():
            self._connection.register(name, relation)
        rows: pa.Table = self._connection.sql(sql, params=named(sql, parameters)).to_arrow_table()
        for name in relations or ():
            self._connection.unregister(name)
        return rows

    def close(self) -> None:
        """Free the connection and the files it read."""
        self._connection.close()
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class LocalEngine:
    """Runs bucket work in this process, or in `processes` spawned ones (never forked: LightGBM does not survive it)."""

    def __init__(self, processes: int = 1) -> None:
        self.processes = processes

    def map_buckets(self, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Apply `function` to each task; results come as they finish."""
        if self.processes == 1:
            for task in tasks:
                yield function(*task)
            return
        pool, is_done = ProcessPoolExecutor(self.processes, mp_context=get_context("spawn")), False
        try:
            for future in as_completed([pool.submit(function, *task) for task in tasks]):
                yield future.result()
            is_done = True
        finally:
            pool.shutdown(wait=not is_done, cancel_futures=True)  # with every result here, nobody waits for the processes to take themselves down


def _any_files(lake: LakeAt, table: str, version: int) -> tuple[str, ...]:
    for paths in bucket_files(lake.root, table, version).values():
        return paths
    return ()


def _nothing(paths: tuple[str, ...]) -> str:
    """An empty bucket still has its columns: the view reads another bucket's file and keeps no row of it."""
    return "" if paths else " AND FALSE"
