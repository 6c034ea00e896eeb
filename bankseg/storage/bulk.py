"""Bulk load: Arrow straight into the store (ADBC), never row by row through the ORM."""

import adbc_driver_manager.dbapi
import pyarrow as pa
from sqlalchemy import Engine


def append(engine: Engine, table: str, rows: pa.Table) -> int:
    """Append Arrow rows to an existing table in one statement of its own connection; returns how many were written."""
    if rows.num_rows == 0:
        return 0
    with _connect(engine) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(table, rows, mode="append")
        connection.commit()
    return int(rows.num_rows)


def _connect(engine: Engine) -> adbc_driver_manager.dbapi.Connection:
    if engine.dialect.name == "sqlite":
        import adbc_driver_sqlite.dbapi

        return adbc_driver_sqlite.dbapi.connect(f"file:{engine.url.database}")
    import adbc_driver_postgresql.dbapi

    return adbc_driver_postgresql.dbapi.connect(engine.url.set(drivername="postgresql").render_as_string(hide_password=False))
