"""The attributes door: a flat file's own columns and its outcome become long tables, declared with the lake."""

from datetime import date
from pathlib import Path

import pytest

from bankseg.domain.errors import ConfigurationError
from bankseg.lake.declarations import read_declarations
from tests.ingest.intake import SmallBank, report_of, small_bank

MAPPING = """
[bank]
extract_on = 2024-12-31
[[extract]]
table = "clients"
files = ["flat*.csv"]
[extract.columns]
client_id = { row_number = true, prefix = "F" }
joined_on = { constant = 2020-01-01 }
kind = { constant = "individual" }
[extract.attributes]
Age = { type = "number", family = "demographic", label_fr = "Âge", is_protected = true }
City = { type = "category" }
[extract.label]
name = "left"
column = "Exited"
positive = ["1"]
meaning = "loss"
label_fr = "Parti"
"""


def loaded(tmp_path: Path, content: str) -> tuple[SmallBank, dict[str, tuple[int, int, int]]]:
    bank = small_bank(tmp_path, buckets=2)
    bank.write({"flat.csv": content})
    report = bank.load(MAPPING)
    return bank, {line.table: (line.read, line.accepted, line.quarantined) for line in report.files}


def test_missing_values_are_left_out_and_unreadable_ones_quarantine_the_client(tmp_path: Path) -> None:
    bank, counts = loaded(tmp_path, "Age,City,Exited\n42,Lyon,1\n,Paris,0\nold,Nice,0\n")

    assert counts == {"clients": (3, 2, 1), "client_attributes": (3, 3, 0), "client_labels": (2, 2, 0)}
    assert bank.rows("client_attributes", "client_id, name, number, category, observed_on") == [
        ("F1", "Age", 42.0, None, date(2024, 12, 31)), ("F1", "City", None, "Lyon", date(2024, 12, 31)), ("F2", "City", None, "Paris", date(2024, 12, 31)),
    ]  # fmt: skip
    assert bank.rows("client_labels", "client_id, label, outcome") == [("F1", "left", True), ("F2", "left", False)]


def test_values_are_known_on_the_day_of_the_extract_and_declared_with_the_lake(tmp_path: Path) -> None:
    bank, _ = loaded(tmp_path, "Age,City,Exited\n42,Lyon,1\n")

    assert bank.rows("client_attributes", "DISTINCT CAST(recorded_at AS DATE)") == [(date(2024, 12, 31),)]
    declared = read_declarations(bank.settings.lake)
    assert [(entry["name"], entry["type"], entry["is_protected"]) for entry in declared.attributes] == [("Age", "number", True), ("City", "category", False)]
    assert declared.labels == ("left",)
    assert declared.outcomes == ({"name": "left", "meaning": "loss", "product": None, "label_en": "", "label_fr": "Parti"},)


@pytest.mark.parametrize(
    "declared", ['meaning = "sale"', 'meaning = "loss"\nproduct = "savings"', 'meaning = "sale"\nproduct = "moonbeams"', 'meaning = "churn"', ""]
)
def test_an_outcome_says_what_it_means_and_what_was_sold(tmp_path: Path, declared: str) -> None:
    bank = small_bank(tmp_path)
    bank.write({"flat.csv": "Age,City,Exited\n42,Lyon,1\n"})

    with pytest.raises(ConfigurationError, match="label"):
        bank.load(MAPPING.replace('meaning = "loss"', declared))


def test_a_later_file_adds_new_observations_and_leaves_the_clients_alone(tmp_path: Path) -> None:
    bank, _ = loaded(tmp_path, "Age,City,Exited\n42,Lyon,1\n")
    bank.write({"flat2.csv": "Age,City,Exited\n43,Lyon,0\n"})

    report = bank.load(MAPPING, extract_on=date(2025, 12, 31))

    assert report_of(report, "flat2.csv", "clients").duplicates == 1
    assert bank.rows("client_attributes", "observed_on, number", where="name = 'Age'") == [(date(2024, 12, 31), 42.0), (date(2025, 12, 31), 43.0)]
