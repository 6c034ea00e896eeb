"""A child process that imports and ends itself, as by SIGKILL, the n-th time it reaches a named point: HOME FOLDER MAPPING POINT N."""

import os
import sys
from pathlib import Path

from bankseg.services import ingest, ingest_extract
from bankseg.settings import Settings


def main() -> None:
    home, folder, mapping, point, passes = sys.argv[1:]
    left = [int(passes)]

    def reached(name: str) -> None:
        if name == point:
            left[0] -= 1
            if left[0] == 0:
                os._exit(137)

    class CrashingIntake(ingest_extract.Intake):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            self.reached = reached

    ingest.Intake = CrashingIntake
    ingest.ingest_directory(Settings(home=Path(home), buckets=2), Path(folder), Path(mapping))


if __name__ == "__main__":
    main()
