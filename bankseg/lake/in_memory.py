"""Engines in memory: DuckDB without a file of its own, and the one place where its options are chosen."""

import os
import tempfile
from pathlib import Path
from uuid import uuid4

import duckdb

MOST_SPILLED = "20GB"  # a statement gone wrong ends with an error long before the disk is full


def open_in_memory(*, threads: int, memory: str | None = None, keeps_order: bool = True) -> duckdb.DuckDBPyConnection:
    """A database in memory; what does not fit goes to a folder of its own among the machine's temporary files, never to the working folder.

    Parameters
    ----------
    memory
        Most it may take before it spills, as in `2GB`; None leaves it to the engine: four fifths of the machine's.
    keeps_order
        Whether rows leave in the order of their files when nothing else is asked.
    """
    spill = Path(tempfile.gettempdir()) / f"bankseg-spill-{os.getpid()}-{uuid4().hex[:8]}"  # made on the first spill, removed at closing
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads, "preserve_insertion_order": keeps_order, "autoinstall_known_extensions": False,
        "temp_directory": str(spill),
    }  # fmt: skip
    if memory is not None:
        config["memory_limit"] = memory
    connection = duckdb.connect(config=config)
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"SET max_temp_directory_size = '{MOST_SPILLED}'")  # as an option of the connection it is not heeded
    return connection
