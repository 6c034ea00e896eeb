"""The history of a laboratory: one JSON object a line, appended whole by whichever process saw it."""

import json
import os
import time
from pathlib import Path
from typing import Any

Line = dict[str, Any]  # Any: JSON values


class History:
    """A file that several processes append to; a line is one write, so that a killed process leaves no half of one between two others."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def note(self, kind: str, **said: Any) -> None:  # Any: JSON values
        """Append one line with the time it was written."""
        line = (json.dumps({"at": round(time.time(), 3), "kind": kind, **said}, default=str) + "\n").encode()
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            written = os.write(handle, line)
        finally:
            os.close(handle)
        if written < len(line):
            message = f"{written} of {len(line)} bytes of a line fitted on the disk of {self.path}: keep the history on a disk that no fault fills"
            raise OSError(message)


def read_history(path: Path) -> list[Line]:
    """Every line, in the order of writing."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
