"""A session of analysis: DuckDB over Arrow tables and Parquet files, named step by step."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from bankseg.durable import flush_file, make_folders, settle
from bankseg.lake.in_memory import open_in_memory
from bankseg.lake.parameters import named


class Analysis:
    """Views and tables by name over files and Arrow tables; parameters are bound, never written into the text."""

    def __init__(self, *, memory: str = "2GB", threads: int = 2) -> None:
        self._connection = open_in_memory(threads=threads, memory=memory)

    def register(self, name: str, table: pa.Table) -> None:
        """Name an Arrow table."""
        self._connection.register(name, table)

    def parquet(self, name: str, paths: Sequence[Path]) -> None:
        """Name the rows of several Parquet files; a column some lack is null there."""
        relation = self._connection.from_parquet([str(path) for path in paths], union_by_name=True, hive_partitioning=False)
        relation.create_view(name)

    def view(self, name: str, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Name the rows of a statement. With parameters it is computed at once, for a view cannot keep them."""
        if not parameters:
            self._connection.sql(sql).create_view(name)
            return
        self.table(name, sql, parameters)

    def table(self, name: str, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Compute a statement and name its rows."""
        relation = self._connection.sql(sql, params=named(sql, parameters)) if parameters else self._connection.sql(sql)
        relation.create(name)

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Rows of a statement."""
        rows: pa.Table = self._connection.sql(sql, params=named(sql, parameters)).to_arrow_table()
        return rows

    def save(self, sql: str, path: Path) -> None:
        """Write the rows of a statement to a Parquet file, whole or not at all; they need not fit into memory."""
        make_folders(path.parent)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._connection.sql(sql).write_parquet(str(part), compression="zstd")
        flush_file(part)
        settle(part, path)

    def value(self, sql: str) -> Any:  # one value of any type
        """First column of the first row."""
        rows = self._connection.sql(sql).fetchall()
        return rows[0][0] if rows else None

    def columns(self, name: str) -> list[str]:
        """Columns of a named relation, in order."""
        return list(self._connection.table(name).columns)

    def types(self, name: str) -> dict[str, str]:
        """Columns of a named relation, in order, with the engine's names of their types."""
        relation = self._connection.table(name)
        return {str(column): str(kind) for column, kind in zip(relation.columns, relation.types, strict=True)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()
