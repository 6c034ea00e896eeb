"""The process's one DuckDB for small reads: opened once, for opening one costs more than the reads it serves."""

import os
from collections.abc import Mapping
from functools import cache
from types import TracebackType
from typing import Any, Self

import duckdb

from bankseg.lake.in_memory import open_in_memory
from bankseg.lake.parameters import named

# Each read runs in the thread that asks for it; the limit is for all of them together.
MEMORY = "1GB"


class Reader:
    """A cursor of the process's DuckDB, for one request."""

    def __init__(self) -> None:
        self._cursor = _database(os.getpid()).cursor()

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:  # values of SQL parameters; cells of any column
        """Rows of one statement; parameters the statement does not name are left out."""
        found = self._cursor.execute(sql, named(sql, parameters))
        names = [str(column[0]) for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._cursor.close()


@cache
def _database(process: int) -> duckdb.DuckDBPyConnection:
    """The database of a process: a forked child opens its own."""
    del process  # only part of what is remembered
    connection = open_in_memory(threads=1, memory=MEMORY)
    connection.execute("SET GLOBAL parquet_metadata_cache = true")  # files of the lake never change under their name
    return connection
