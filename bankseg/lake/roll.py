"""The roll of a run: one Parquet file with every client and every attribute, read by column for counts, previews and lists."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, cast

import duckdb
import pyarrow as pa
from sqlglot import exp, parse_one

from bankseg.domain.errors import ArtefactError, MissingDataError
from bankseg.lake.in_memory import open_in_memory
from bankseg.lake.parameters import named
from bankseg.lake.parquet import null_counts

MOST_ANSWERS, MOST_ROWS = 500, 500  # kept of a roll: figures, and rows of one of them


class Roll:
    """One roll, read only; any thread may ask."""

    def __init__(self, path: Path, computed: Sequence[tuple[str, str]] = (), *, memory: str = "1GB", threads: int = 2) -> None:
        self._path, self._connection = path, open_in_memory(threads=threads, memory=memory)
        self._connection.execute("SET GLOBAL parquet_metadata_cache = true")
        try:
            self._connection.from_parquet(str(path), hive_partitioning=False).create_view("written" if computed else "roll")
        except duckdb.Error as error:
            raise ArtefactError(f"{path.name} cannot be read: {error}", "the file the run wrote", "run the segment stage again") from error
        if computed:
            added = [exp.alias_(parse_one(sql, dialect="duckdb"), name, quoted=True) for name, sql in computed]
            self._connection.execute("CREATE VIEW roll AS " + exp.select(exp.Star(), *added).from_("written").sql("duckdb"))
        self._answers: OrderedDict[str, pa.Table] = OrderedDict()
        self._laid: dict[tuple[object, ...], str] = {}
        self._laying = Lock()
        self.columns: Mapping[str, str] = {str(row[0]): str(row[1]) for row in self._connection.execute("DESCRIBE roll").fetchall()}

    @cached_property
    def coverage(self) -> dict[str, float]:
        """Share of clients that have each column, 0 to 1; those that the file does not tell are counted."""
        nulls = null_counts(self._path)
        untold = [name for name in self.columns if name not in nulls]
        counts = [exp.Count(this=exp.column(name, quoted=True)).as_(f"c{place}") for place, name in enumerate(untold)]
        row = self._connection.cursor().execute(exp.select(*counts).from_("roll").sql("duckdb")).fetchall()[0] if untold else ()
        known = {name: self._clients - found for name, found in nulls.items()} | dict(zip(untold, row, strict=True))
        return {name: round(known[name] / max(self._clients, 1), 4) for name in self.columns}

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Rows of a statement over `roll`.

        Figures asked for again are not counted again: the file never changes, and whose clients are counted stands in the statement. Rows of clients are not kept,
        nor what a statement reads beside the roll.
        """
        is_of_roll_alone = not parameters and "read_parquet" not in sql
        if is_of_roll_alone and (known := self._answers.get(sql)) is not None:
            return known
        rows = cast("pa.Table", self._connection.cursor().sql(sql, params=named(sql, parameters)).to_arrow_table())
        if is_of_roll_alone and rows.num_rows <= MOST_ROWS and "client_id" not in rows.column_names:
            self._answers[sql] = rows
            while len(self._answers) > MOST_ANSWERS:
                self._answers.popitem(last=False)
        return rows

    def beside(self, column: str, sql: str, parameters: Mapping[str, Any], *, version: int = 0) -> str:
        """Name of a table of one column, a row for each client in the roll's order, to be joined by position.

        Made from the statement once and kept in memory as long as the roll is open; `version` is of what the statement reads beside the roll.

        Raises
        ------
        ArtefactError
            When the statement has not one row a client.
        """
        key = (column, sql, version, *sorted(parameters.items()))
        with self._laying:
            if key not in self._laid:
                rows = self.arrow(sql, parameters).select([column])
                if rows.num_rows != self._clients:
                    raise ArtefactError(f"{rows.num_rows:,} rows of {column} beside {self._clients:,} clients", "one for each", "run the segment stage again")
                name = f"{column}_{len(self._laid)}"
                self._connection.cursor().from_arrow(rows).create(name)
                self._laid[key] = name
            return self._laid[key]

    @cached_property
    def _clients(self) -> int:
        return int(self._connection.cursor().execute("SELECT count(*) FROM roll").fetchall()[0][0])


def open_roll(path: Path, computed: Sequence[tuple[str, str]] = ()) -> Roll:
    """The roll in a file, opened once a process as long as the file stays as it is; `computed` are columns beside those of the file, as (name, SQL).

    Raises
    ------
    MissingDataError
        When the file is not there: runs before rolls were kept have none.
    """
    try:
        state = path.stat()
    except FileNotFoundError as error:
        raise MissingDataError(f"run {path.parent.name} has no roll", "a run segmented by this version", "run it again: bankseg run --as-of DATE") from error
    return _opened(path, state.st_mtime_ns, state.st_size, tuple(computed))


@lru_cache(maxsize=4)
def _opened(path: Path, _modified: int, _size: int, computed: tuple[tuple[str, str], ...]) -> Roll:
    return Roll(path, computed)
