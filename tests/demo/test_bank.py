"""The demo bank on disk: same seed same files, once and whole."""

import gzip
from datetime import date
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bankseg.demo import DemoBank, generate
from bankseg.demo.people import DEMO_PEOPLE, branch_of, rm_count
from bankseg.domain.errors import InputError
from bankseg.ingest.mapping import load_mapping
from tests.demo.conftest import LAST, SEED, small_bank


def digests(directory: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(directory.rglob("*")) if path.is_file()}


def lines_of(path: Path, encoding: str = "utf-8") -> list[str]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return raw.decode(encoding).splitlines()


def test_the_same_seed_gives_the_same_bytes(bank: DemoBank, tmp_path: Path) -> None:
    again = small_bank(tmp_path / "again")

    assert digests(again.directory) == digests(bank.directory)
    assert digests(again.truth) == digests(bank.truth)


def test_another_seed_gives_other_clients(bank: DemoBank, tmp_path: Path) -> None:
    other = small_bank(tmp_path / "other", seed=SEED + 1)

    assert digests(other.directory)["tiers.csv"] != digests(bank.directory)["tiers.csv"]


def test_a_bank_that_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    first = small_bank(tmp_path / "bank", clients=40, months=2)
    written_at = {path: path.stat().st_mtime_ns for path in first.directory.iterdir()}

    second = small_bank(tmp_path / "bank", clients=40, months=2)

    assert second == first
    assert {path: path.stat().st_mtime_ns for path in second.directory.iterdir()} == written_at


def test_other_parameters_replace_the_bank(tmp_path: Path) -> None:
    small_bank(tmp_path / "bank", clients=40, months=2)

    larger = small_bank(tmp_path / "bank", clients=60, months=2)

    assert larger.rows["tiers.csv"] == 60
    assert not (tmp_path / "bank.unfinished").exists()


def test_a_generation_cut_short_leaves_the_earlier_bank(tmp_path: Path) -> None:
    first = small_bank(tmp_path / "bank", clients=40, months=2)
    before = digests(first.directory)

    def stop(_stage: str, _done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small_bank(tmp_path / "bank", clients=60, months=2, progress=stop)

    assert digests(first.directory) == before
    assert small_bank(tmp_path / "bank", clients=60, months=2).rows["tiers.csv"] == 60


def test_progress_counts_to_its_total(tmp_path: Path) -> None:
    seen = []

    small_bank(tmp_path / "bank", clients=40, months=3, progress=lambda _stage, done, total: seen.append((done, total)))

    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(("clients", "months", "last"), [(0, 3, LAST), (10, 0, LAST), (10, 3, date(2025, 12, 30))])
def test_parameters_that_make_no_bank_are_refused(tmp_path: Path, clients: int, months: int, last: date) -> None:
    with pytest.raises(InputError):
        generate(tmp_path / "bank", clients=clients, months=months, last_month_end=last)


def test_every_file_holds_its_counted_rows_and_the_broken_ones(bank: DemoBank) -> None:
    for name, rows in bank.rows.items():
        path = bank.directory / name
        found = pq.read_metadata(path).num_rows if path.suffix == ".parquet" else len(lines_of(path, "iso-8859-1")) - 1
        assert found == rows + bank.broken_rows.get(name, 0), name


def test_a_few_hundred_rows_are_broken_on_purpose(bank: DemoBank) -> None:
    assert 200 <= sum(bank.broken_rows.values()) <= 500
    assert {"quarantined", "duplicate"} == {fault.expected for fault in bank.broken}


def test_the_files_speak_the_banks_own_dialect(bank: DemoBank) -> None:
    clients = lines_of(bank.directory / "tiers.csv", "iso-8859-1")

    assert clients[0].startswith("NUM_TIERS;TYPE_TIERS;STATUT;INTITULE;DT_ENTREE")
    assert any("é" in line for line in clients)
    assert (bank.directory / "notations.csv.gz").exists()
    with pytest.raises(UnicodeDecodeError):
        (bank.directory / "tiers.csv").read_bytes().decode("utf-8")


def test_the_mapping_is_valid_and_names_every_file_but_the_lists_for_people(bank: DemoBank) -> None:
    mapping = load_mapping(bank.mapping)

    named = {path.name for extract in mapping.extract for pattern in extract.files for path in bank.directory.glob(pattern)}
    assert mapping.bank.extract_on == LAST
    assert {path.name for path in bank.directory.iterdir()} - named == {"mapping.toml", "agences.csv", "conseillers.csv"}


def test_the_truth_lies_beside_the_extracts_never_under_them(bank: DemoBank) -> None:
    assert bank.directory not in bank.truth.parents
    assert bank.truth.parent == bank.directory.parent


def test_the_colleague_sits_in_another_branch() -> None:
    by_login = {person.login: person for person in DEMO_PEOPLE}

    assert by_login["rm.martin"].rm_id == "RM001"
    assert by_login["rm.martin"].branch == branch_of(1)
    assert by_login["rm.colleague"].branch == branch_of(2) != branch_of(1)
    assert rm_count(20_000) == 40
