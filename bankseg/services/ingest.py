"""Load a directory of extract files through a mapping: the bank says "take these in"."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from sqlalchemy import Engine

from bankseg.domain.errors import ConfigurationError, InputError, ServiceUnavailableError
from bankseg.domain.extracts import EXTRACTS
from bankseg.ingest.mapping import ExtractMapping, Mapping, load_mapping
from bankseg.ingest.report import FileReport, IngestReport
from bankseg.ingest.source_file import matching_files
from bankseg.ingest.stage import prepare
from bankseg.lake.declarations import Declarations, declare
from bankseg.lake.owners import know_owners
from bankseg.lake.scratch import scratch_connection
from bankseg.lake.tables import open_lake
from bankseg.services.disk_space import needs_space
from bankseg.services.ingest_extract import Intake, load_extract
from bankseg.settings import Settings
from bankseg.storage.database import make_engine

OWNER_TABLES = ("clients", "accounts")
Progress = Callable[[str, int], None]


def ingest_directory(
    settings: Settings,
    directory: Path,
    mapping_path: Path,
    *,
    extract_on: date | None = None,
    progress: Progress | None = None,
    waits: bool = False,
    accepts_rejects: bool = False,
) -> IngestReport:
    """Load every file a mapping names, owners first; a file that cannot be read is refused and the others go on.

    `progress` is told a file's name and the rows read from it so far. With `waits` it waits for another import to end, else it is refused.
    With `accepts_rejects` a file is loaded however many of its rows are refused.
    """
    mapping = load_mapping(Path(mapping_path))
    known_until = _extract_date(mapping, extract_on)
    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(f"{directory} is not a directory", "the directory that holds the extract files", "check the path")
    scratch = settings.home / "scratch" / "intake"
    with (
        needs_space("files were loaded", settings.home),
        only_import(settings.home, waits=waits),
        scratch_connection(scratch, settings.duckdb_memory) as connection,
    ):
        prepare(connection)
        intake = Intake(
            settings, connection, open_lake(settings.lake, settings.buckets), make_engine(settings.store), mapping, directory, known_until, progress,
            accepts_rejects,
        )  # fmt: skip
        declare(settings.lake, _declarations(mapping))
        try:
            return _load_all(intake)
        finally:
            _dispose(intake.engine)


def in_loading_order(mapping: Mapping) -> list[ExtractMapping]:
    """Clients, accounts, then the rest: each row's owner is known before it."""
    order = {extract.name: position for position, extract in enumerate(EXTRACTS)}
    return sorted(mapping.extract, key=lambda extract_mapping: order[extract_mapping.table])


def _load_all(intake: Intake) -> IngestReport:
    reports: list[FileReport] = []
    unmatched: list[str] = []
    extracts = in_loading_order(intake.mapping)
    if not any(matching_files(intake.directory, extract_mapping.files) for extract_mapping in extracts):
        raise InputError(
            f"no file in {intake.directory} matches the mapping",
            "files such as " + ", ".join(extracts[0].files),
            "check the directory and `files` of the mapping",
        )
    know_owners(intake.connection, intake.lake)
    stopped_by = ""
    for extract_mapping in extracts:
        paths = matching_files(intake.directory, extract_mapping.files)
        unmatched += [] if paths else [f"{extract_mapping.table}: {', '.join(extract_mapping.files)}"]
        found = load_extract(intake, extract_mapping, paths, stopped_by)
        reports += found
        if extract_mapping.table in OWNER_TABLES:
            refused = next((report for report in found if report.state == "refused"), None)
            stopped_by = stopped_by or (f"{refused.file} of {refused.table} was refused, so owners are missing" if refused else "")
            if any(report.state == "loaded" for report in found):
                know_owners(intake.connection, intake.lake)
    return IngestReport(intake.extract_on, tuple(reports), tuple(unmatched))


def _extract_date(mapping: Mapping, given: date | None) -> date:
    found = given or mapping.bank.extract_on
    if found is None:
        raise ConfigurationError("no extract date", "the last day the files may speak of", "set extract_on under [bank] in the mapping, or give --extract-on")
    return found


def _declarations(mapping: Mapping) -> Declarations:
    attributes = [
        {"name": name, **attribute.model_dump(mode="json", exclude={"column"})}
        for extract_mapping in mapping.extract
        for name, attribute in extract_mapping.attributes.items()
    ]
    outcomes = [extract_mapping.label.model_dump(mode="json", exclude={"column", "positive"}) for extract_mapping in mapping.extract if extract_mapping.label]
    return Declarations(tuple(attributes), tuple(outcomes), mapping.products, mapping.bank.name, mapping.bank.currency)


@contextmanager
def only_import(home: Path, *, waits: bool) -> Iterator[None]:
    """One import at a time: two could both think a key is new."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "intake.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ServiceUnavailableError("another import is running", "one import at a time", "wait for it to end and try again") from error
        yield


def _dispose(engine: Engine) -> None:
    engine.dispose()
