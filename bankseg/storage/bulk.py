"""Bulk load: Arrow rows into the store in one transaction, never row by row through the ORM."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from sqlalchemy import BigInteger, Engine, Integer, bindparam, insert

from bankseg.storage.row_security import SCOPE_OPTION, TELL, settings_of
from bankseg.storage.tables import METADATA

BATCH_ROWS = 20_000  # rows that are Python values at a time
TELL_BY_PLACE = TELL % {"whole": "$1", "rm": "$2", "branch": "$3"}  # as this driver names parameters


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
    """By COPY; PostgreSQL copies into no table whose policies hold for us, so there the rows are copied beside it and inserted from there."""
    import adbc_driver_postgresql.dbapi

    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False).replace(" ", "%20")  # the driver's library takes no blank
    name = METADATA.tables[table].name
    with adbc_driver_postgresql.dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT row_security_active('{name}')")
        if cursor.fetchone() == (True,):
            _insert_through_policies(cursor, engine, name, _as_stored(name, rows))
        else:
            cursor.adbc_ingest(name, _as_stored(name, rows), mode="append")
        connection.commit()


def _as_stored(table: str, rows: pa.Table) -> pa.Table:
    """Whole numbers as wide as their columns: this driver writes binary COPY, which casts nothing."""
    for place, column in enumerate(rows.schema):
        stored = METADATA.tables[table].c[column.name].type
        if isinstance(stored, Integer) and not isinstance(stored, BigInteger) and column.type == pa.int64():
            rows = rows.set_column(place, column.name, rows.column(place).cast(pa.int32()))
    return rows


def _insert_through_policies(cursor: Any, engine: Engine, table: str, rows: pa.Table) -> None:  # ADBC's cursor
    columns, beside = ", ".join(rows.column_names), f"{table}_beside"
    scope = engine.get_execution_options().get(SCOPE_OPTION)
    if scope is not None:
        cursor.execute(TELL_BY_PLACE, tuple(settings_of(scope).values()))
    cursor.execute(f"CREATE TEMPORARY TABLE {beside} ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA")  # noqa: S608  # the store's own names
    cursor.adbc_ingest(beside, rows, mode="append", temporary=True)
    cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {beside}")  # noqa: S608  # as above


def analyse(engine: Engine, tables: tuple[str, ...]) -> None:
    """Let the store measure tables that were just loaded; without it a first query may take the wrong index."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables:
            connection.exec_driver_sql(f"ANALYZE {METADATA.tables[table].name}")
