"""A child process that imports, to be ended at the point that BANKSEG_FAULT names: HOME FOLDER MAPPING."""

import sys
from pathlib import Path

from bankseg.services.ingest import ingest_directory
from bankseg.settings import Settings

if __name__ == "__main__":
    home, folder, mapping = sys.argv[1:]
    ingest_directory(Settings(home=Path(home), buckets=2), Path(folder), Path(mapping))
