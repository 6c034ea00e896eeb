"""The journal of a search: one JSON line a trial, appended and flushed to the disk, readable after any interruption."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Journal:
    """An append-only file of JSON lines."""

    path: Path

    def read(self) -> list[dict[str, Any]]:
        """Every whole line; a line cut off by a crash is not there. `Any`: JSON."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_bytes()[: self._whole()].splitlines()]

    def of_key(self, key: str) -> list[dict[str, Any]]:
        """The lines of one search, in order. `Any`: JSON."""
        return [line for line in self.read() if line["key"] == key]

    def append(self, line: Mapping[str, Any]) -> None:
        """Add a line and wait until it is on the disk; what a crash left half written is cut off first. `Any`: JSON."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as stream:
            stream.truncate(self._whole())
            stream.seek(0, os.SEEK_END)
            stream.write(json.dumps(line, sort_keys=True, allow_nan=False).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def _whole(self) -> int:
        """Bytes up to the end of the last whole line."""
        return self.path.read_bytes().rfind(b"\n") + 1 if self.path.exists() else 0
