"""Compact the lake: each bucket of each table in one sorted file, while no import runs."""

from collections.abc import Callable, Iterator
from functools import partial

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.extracts import EXTRACT_BY_NAME, EXTRACTS
from bankseg.lake.compact import Compaction, compact
from bankseg.lake.tables import open_lake
from bankseg.services.disk_space import needs_space
from bankseg.services.ingest import only_import
from bankseg.settings import Settings

Progress = Callable[[str, int, int], None]


def compact_lake(settings: Settings, table: str | None = None, progress: Progress | None = None) -> Iterator[Compaction]:
    """Compact one table or all, each in a version of its own; runs go on reading the versions they recorded.

    `progress` is told a table, its buckets done and those to do.

    Raises
    ------
    ConfigurationError
        When there is no such table.
    ServiceUnavailableError
        While an import runs.
    """
    if table is not None and table not in EXTRACT_BY_NAME:
        raise ConfigurationError(f"no table {table!r}", "one of " + ", ".join(EXTRACT_BY_NAME), "name one of them, or none for all")
    with needs_space("tables were compacted", settings.home), only_import(settings.home, waits=False):
        lake = open_lake(settings.lake, settings.buckets)
        for extract in EXTRACTS:
            if table in (None, extract.name):
                found = compact(lake, extract, partial(progress, extract.name) if progress else None)
                if found.files_before:
                    yield found
