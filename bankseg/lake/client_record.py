"""One client's record: the facts of the one bucket that holds the client, as known on a day, read by the SQL files beside this one."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from types import TracebackType
from typing import Any, Self

from bankseg.domain.buckets import bucket_of
from bankseg.lake.client_sources import no_rows, rows_of_balances, rows_of_table, statement
from bankseg.lake.copies import Held
from bankseg.lake.extent import bucket_count
from bankseg.lake.files import bucket_files
from bankseg.lake.places import is_remote
from bankseg.lake.reader import Reader

YEAR_DAYS = 365


class ClientRecord:
    """One client's facts in some tables of the lake; a table that was never loaded is empty, and `lacks` tells so.

    Parameters
    ----------
    versions
        Table versions to read: those of the run whose numbers the page shows, so that a number and its rows agree.
    tables
        Names of the tables to open.
    """

    def __init__(self, lake_root: str, versions: Mapping[str, int], client_id: str, as_of: date, tables: Collection[str]) -> None:
        held = {table: version for table, version in versions.items() if table in tables}
        bucket = bucket_of(client_id, bucket_count(lake_root)) if held else 0
        found = {table: sql for table, version in held.items() if (sql := rows_of_table(lake_root, table, version, bucket, as_of))}
        self._held = Held()
        for table, version in held.items() if is_remote(lake_root) else ():
            self._held.local(bucket_files(lake_root, table, version).get(bucket, ()))
        if "transactions" in found and "balances" not in found and "balances" in tables:
            found["balances"] = rows_of_balances()
        self.lacks = frozenset(tables) - found.keys()
        self._sources = tuple(found.items()) + tuple((table, no_rows(table)) for table in sorted(self.lacks))
        self._known = {"client_id": client_id, "as_of": as_of, "since": as_of - timedelta(days=YEAR_DAYS)}
        self._reader = Reader()

    def rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:  # values of SQL parameters; cells of any column
        """Rows of `client_<name>.sql`; `client_id`, `as_of` and `since`, a year before it, are always bound."""
        return self._reader.rows(statement(name, self._sources), self._known | parameters)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._reader.__exit__(kind, error, trace)
        self._held.close()
