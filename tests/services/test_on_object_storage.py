"""A bank whose lake is on object storage: a run publishes the bytes it would on a disk, and pages read the rows behind a number."""

from pathlib import Path

import pytest

from bankseg.domain.jobs import JobState, Stage
from bankseg.lake.client_record import ClientRecord
from bankseg.lake.copies import make_room
from bankseg.lake.files import bucket_files
from bankseg.lake.parquet import digest_of
from bankseg.lake.places import digest_of_file, filesystem
from bankseg.services.backup import make_backup
from bankseg.services.bank import Bank
from bankseg.services.runs import start_run
from bankseg.services.snapshot import snapshot_path
from tests.object_store import running_store
from tests.services.conftest import drive, jobs_in, made_bank, published_bank, run_row, shown
from tests.services.outcome_lake import AS_OF, CLIENTS, outcome_lake

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def disk(tmp_path_factory) -> Path:
    """The same lake on a disk. Read only."""
    return outcome_lake(tmp_path_factory.mktemp("object-storage") / "lake")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with running_store(tmp_path_factory.mktemp("store") / "log") as store:
        yield store


@pytest.fixture
def lake(store, disk, monkeypatch, request) -> str:
    """URL of a lake copied from the disk as it is."""
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    url = store.bucket(f"bank-{len(request.node.name)}")
    store.upload(disk, url)
    return url


def written(bank: Bank) -> dict[str, str]:
    """SHA-256 of every file a run wrote, by its path."""
    return {str(path.relative_to(bank.snapshots)): digest_of([path]) for path in sorted(bank.snapshots.rglob("*.parquet"))}


def test_a_run_publishes_the_bytes_it_would_on_a_disk_and_pages_read_what_is_behind_them(disk, lake, tmp_path):
    with published_bank(tmp_path / "disk", disk, AS_OF) as on_disk, published_bank(tmp_path / "home", lake, AS_OF) as bank:
        assert shown(bank) == shown(on_disk) == (1, CLIENTS)
        assert written(bank) == written(on_disk)
        assert run_row(bank, 1).models == run_row(on_disk, 1).models
        run, plain = run_row(bank, 1), run_row(on_disk, 1)
        assert sorted(run.file_hashes.values()) == sorted(plain.file_hashes.values())
        assert all(path.startswith(f"{lake}/") for path in run.file_hashes)

        for _ in range(2):  # with copies that are there, and with none
            facts = [_movements(root, run.table_versions) for root in (lake, str(disk))]
            assert facts[0] == facts[1] != []
            make_room(bank.settings.lake_copies_folder, 0)
        manifest = make_backup(bank, tmp_path / "backup")
        assert "the lake, which object storage keeps" in manifest.left_out


def _movements(root: str, versions: dict[str, int]) -> list[dict[str, object]]:
    with ClientRecord(root, versions, "C007", AS_OF, ["accounts", "balances"]) as record:
        return record.rows("holdings")


def test_a_file_that_was_changed_in_the_store_ends_the_run_and_is_named(lake, tmp_path, bell):
    bank = made_bank(tmp_path / "home", lake)
    start_run(bank, AS_OF, Stage.SNAPSHOT)
    victim = bucket_files(lake, "balances", 0)[0][0]
    assert run_row(bank, 1).file_hashes[victim] == digest_of_file(victim)
    system, inside = filesystem(victim)
    with system.open_output_stream(inside) as stream:
        stream.write(b"other bytes")
    drive(bank)

    assert JobState.FAILED in {job.state for job in jobs_in(bank)}
    assert any(f"{victim.rpartition('/')[2]} in the lake is damaged or gone" in job.error for job in jobs_in(bank))
    assert not snapshot_path(bank, run_row(bank, 1), AS_OF.isoformat(), 0).exists()
    bank.engine.dispose()
