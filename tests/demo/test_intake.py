"""The demo bank goes through the ordinary intake, and every row is accounted for."""

import pytest

from bankseg.demo import DemoBank
from bankseg.services.ingest import ingest_directory
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import make_engine


@pytest.mark.slow
def test_every_row_is_accepted_quarantined_or_a_duplicate_as_planned(bank: DemoBank, settings: Settings) -> None:
    settings.home.mkdir()
    schema.upgrade(make_engine(settings.store))

    report = ingest_directory(settings, bank.directory, bank.mapping)

    found = {file.file: (file.accepted, file.quarantined, file.duplicates) for file in report.files}
    assert found == {name: (rows, *_planned(bank, name)) for name, rows in bank.rows.items() if name not in ("agences.csv", "conseillers.csv")}


def _planned(bank: DemoBank, name: str) -> tuple[int, int]:
    expected = {kind: sum(fault.rows for fault in bank.broken if fault.file == name and fault.expected == kind) for kind in ("quarantined", "duplicate")}
    return expected["quarantined"], expected["duplicate"]
