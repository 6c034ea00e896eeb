"""Alembic's entry: runs inside the transaction of the connection it is given, under the lock and statement limits of the house."""

from alembic import context
from sqlmodel import SQLModel

from bankseg.storage import tables

LOCK_SECONDS, STATEMENT_SECONDS = 2, 5  # `schema.upgrade` asks again for a lock it did not get

_connection = context.config.attributes["connection"]
if _connection.dialect.name == "postgresql":
    _connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    _connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")
    _connection.exec_driver_sql("SELECT pg_advisory_xact_lock(72656)")  # two upgrades at once: one waits
assert tables.METADATA is SQLModel.metadata  # noqa: S101  # the import above registered every table
context.configure(connection=_connection, target_metadata=tables.METADATA, render_as_batch=True, compare_type=True)
context.run_migrations()
