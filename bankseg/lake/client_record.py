"""One client's record: the facts of the one bucket that holds the client, as known on a day, read by the SQL files beside this one."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from types import TracebackType
from typing import Any, Self

from bankseg.domain.buckets import bucket_of
from bankseg.domain.extracts import EXTRACT_BY_NAME
from bankseg.lake.extent import bucket_count
from bankseg.lake.local import LakeAt, LocalBucket
from bankseg.lake.schemas import file_schema

YEAR_DAYS = 365


class ClientRecord:
    """One client's facts in some tables of the lake; a table that was never loaded is empty, and `lacks` tells so.

    Parameters
    ----------
    versions
        Table versions to read: those of the run whose numbers the page shows, so that a number and its rows agree.
    tables
        Names of the tables to open; each costs a little, so a page opens those it shows.
    """

    def __init__(self, lake_root: str, versions: Mapping[str, int], client_id: str, as_of: date, tables: Collection[str]) -> None:
        held = {table: version for table, version in versions.items() if table in tables}
        bucket = bucket_of(client_id, bucket_count(lake_root)) if held else 0
        self._bucket = LocalBucket(LakeAt(lake_root, held), bucket, as_of)
        self._known = {"client_id": client_id, "as_of": as_of, "since": as_of - timedelta(days=YEAR_DAYS)}
        self.lacks = frozenset(tables) - self._bucket.tables
        for table in self.lacks:
            self._bucket.register(table, file_schema(EXTRACT_BY_NAME[table]).empty_table())

    def rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:  # values of SQL parameters; cells of any column
        """Rows of `client_<name>.sql`; `client_id`, `as_of` and `since`, a year before it, are always bound."""
        return self._bucket.arrow(_sql(name), self._known | parameters).to_pylist()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bucket.close()


@cache
def _sql(name: str) -> str:
    return files("bankseg.lake").joinpath(f"client_{name}.sql").read_text(encoding="utf-8")
