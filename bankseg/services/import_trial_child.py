"""The child process of a dry run."""

import sys
from pathlib import Path
from typing import Any

from bankseg.ingest.child import serve
from bankseg.services.import_trial import try_file
from bankseg.settings import Settings


def work(question: dict[str, Any]) -> dict[str, Any]:  # JSON of `try_in_child`
    """Try one file with the settings of this installation."""
    settings = Settings(home=Path(question["home"]))
    return try_file(settings, Path(question["path"]), Path(question["mapping"]))


if __name__ == "__main__":
    sys.exit(serve(work))
