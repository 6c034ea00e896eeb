"""A backup restores to what was backed up, on both stores; one flipped byte anywhere is found."""

import json
import shutil
import stat
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import lightgbm
import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from bankseg.cli import backup as backup_command
from bankseg.cli import restore_drill as drill_command
from bankseg.domain.errors import InputError
from bankseg.propensity.artefacts import save
from bankseg.propensity.train import Trained
from bankseg.services.backup import make_backup
from bankseg.services.backup_manifest import BackupError, Manifest
from bankseg.services.bank import Bank, open_bank
from bankseg.services.metrics import BACKED_UP
from bankseg.services.restore_drill import Drill, restore_drill
from bankseg.services.runs import start_run
from bankseg.settings import Settings
from bankseg.storage import audit, store_copy
from bankseg.storage.database import transaction
from bankseg.storage.propensity_model import PropensityModel
from bankseg.storage.run import Run
from tests.services.conftest import AS_OF, CLIENTS, drive, made_bank, shown
from tests.services.model_builders import a_card

EVERYTHING = ["files", "store", "published run", "lake", "models", "audit trail"]


def a_champion(bank) -> str:
    """A real, small model in use: its golden rows are scored by LightGBM."""
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(200, 1))
    parameters = {"objective": "binary", "num_leaves": 3, "min_data_in_leaf": 20, "num_threads": 1, "verbose": -1, "seed": 7}
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, (rows[:, 0] > 0).astype(float)), num_boost_round=2)
    golden = {"rows": rows[:3].tolist(), "raw": booster.predict(rows[:3], raw_score=True).tolist()}
    artefact = save(Trained(booster.model_to_string(), a_card(), golden), bank.settings.artefacts, bank.settings.key())
    with transaction(bank.engine) as session:
        session.add(PropensityModel(target="hard_exit", version=1, status="champion", digest=artefact.digest, as_of=AS_OF.isoformat()))
        audit.record(session, "model_promoted", "hard_exit v1", reason="the first one")
    return artefact.digest


def backed_up(bank, folder: Path) -> Manifest:
    """The bank with a published run and a champion, backed up."""
    start_run(bank, AS_OF)
    drive(bank)
    a_champion(bank)
    return make_backup(bank, folder)


@pytest.fixture
def elsewhere(any_bank, request) -> Iterator[str]:
    """An empty store of the same kind as the bank's; SQLite needs none named."""
    if any_bank.engine.dialect.name == "sqlite":
        yield ""
        return
    server = request.getfixturevalue("postgres_server")
    name = f"drill_{uuid.uuid4().hex[:12]}"
    yield server.database(name)
    server.drop(name)


def lost(drill: Drill) -> list[str]:
    return [finding.name for finding in drill.findings if not finding.is_equal]


def flip(path: Path) -> None:
    """Turn one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_what_was_backed_up_comes_back_whole_and_lives(any_bank, elsewhere, tmp_path):
    manifest = backed_up(any_bank, tmp_path / "kept")
    with transaction(any_bank.engine) as session:
        session.add(Run(key="later", as_of="2026-01-31", created_at=manifest.made_at + 1, published_at=manifest.made_at + 90))

    drill = restore_drill(any_bank.settings, tmp_path / "kept", store_url=elsewhere, keep=tmp_path / "new")

    assert [finding.name for finding in drill.findings] == EVERYTHING
    assert lost(drill) == [], drill.findings
    assert drill.lost_seconds == pytest.approx(90, abs=0.01)
    assert drill.restored_seconds > 0
    assert drill.age_seconds >= 0
    there = open_bank(any_bank.settings.model_copy(update={"home": tmp_path / "new", "lake_url": "", "store_url": elsewhere}))
    assert shown(there) == (1, CLIENTS)
    with transaction(there.engine) as session:
        session.add(Run(key="goes on", as_of="2026-01-31"))
        session.add(PropensityModel(target="hard_exit", version=2, digest="d", as_of="2026-01-31"))
    there.engine.dispose()
    assert stat.S_IMODE((tmp_path / "new" / "models").stat().st_mode) == 0o700
    assert not (tmp_path / "new" / "store").exists()


def test_one_flipped_bit_in_any_file_is_found(any_bank, elsewhere, tmp_path):
    manifest = backed_up(any_bank, tmp_path / "kept")
    store = max((name for name in manifest.files if name.startswith("store/")), key=lambda name: manifest.files[name]["bytes"])
    table = next(name for name in manifest.files if name.startswith("lake/balances/") and name.endswith(".parquet"))
    model = next(name for name in manifest.files if name.endswith("model.txt"))
    for name in (store, table, model):
        flip(tmp_path / "kept" / name)

    drill = restore_drill(any_bank.settings, tmp_path / "kept", store_url=elsewhere)

    assert {"files", "models"} <= set(lost(drill))
    assert all(name in drill.findings[0].found for name in (store, table, model))


def test_what_is_written_while_the_store_is_copied_is_wholly_in_or_wholly_out(any_bank, elsewhere, tmp_path, monkeypatch):
    """Every count and file is of one instant, though the bank goes on between two tables."""
    with transaction(any_bank.engine) as session:
        session.add(Run(key="before", as_of="2026-01-31"))
        audit.record(session, "run_started", "before")
    seen = store_copy.rows_of

    def write() -> None:
        with transaction(any_bank.engine) as session:
            session.add(Run(key="meanwhile", as_of="2026-02-28"))
            audit.record(session, "run_started", "meanwhile")

    def busy(connection, tables):
        found = seen(connection, tables)
        elsewhere_in_the_bank = Thread(target=write)
        elsewhere_in_the_bank.start()
        elsewhere_in_the_bank.join()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(store_copy, "rows_of", busy)
        manifest = make_backup(any_bank, tmp_path / "kept")

    assert (manifest.rows["run"], manifest.rows["audit_entry"], manifest.audit["entries"]) == (1, 1, 1)
    drill = restore_drill(any_bank.settings, tmp_path / "kept", store_url=elsewhere)
    assert lost(drill) == [], drill.findings
    assert drill.lost_seconds > 0


@pytest.fixture(scope="module")
def lived_in(lake, snapshots, tmp_path_factory) -> Path:
    """A bank on SQLite with a published run and a champion, and its backup, made once. Read only."""
    root = tmp_path_factory.mktemp("lived-in")
    shutil.copytree(snapshots, root / "home" / "snapshots")
    bank = made_bank(root / "home", lake)
    backed_up(bank, root / "kept")
    bank.engine.dispose()
    return root


@pytest.fixture
def old(lived_in, lake, tmp_path) -> Iterator[Bank]:
    """A copy of that bank of this test alone."""
    shutil.copytree(lived_in / "home", tmp_path / "home")
    bank = open_bank(Settings(home=tmp_path / "home", lake_url=str(lake)))
    yield bank
    bank.engine.dispose()


@pytest.fixture
def kept(lived_in, tmp_path) -> Path:
    """A copy of its backup."""
    shutil.copytree(lived_in / "kept", tmp_path / "kept")
    return tmp_path / "kept"


def test_a_missing_and_an_added_file_are_found(old, kept):
    next(kept.rglob("model.txt")).unlink()
    (kept / "lake" / "stranger.parquet").write_bytes(b"x")

    drill = restore_drill(old.settings, kept)

    assert "model.txt" in drill.findings[0].found
    assert "stranger.parquet (not in the manifest)" in drill.findings[0].found


def test_rows_and_audit_entries_changed_behind_a_forged_hash_are_still_found(old, kept):
    """Whoever holds the key may seal a changed copy; rows and the chain are counted all the same."""
    from bankseg.services import backup_manifest
    from bankseg.services.backup import _described
    from bankseg.storage.database import make_engine

    engine = make_engine(f"sqlite:///{kept / 'store' / 'store.sqlite'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("delete from published_client where client_id = 'C01'")
        connection.exec_driver_sql("update audit_entry set subject = 'nobody' where id = (select max(id) from audit_entry)")
    engine.dispose()
    manifest = backup_manifest.read(kept, old.settings.key())
    manifest.files["store/store.sqlite"].update(_described(kept / "store" / "store.sqlite"))
    backup_manifest.write(manifest, kept, old.settings.key())

    drill = restore_drill(old.settings, kept)

    assert lost(drill) == ["store", "published run", "audit trail"]
    assert f"published_client: {CLIENTS - 1} instead of {CLIENTS}" in drill.findings[1].found


@pytest.mark.parametrize("name", ["manifest.json", "manifest.seal"])
def test_a_changed_manifest_is_refused(old, kept, name):
    flip(kept / name)

    with pytest.raises(BackupError, match="seal"):
        restore_drill(old.settings, kept)


def test_frozen_lists_go_along(old, tmp_path):
    folder = old.settings.home / "lists" / "1"
    folder.mkdir(parents=True)
    (folder / "members.parquet").write_bytes(b"members")

    found = make_backup(old, tmp_path / "kept")

    assert (tmp_path / "kept" / "home" / "lists" / "1" / "members.parquet").read_bytes() == b"members"
    assert "home/lists/1/members.parquet" in found.files


def test_a_backup_leaves_the_key_behind_unless_it_is_asked_for(old, kept, tmp_path):
    assert not list(kept.rglob("secret.key"))
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700

    given = old.settings.model_copy(update={"secret_key": SecretStr("k" * 40)})
    make_backup(Bank(given, old.engine, old.policy), tmp_path / "with key", with_key=True)

    found = tmp_path / "with key" / "home" / "secret.key"
    assert found.read_bytes() == b"k" * 40
    assert stat.S_IMODE(found.stat().st_mode) == 0o600


def test_a_damaged_file_of_the_lake_stops_the_backup_and_leaves_nothing(old, tmp_path):
    with transaction(old.engine) as session:
        run = session.get_one(Run, 1)
        path = next(iter(run.file_hashes))
        run.file_hashes = {**run.file_hashes, path: "0" * 64}

    with pytest.raises(BackupError, match="not the file a run recorded"):
        make_backup(old, tmp_path / "kept")

    assert [entry.name for entry in tmp_path.iterdir()] == ["home"]


def test_a_folder_that_holds_something_is_never_written_into(old, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "letter").write_text("mine")

    with pytest.raises(InputError, match="not empty"):
        make_backup(old, tmp_path / "kept")


def test_the_drill_never_restores_into_the_banks_own_store_or_one_that_holds_tables(home, lake, fresh_postgres_url, tmp_path, request):
    bank = made_bank(home, lake, fresh_postgres_url)
    request.addfinalizer(bank.engine.dispose)
    make_backup(bank, tmp_path / "kept")

    with pytest.raises(InputError, match="backup is of PostgreSQL"):
        restore_drill(bank.settings, tmp_path / "kept")
    with pytest.raises(InputError, match="own store"):
        restore_drill(bank.settings, tmp_path / "kept", store_url=bank.settings.store_url)
    same = bank.settings.store_url + "?application_name=drill"
    assert "not empty" in next(finding for finding in restore_drill(bank.settings, tmp_path / "kept", store_url=same).findings if finding.name == "store").found


def test_the_commands_tell_what_they_did_and_end_with_their_code(old, kept, monkeypatch, tmp_path):
    monkeypatch.setenv("BANKSEG_HOME", str(old.settings.home))
    monkeypatch.setenv("BANKSEG_LAKE_URL", old.lake)

    made = CliRunner().invoke(backup_command.command, [str(tmp_path / "second"), "--json"])
    well = CliRunner().invoke(drill_command.command, [str(tmp_path / "second")])
    flip(next((tmp_path / "second").rglob("model.txt")))
    broken = CliRunner().invoke(drill_command.command, [str(tmp_path / "second"), "--json"])

    document = json.loads(made.stdout)
    assert document["published"]["n_rows"] == CLIENTS
    assert datetime.fromisoformat(document["made_at"]).tzinfo == UTC
    assert well.exit_code == 0, well.output
    assert "RPO  " in well.stdout
    assert "RTO  " in well.stdout
    assert broken.exit_code == BackupError.exit_code
    assert not json.loads(broken.stdout.splitlines()[0])["whole"]


def test_a_finished_backup_is_in_the_audit_trail(old, kept):
    with transaction(old.engine) as session:
        newest = audit.entries(session, audit.AuditFilter(action=BACKED_UP), most=1)

    assert newest[0][0].details["files"] > 0
