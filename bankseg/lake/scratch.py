"""A DuckDB of its own for one import: in memory, spilling to a folder beyond its limit."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import duckdb

Connection: TypeAlias = duckdb.DuckDBPyConnection


@contextmanager
def scratch_connection(folder: Path, memory: str) -> Iterator[Connection]:
    """Open it and leave nothing behind; what an earlier crash left in the folder is removed first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    options: dict[str, str | bool | int | float | list[str]] = {"memory_limit": memory, "temp_directory": str(folder), "preserve_insertion_order": "false"}
    try:
        with duckdb.connect(config=options) as connection:
            connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
            yield connection
    finally:
        shutil.rmtree(folder, ignore_errors=True)
