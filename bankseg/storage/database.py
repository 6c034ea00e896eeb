"""The store's engine, sessions and clock, the same on SQLite and PostgreSQL."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, Float, event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlmodel import Session, create_engine, select

from bankseg.faults import crash_point
from bankseg.storage import row_security, traced

BUSY_SECONDS = 30
# Releases of SQLite in which write-ahead logging may corrupt a database with several connections.
WAL_SAFE_FROM = (3, 51, 3)
WAL_SAFE_BACKPORTS = ((3, 50, 7), (3, 44, 6))


class db_now(FunctionElement[float]):  # noqa: N801  # reads as the SQL function it is
    """Seconds since the epoch by the database's clock: leases compare one clock with itself."""

    type = Float()
    inherit_cache = True


@compiles(db_now, "sqlite")
def _sqlite_now(element: Any, compiler: Any, **kwargs: Any) -> str:  # signature is SQLAlchemy's
    del element, compiler, kwargs
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(db_now, "postgresql")
def _postgresql_now(element: Any, compiler: Any, **kwargs: Any) -> str:  # signature is SQLAlchemy's
    del element, compiler, kwargs
    return "extract(epoch from clock_timestamp())::float8"


def database_time(session: Session) -> float:
    """Now, in seconds since the epoch, by the database's clock."""
    return session.scalar(select(db_now())) or 0.0


def wal_is_safe(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite is free of the WAL-reset fault."""
    if version >= WAL_SAFE_FROM:
        return True
    return any(version[:2] == fixed[:2] and version >= fixed for fixed in WAL_SAFE_BACKPORTS)


def make_engine(url: str) -> Engine:
    """Build the engine of a store URL; nothing connects until the first use."""
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
        traced.install(engine)
        return engine
    # A connection that goes back is reset by row_security, which discards what the server prepared for it: so nothing is prepared.
    engine = create_engine(_with_driver(url), pool_pre_ping=True, pool_reset_on_return=None, connect_args={"prepare_threshold": None})
    row_security.install(engine)
    traced.install(engine)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """One session, one transaction: committed at the end, rolled back on any error."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session
        crash_point("store.before_commit")
    crash_point("store.after_commit")


def _with_driver(url: str) -> str:
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    del record
    connection.isolation_level = None  # SQLAlchemy's own BEGIN below, or a read would not hold its snapshot
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA journal_mode=WAL" if wal_is_safe() else "PRAGMA journal_mode=DELETE")
    cursor.execute("PRAGMA synchronous=EXTRA")  # with a rollback journal its removal is the commit: FULL would leave that to the system
    cursor.close()


def _begin_immediate(connection: Any) -> None:  # SQLAlchemy's event signature
    """Take SQLite's write lock at the start unless the caller declared a read: upgrading a read lock later can deadlock."""
    mode = "DEFERRED" if connection.get_execution_options().get("bankseg_read_only") else "IMMEDIATE"
    connection.exec_driver_sql(f"BEGIN {mode}")


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """One session over one consistent snapshot, for reads: never takes SQLite's write lock, always rolled back."""
    with engine.connect().execution_options(bankseg_read_only=True) as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)  # noqa: PLW2901
        with Session(connection, expire_on_commit=False) as session:
            yield session
