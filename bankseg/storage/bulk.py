"""Bulk load: Arrow rows into the store in one transaction, never row by row through the ORM."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, bindparam, insert

from bankseg.storage.tables import METADATA

BATCH_ROWS = 20_000  # rows that are Python values at a time


def append(engine: Engine, table: str, rows: pa.Table) -> int:
    """Append Arrow rows to an existing table, all or none; returns how many were written."""
    if rows.num_rows == 0:
        return 0
    if engine.dialect.name == "sqlite":
        _append_sqlite(engine, table, rows)
    else:
        _append_postgresql(engine, table, rows)
    return int(rows.num_rows)


def _append_sqlite(engine: Engine, table: str, rows: pa.Table) -> None:
    """Through Python's own SQLite: a second copy of the library in this process (ADBC brings one) would not see our locks and could ruin the file."""
    into = METADATA.tables[table]
    statement = insert(into).values({name: bindparam(name) for name in rows.column_names}).compile(engine)
    ordered = rows.select(list(statement.positiontup or ()))
    with engine.begin() as connection:
        for batch in _tuples(ordered):
            connection.exec_driver_sql(str(statement), batch)


def _tuples(rows: pa.Table) -> Iterator[list[tuple[Any, ...]]]:  # values of any column type
    for batch in rows.to_batches(max_chunksize=BATCH_ROWS):
        yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _append_postgresql(engine: Engine, table: str, rows: pa.Table) -> None:
    import adbc_driver_postgresql.dbapi

    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with adbc_driver_postgresql.dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(table, rows, mode="append")
        connection.commit()


def analyse(engine: Engine, tables: tuple[str, ...]) -> None:
    """Let the store measure tables that were just loaded; without it a first query may take the wrong index."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables:
            connection.exec_driver_sql(f"ANALYZE {METADATA.tables[table].name}")
