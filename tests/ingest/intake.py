"""A small bank on disk for intake tests: a folder of files, a mapping, and what came of loading them."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
from sqlmodel import SQLModel

from bankseg.ingest.report import FileReport, IngestReport
from bankseg.lake.tables import current_files, open_lake
from bankseg.services.ingest import ingest_directory
from bankseg.settings import Settings
from bankseg.storage.client_erasure import ErasedKey
from bankseg.storage.database import make_engine
from bankseg.storage.import_batch import ImportBatch

HEAD = """
[bank]
extract_on = 2024-12-31
[defaults]
recorded = { lag_days = 1 }
"""
CLIENTS = """
[[extract]]
table = "clients"
files = ["clients*.csv"]
[extract.columns]
client_id = "id"
joined_on = "joined"
kind = { constant = "individual" }
name = "name"
"""
ACCOUNTS = """
[[extract]]
table = "accounts"
files = ["accounts*.csv"]
[extract.columns]
account_id = "id"
client_id = "client"
product = "product"
opened_on = "opened"
closed_on = "closed"
"""
TRANSACTIONS = """
[[extract]]
table = "transactions"
files = ["tx*.csv", "tx*.csv.gz", "tx*.parquet", "tx*.xlsx"]
[extract.columns]
transaction_id = "id"
account_id = "account"
booked_on = "day"
amount = "amount"
type = { constant = "other" }
"""
MAPPING = HEAD + CLIENTS + ACCOUNTS + TRANSACTIONS
CLIENT_ROWS = "id,joined,name\nC1,2020-01-01,Ann\nC2,2020-02-01,Bob\n"
ACCOUNT_ROWS = "id,client,product,opened,closed\nA1,C1,current_account,2020-01-01,\nA2,C2,savings,2020-02-01,\n"


@dataclass(frozen=True)
class SmallBank:
    """One folder of extracts and one home."""

    folder: Path
    settings: Settings

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Put files into the folder."""
        for name, content in files.items():
            target = self.folder / name
            target.write_bytes(content.encode() if isinstance(content, str) else content)

    def load(self, mapping: str = MAPPING, extract_on: date | None = None) -> IngestReport:
        """Load everything in the folder."""
        path = self.folder.parent / "mapping.toml"
        path.write_text(mapping, encoding="utf-8")
        return ingest_directory(self.settings, self.folder, path, extract_on=extract_on)

    def rows(self, table: str, columns: str, *, where: str = "true") -> list[tuple[object, ...]]:
        """Rows of the lake's current version, sorted."""
        lake = open_lake(self.settings.lake, self.settings.buckets)
        files = [path for paths in current_files(lake, table).values() for path in paths]
        if not files:
            return []
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            query = f"SELECT {columns} FROM read_parquet($files, hive_partitioning = false) WHERE {where} ORDER BY ALL"  # noqa: S608  # the tests' own words
            return connection.execute(query, {"files": files}).fetchall()

    def quarantined(self, report: FileReport) -> list[list[str]]:
        """Rows of a quarantine file, without its header."""
        if report.quarantine_path is None:
            return []
        with Path(report.quarantine_path).open(encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))[1:]


def small_bank(tmp_path: Path, *, buckets: int = 4) -> SmallBank:
    """An empty folder and an empty home with the tables of its store that an import asks."""
    folder = tmp_path / "extracts"
    folder.mkdir()
    settings = Settings(home=tmp_path / "home", buckets=buckets)
    settings.home.mkdir()
    engine = make_engine(settings.store)
    SQLModel.metadata.create_all(engine, tables=[ImportBatch.__table__, ErasedKey.__table__])
    engine.dispose()
    return SmallBank(folder, settings)


def report_of(report: IngestReport, file: str, table: str | None = None) -> FileReport:
    """The line of one file."""
    [found] = [line for line in report.files if line.file == file and table in (None, line.table)]
    return found
