"""The whole store as files, and back: SQLite by its online backup, PostgreSQL by COPY inside one snapshot.

Neither stops anybody: readers and writers go on, and the copy is the store as it stood at one instant.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import Connection, Engine, inspect, text
from sqlmodel import Session

from bankseg.domain.errors import ArtefactError, InputError
from bankseg.storage import schema
from bankseg.storage.database import BUSY_SECONDS, make_engine
from bankseg.storage.tables import METADATA

SQLITE_FILE = "store.sqlite"
COPY_SUFFIX = ".copy"
REVISION_TABLE = "alembic_version"


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy while its instant can still be asked: `session` sees what the files hold."""

    kind: str  # sqlite | postgresql
    session: Session
    columns: dict[str, list[str]]
    rows: dict[str, int]


@contextmanager
def copied(engine: Engine, folder: Path) -> Iterator[Copied]:
    """Write the store into an empty folder; inside the block the copy can be asked."""
    if engine.dialect.name == "sqlite":
        _online_backup(str(engine.url.database), folder / SQLITE_FILE)
        inner = make_engine(f"sqlite:///{folder / SQLITE_FILE}").execution_options(bankseg_read_only=True)
        try:
            with inner.connect() as connection, Session(connection) as session:
                yield _asked(session, connection)
        finally:
            inner.dispose()
        return
    snapshot = engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with snapshot as connection, Session(connection) as session:
        connection.exec_driver_sql("SET LOCAL row_security = off")  # a role that sees some of the rows is refused, instead of copying those
        found = _asked(session, connection)
        for table, columns in found.columns.items():
            _copy_out(connection, table, columns, folder / f"{table}{COPY_SUFFIX}")
        yield found


def restore(kind: str, folder: Path, url: str, revision: str, columns: dict[str, list[str]]) -> None:
    """Fill an empty store at `url` from the files of a copy.

    Raises
    ------
    InputError
        When the store there is not empty, or is of another kind.
    """
    engine = make_engine(url)
    try:
        if engine.dialect.name != kind:
            raise InputError(f"the backup is of {kind}, the store to restore into is {engine.dialect.name}", "a store of the same kind", "name another URL")
        if kind == "sqlite":
            _online_backup(str(folder / SQLITE_FILE), Path(str(engine.url.database)))
            return
        if inspect(engine).get_table_names():
            raise InputError("the database to restore into is not empty", "a database without tables", "create a new one for the drill")
        schema.upgrade(engine, revision)
        _load(engine, folder, columns)
    finally:
        engine.dispose()


def _load(engine: Engine, folder: Path, columns: dict[str, list[str]]) -> None:
    try:
        with engine.begin() as connection:
            for table in columns:
                connection.execute(text(f"TRUNCATE {_quoted(connection, table)} CASCADE"))  # rows the migrations put there
            for table, names in columns.items():
                _copy_in(connection, table, names, folder / f"{table}{COPY_SUFFIX}")
            continue_numbers(connection, columns)
    except psycopg.Error as error:  # its words quote a row
        raise ArtefactError(f"the store's copy does not load: {type(error).__name__}", "the rows that were copied", "restore another backup") from error


def rows_of(connection: Connection, tables: list[str]) -> dict[str, int]:
    """Rows by table."""
    return {table: int(connection.execute(text(f"SELECT count(*) FROM {_quoted(connection, table)}")).scalar_one()) for table in tables}  # noqa: S608  # a table's own name


def is_sound(connection: Connection) -> bool:
    """Whether SQLite finds its pages and indexes whole; PostgreSQL has just checked every row it took."""
    return connection.dialect.name != "sqlite" or connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def _asked(session: Session, connection: Connection) -> Copied:
    columns = {table: [str(column["name"]) for column in inspect(connection).get_columns(table)] for table in _tables(connection)}
    return Copied(connection.dialect.name, session, columns, rows_of(connection, list(columns)))


def _tables(connection: Connection) -> list[str]:
    """Tables of the store, those that others refer to first."""
    present = set(inspect(connection).get_table_names()) - {REVISION_TABLE}
    known = [table.name for table in METADATA.sorted_tables if table.name in present]
    return [*known, *sorted(present - set(known))]


def _online_backup(source: str, target: Path) -> None:
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=BUSY_SECONDS) as there, sqlite3.connect(target) as here:
        there.backup(here)
    there.close()
    here.close()


def _copy_out(connection: Connection, table: str, columns: list[str], path: Path) -> None:
    statement = f"COPY {_quoted(connection, table)} ({_listed(connection, columns)}) TO STDOUT"
    with path.open("xb") as stream, _driver(connection).cursor() as cursor, cursor.copy(statement) as blocks:
        for block in blocks:
            stream.write(block)


def _copy_in(connection: Connection, table: str, columns: list[str], path: Path) -> None:
    statement = f"COPY {_quoted(connection, table)} ({_listed(connection, columns)}) FROM STDIN"
    with path.open("rb") as stream, _driver(connection).cursor() as cursor, cursor.copy(statement) as into:
        while block := stream.read(1 << 20):
            into.write(block)


def continue_numbers(connection: Connection, columns: dict[str, list[str]]) -> None:
    """Let every number that PostgreSQL gives out go on behind the highest that is taken."""
    for table in columns:
        for column in inspect(connection).get_columns(table):
            if "nextval" in str(column.get("default") or "") or column.get("identity"):
                name = _quoted(connection, column["name"])
                highest = f"SELECT max({name}) FROM {_quoted(connection, table)}"  # noqa: S608  # the table's own names
                statement = f"SELECT setval(pg_get_serial_sequence(:table, :column), greatest(({highest}), 1), ({highest}) IS NOT NULL)"
                connection.execute(text(statement), {"table": _quoted(connection, table), "column": column["name"]})


def _driver(connection: Connection):  # type: ignore[no-untyped-def]  # noqa: ANN202  # psycopg's connection, which SQLAlchemy types as anything
    return connection.connection.driver_connection


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def _listed(connection: Connection, names: list[str]) -> str:
    return ", ".join(_quoted(connection, name) for name in names)
