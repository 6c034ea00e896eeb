"""The benchmark's bank in PostgreSQL, as in production: roles made, row policies in force, the web and the run each by a role of its own."""

from collections.abc import Iterator

import click
import pyarrow as pa
from sqlalchemy import Engine, Table, func, insert, make_url, select
from web_bank import PUBLISHED

from bankseg.settings import Settings
from bankseg.storage import database_roles, published_rows, schema
from bankseg.storage import run as runs
from bankseg.storage.bulk import analyse, append
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.store_copy import continue_numbers
from bankseg.storage.tables import METADATA

ROWS_AT_ONCE = 50_000
PASSWORD = "benchmark-roles-only"  # noqa: S105  # of roles of the benchmark's own server


def prepared(settings: Settings, url: str) -> dict[str, str]:
    """The environment that works on the bank in this database: filled first if it is empty, taken as it is where it holds the bank already.

    The URL is a superuser's, of a server without other databases of a bank: the roles belong to the whole server.
    """
    here = make_engine(url)
    if schema.revision(here) is None:
        _fill(settings, here)
    schema.upgrade(_of(here, database_roles.OWNER))
    _check(settings, here)
    addresses = {role: _of(here, role).url.render_as_string(hide_password=False) for role in database_roles.LOGINS}
    return {
        "BANKSEG_STORE_URL": addresses[database_roles.WORKER],
        "BANKSEG_WEB_STORE_URL": addresses[database_roles.WEB],
        "BANKSEG_OWNER_STORE_URL": addresses[database_roles.OWNER],
    }


def _fill(settings: Settings, here: Engine) -> None:
    with here.begin() as connection:
        database_roles.make_roles(connection, dict.fromkeys(database_roles.LOGINS, PASSWORD))
    schema.upgrade(_of(here, database_roles.OWNER))
    with here.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(table.delete())
    there = make_engine(settings.store)
    for table in METADATA.sorted_tables:
        for rows in _parts(there, table):
            if table.name in PUBLISHED:
                append(here, table.name, pa.Table.from_pylist(rows, _schema(table)))
            else:
                with here.begin() as connection:
                    connection.execute(insert(table), rows)
    with here.begin() as connection:
        continue_numbers(connection, {table.name: list(table.columns.keys()) for table in METADATA.sorted_tables})
    with transaction(here) as session:
        run = runs.current(session)
        published_rows.show(session, run.id if run and run.id else 0)
    analyse(here, PUBLISHED)


def _parts(there: Engine, table: Table) -> Iterator[list[dict[str, object]]]:
    with there.connect().execution_options(bankseg_read_only=True, yield_per=ROWS_AT_ONCE) as connection:
        for part in connection.execute(select(table)).mappings().partitions():
            yield [dict(row) for row in part]


def _schema(table: Table) -> pa.Schema:
    """The types of the columns, also of one that nobody of these rows has."""
    kinds = {int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    return pa.schema([(one.name, kinds.get(one.type.python_type, pa.string())) for one in table.c])


def _check(settings: Settings, here: Engine) -> None:
    counts = []
    for engine in (make_engine(settings.store), here):
        with reading(engine) as session:
            shown = runs.current(session)
            run_id = shown.id if shown else None
            counts.append(session.execute(select(func.count()).select_from(PublishedClient).where(PublishedClient.run_id == run_id)).scalar_one())
    if counts[0] != counts[1]:
        raise click.ClickException(
            f"the database shows {counts[1]:,} published clients. Expected: {counts[0]:,}, as in {settings.home}. What to do: name an empty database, or one copied when it was just filled."
        )


def _of(engine: Engine, role: str) -> Engine:
    return make_engine(make_url(engine.url).set(username=role, password=PASSWORD).render_as_string(hide_password=False))
