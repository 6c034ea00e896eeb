"""The dry run of an import: the very checks and counts of loading, up to the moment before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bankseg.domain.errors import MissingDataError
from bankseg.ingest.child import run_in_child
from bankseg.ingest.door import pass_through_door
from bankseg.ingest.lookups import load_lookups
from bankseg.ingest.mapping import ExtractMapping, Mapping, load_mapping
from bankseg.ingest.quarantine import Quarantine
from bankseg.ingest.repeats import settle_repeats
from bankseg.ingest.share import beyond_share
from bankseg.ingest.stage import StagedFile, Staging, prepare
from bankseg.ingest.statement import constant_columns
from bankseg.lake.history import place
from bankseg.lake.owners import know_owners
from bankseg.lake.scratch import Connection, scratch_connection
from bankseg.lake.tables import Lake, open_lake
from bankseg.settings import Settings

CHILD = "bankseg.services.import_trial_child"


@dataclass(frozen=True, slots=True)
class Trial:
    """What loading would do: rows by outcome, largest reasons first, the file of refused rows where there are any, and why none would be loaded."""

    read: int
    accepted: int
    quarantined: int
    duplicates: int
    filtered: int
    reasons: Sequence[tuple[str, int]]
    rejects: str | None
    refusal: str = ""

    @property
    def reconciles(self) -> bool:
        """Whether every row read is accounted for."""
        return self.read == self.accepted + self.quarantined + self.duplicates + self.filtered


def try_in_child(settings: Settings, path: Path, mapping_path: Path, told_name: str) -> Trial:
    """The dry run of one file, in a process of its own.

    Raises
    ------
    InputError
        When the file cannot be read, or takes more time or memory than a file may.
    ConfigurationError
        When the mapping does not hold.
    """
    answer = run_in_child(CHILD, {"home": str(settings.home), "path": str(path), "mapping": str(mapping_path)}, told_name)
    return trial_of(answer)


def trial_of(document: dict[str, Any]) -> Trial:  # as the child tells it
    """A trial from its JSON."""
    return Trial(**{**document, "reasons": [(str(reason), int(rows)) for reason, rows in document["reasons"]]})


def try_file(settings: Settings, path: Path, mapping_path: Path) -> dict[str, Any]:
    """Stage, settle and place one file as loading would, and write nothing but the refused rows beside it. `Any`: JSON values."""
    mapping = load_mapping(mapping_path)
    if mapping.bank.extract_on is None:
        raise MissingDataError("no extract date", "the last day the file may speak of", "set extract_on under [bank] in the mapping")
    with scratch_connection(path.parent / "scratch", settings.duckdb_memory) as connection:
        prepare(connection)
        lake = open_lake(settings.lake, settings.buckets)
        know_owners(connection, lake)
        return _counted(connection, lake, mapping, mapping.extract[0], path, mapping.bank.extract_on)


def _counted(connection: Connection, lake: Lake, mapping: Mapping, extract_mapping: ExtractMapping, path: Path, extract_on: date) -> dict[str, Any]:
    staging = Staging(connection, mapping, extract_mapping, extract_on, lake.buckets)
    staging.lookup_columns = load_lookups(connection, path.parent, extract_mapping)
    file = StagedFile(0, path, "", Quarantine(path.parent / "rejects.csv"))
    staging.stage([file])
    if file.refusal is not None:
        raise file.refusal
    constants = constant_columns(mapping, extract_mapping)
    has_repeats = settle_repeats(connection, extract_mapping.extract, [file], constants=constants, first_of_key=extract_mapping.first_of_key)
    refusal = beyond_share(file, extract_mapping.most_rejected_pct)
    pass_through_door(connection, extract_mapping, extract_on)
    placement = place(connection, lake, extract_mapping.extract, extract_on, constants, has_repeats=has_repeats)
    accepted = int(connection.execute("SELECT count(*) FROM staged").fetchall()[0][0])
    reasons = sorted(file.quarantine.reasons.items(), key=lambda entry: (-entry[1], entry[0]))
    return {
        "read": file.read, "accepted": accepted, "quarantined": file.quarantine.count, "duplicates": file.duplicates + placement.duplicates.get(0, 0),
        "filtered": file.filtered, "reasons": reasons, "rejects": file.quarantine.save(),
        "refusal": str(refusal or ""),
    }  # fmt: skip
