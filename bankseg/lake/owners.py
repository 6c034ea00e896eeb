"""Who is known: clients with their bucket, rank and birth, accounts with their owner, life and currency, for the intake's checks."""

import duckdb
from sqlglot import exp

from bankseg.domain.buckets import BUCKET_SQL
from bankseg.domain.extracts import RECORDED_UNTIL
from bankseg.lake.sql_tree import create, parquet, quoted
from bankseg.lake.tables import Lake, current_files

NO_CLIENTS = "CREATE OR REPLACE TABLE known_client (client_id VARCHAR, birth_on DATE, bucket SMALLINT, place BIGINT)"
NO_ACCOUNTS = """
CREATE OR REPLACE TABLE known_account (
    account_id VARCHAR, client_id VARCHAR, bucket SMALLINT, place BIGINT, opened_on DATE, closed_on DATE, birth_on DATE, account_currency VARCHAR
)
"""
RANKED_CLIENTS = f"""
CREATE OR REPLACE TABLE known_client AS
SELECT client_id, birth_on, bucket, row_number() OVER (ORDER BY bucket, client_id) AS place FROM (SELECT client_id, birth_on, {BUCKET_SQL} AS bucket FROM open_client)
"""  # noqa: S608  # the frozen bucket expression, a constant of the domain
OWNED_ACCOUNTS = """
CREATE OR REPLACE TABLE known_account AS
SELECT account_id, client_id, bucket, place, opened_on, closed_on, birth_on, currency AS account_currency FROM open_account JOIN known_client USING (client_id)
"""


def know_owners(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Fill `known_client` and `known_account` from the lake as it is known now."""
    clients = _open_rows(connection, lake, "clients", ("client_id", "birth_on"), "open_client")
    connection.execute(RANKED_CLIENTS, {"buckets": lake.buckets}) if clients else connection.execute(NO_CLIENTS)
    accounts = _open_rows(connection, lake, "accounts", ("account_id", "client_id", "opened_on", "closed_on", "currency"), "open_account")
    connection.execute(OWNED_ACCOUNTS if accounts else NO_ACCOUNTS)


def _open_rows(connection: duckdb.DuckDBPyConnection, lake: Lake, table: str, columns: tuple[str, ...], name: str) -> bool:
    paths = [path for bucket in current_files(lake, table).values() for path in bucket]
    if paths:
        select = exp.select(*[quoted(column) for column in columns]).distinct().from_(parquet(paths)).where(quoted(RECORDED_UNTIL).is_(exp.null()))
        connection.execute(create("TABLE", name, select))
    return bool(paths)
