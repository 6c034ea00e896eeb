"""What an import did, file by file; the counts of a file always reconcile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from bankseg.domain.errors import BanksegError

TOP_REASONS = 5


def top_of(reasons: Mapping[str, int]) -> dict[str, int]:
    """The most frequent of counted reasons."""
    return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:TOP_REASONS])


@dataclass(frozen=True, slots=True)
class FileReport:
    """Outcome of one file for one table."""

    table: str
    file: str
    sha256: str
    state: Literal["loaded", "already_loaded", "refused"]
    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    filtered: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    quarantine_path: str | None = None
    message: str = ""
    lake_version: int | None = None

    def __post_init__(self) -> None:
        if self.read != self.accepted + self.quarantined + self.duplicates + self.filtered:
            raise BanksegError(
                f"{self.file} into {self.table} does not reconcile: {self.read} read, but {self.accepted} accepted, {self.quarantined} quarantined, "
                f"{self.duplicates} duplicates, {self.filtered} filtered",
                "every row counted once",
                "nothing was loaded from it; report this",
            )

    @property
    def top_reasons(self) -> dict[str, int]:
        """The most frequent reasons of quarantine."""
        return top_of(self.reasons)

    def counts(self) -> dict[str, Any]:
        """What the lake's commit keeps of it, so that a crash before the store's row loses no count."""
        names = ("read", "accepted", "quarantined", "duplicates", "filtered", "quarantine_path")
        return {name: getattr(self, name) for name in names} | {"reasons": dict(self.reasons)}


@dataclass(frozen=True, slots=True)
class IngestReport:
    """Outcome of one import."""

    extract_on: date
    files: tuple[FileReport, ...]
    unmatched: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[FileReport, ...]:
        """Files that were refused as a whole."""
        return tuple(file for file in self.files if file.state == "refused")

    def as_document(self) -> dict[str, Any]:
        """For `--json`."""
        files = [
            {"table": f.table, "file": f.file, "sha256": f.sha256, "state": f.state, **f.counts(), "message": f.message, "lake_version": f.lake_version}
            for f in self.files
        ]
        return {"extract_on": self.extract_on.isoformat(), "files": files, "unmatched": list(self.unmatched)}
