"""A lake on object storage, against a real server of the S3 protocol: what is read is what was written, whoever else writes, dies or damages it."""

import json
import logging
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from pyarrow import fs

from bankseg.domain.buckets import bucket_of
from bankseg.domain.errors import ArtefactError, ConfigurationError, ServiceUnavailableError
from bankseg.faults import KILLED, VARIABLE
from bankseg.lake import erase, places
from bankseg.lake.copies import GIGABYTE, Held, copy_path, forget_erased, make_room
from bankseg.lake.declarations import Declarations, declare, read_declarations
from bankseg.lake.extent import bucket_count, first_fact_on, last_fact_on, products_held
from bankseg.lake.files import _erasures_in_store, bucket_files, hash_files, table_versions
from bankseg.lake.kept_files import drop_unnamed
from bankseg.lake.places import digest_in_name, filesystem, put_if_absent, read_small
from bankseg.lake.tables import open_lake
from tests.ingest.intake import ACCOUNT_ROWS, CLIENT_ROWS, SmallBank, report_of, small_bank
from tests.ingest.test_crashes import DOOR, crashed
from tests.object_store import ACCESS_KEY, SECRET_KEY, running_store

pytestmark = pytest.mark.slow

TX_ROWS = "id,account,day,amount\nT1,A1,2024-05-01,1\nT2,A2,2024-05-02,2\n"
CORRECTION = "id,account,day,amount\nT1,A1,2024-05-01,9\n"
READ = "transaction_id, amount_minor, CAST(recorded_until AS VARCHAR)"
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with running_store(tmp_path_factory.mktemp("store") / "log") as store:
        yield store


@pytest.fixture
def lake(store, monkeypatch, request):
    """URL of an empty lake, and a process that may write there."""
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return store.bucket(f"bank-{sha256(request.node.name.encode()).hexdigest()[:12]}")


@pytest.fixture
def bank(lake, tmp_path, monkeypatch):
    """A bank whose lake it is, with its files in the folder."""
    monkeypatch.setenv("BANKSEG_LAKE_URL", lake)
    made = small_bank(tmp_path, buckets=2)
    made.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx.csv": TX_ROWS})
    return SmallBank(made.folder, made.settings.model_copy(update={"lake_url": lake}))


def first_file(lake: str, table: str = "transactions") -> str:
    return min(path for paths in bucket_files(lake, table, table_versions(lake)[table]).values() for path in paths)


def test_files_are_loaded_corrected_and_known_again_as_on_a_disk(bank, lake, tmp_path):
    (tmp_path / "disk").mkdir()
    disk = small_bank(tmp_path / "disk", buckets=2)
    for one in (bank, disk):
        one.write({"clients.csv": CLIENT_ROWS, "accounts.csv": ACCOUNT_ROWS, "tx.csv": TX_ROWS})
        one.load(DOOR)
        one.write({"tx2.csv": CORRECTION})
        one.load(DOOR)

    assert bank.rows("transactions", READ) == disk.rows("transactions", READ)
    assert [row[:2] for row in bank.rows("transactions", READ)] == [("T1", 100), ("T1", 900), ("T2", 200)]
    assert {line.state for line in bank.load(DOOR).files} == {"already_loaded"}
    versions = table_versions(lake)
    assert versions == table_versions(disk.settings.lake)
    assert (bucket_count(lake), products_held(lake, versions)) == (2, ("current_account", "savings"))
    assert [str(first_fact_on(lake, versions)), str(last_fact_on(lake, versions))] == ["2024-05-01", "2024-05-02"]
    assert read_declarations(lake) == read_declarations(disk.settings.lake) != Declarations()


def test_a_file_is_named_by_its_digest_and_every_run_knows_it(bank, lake):
    bank.load(DOOR)

    hashes = hash_files(lake, table_versions(lake), {})

    assert len(hashes) == 8
    for path, digest in hashes.items():
        system, inside = filesystem(path)
        assert digest == digest_in_name(path) == sha256(system.open_input_file(inside).read()).hexdigest()


def test_a_copy_that_was_damaged_is_fetched_again(bank, lake):
    bank.load(DOOR)
    path = first_file(lake)
    with Held() as held:
        [copy] = held.local([path])
        whole = Path(copy).read_bytes()
    Path(copy).write_bytes(whole[:-1] + b"?")

    with Held() as held:
        assert Path(held.local([path])[0]).read_bytes() == whole


def test_an_object_that_is_damaged_or_gone_is_refused_by_name(bank, lake, store):
    bank.load(DOOR)
    damaged, gone = first_file(lake), first_file(lake, "accounts")
    store.put(damaged.removeprefix("s3://"), b"other bytes")
    system, inside = filesystem(gone)
    system.delete_file(inside)
    for copy in bank.settings.lake_copies_folder.glob("*.parquet"):
        copy.unlink()

    with Held() as held, pytest.raises(ArtefactError, match=f"{digest_in_name(damaged)}.* is damaged or gone"):
        held.local([damaged])
    with Held() as held, pytest.raises(ArtefactError, match="is gone from the object storage"):
        held.local([gone])
    assert not list(bank.settings.lake_copies_folder.glob("*.p*"))


def test_refused_credentials_are_told_in_words_that_give_nothing_away(lake, tmp_path, monkeypatch, caplog):
    with running_store(tmp_path / "log", INITIAL_NO_AUTH_ACTION_COUNT="0") as strict, caplog.at_level(logging.DEBUG):
        monkeypatch.setenv("BANKSEG_LAKE_ENDPOINT", strict.url)
        asked = (lambda: table_versions(lake), lambda: read_small(lake, "_lake.json"), lambda: open_lake(lake, 2), lambda: declare(lake, Declarations()))
        for ask in asked:
            with pytest.raises(ConfigurationError, match=r"refuses our credentials for s3://.*BANKSEG_LAKE_SECRET_KEY") as raised:
                ask()
            assert raised.value.__suppress_context__
            assert not any(secret in str(raised.value) for secret in (ACCESS_KEY, SECRET_KEY))
    assert not any(secret in caplog.text for secret in (ACCESS_KEY, SECRET_KEY))


def test_a_bucket_that_is_not_there_and_a_store_that_is_away_are_told_apart(lake, monkeypatch):
    with pytest.raises(ConfigurationError, match="there is no bucket for s3://nobody-made-this"):
        table_versions("s3://nobody-made-this/lake")
    monkeypatch.setattr(places, "ATTEMPTS", 1)
    monkeypatch.setenv("BANKSEG_LAKE_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ServiceUnavailableError, match=r"does not answer for s3://.*jobs are tried again"):
        table_versions(lake)
    with pytest.raises(ServiceUnavailableError, match="does not answer"):
        read_small(lake, "_lake.json")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Error performing GET http://127.0.0.1:9/b/lake in 103.403401ms, after 1 retries - tcp connect error", ServiceUnavailableError),
        ("Error performing GET http://127.0.0.1:9/forbidden-403/credentials in 1ms - tcp connect error", ServiceUnavailableError),
        ("When getting information for key 'access_denied/x' in bucket 'invalidtoken': AWS Error NETWORK_CONNECTION: curlCode: 7", ServiceUnavailableError),
        ("Server returned non-2xx status code: 403 Forbidden: ", ConfigurationError),
        ("Server returned error response with status code: 401", ConfigurationError),
        ("When getting information for key 'x' in bucket 'b': AWS Error UNKNOWN (HTTP status 403) during HeadObject operation", ConfigurationError),
        ("When reading 'x' in bucket 'b': AWS Error ACCESS_DENIED during HeadObject operation: No response body.", ConfigurationError),
    ],
)
def test_a_refusal_is_read_from_the_answer_not_from_a_name_or_a_duration(said, told):
    with pytest.raises(told), places.reaching("s3://bank/lake"):
        raise OSError(said)


def test_keys_are_read_from_files(bank, lake, tmp_path, monkeypatch):
    bank.load(DOOR)
    for name, value in (("ACCESS", ACCESS_KEY), ("SECRET", SECRET_KEY)):
        monkeypatch.delenv(f"BANKSEG_LAKE_{name}_KEY")
        (tmp_path / name).write_text(value, encoding="utf-8")
        monkeypatch.setenv(f"BANKSEG_LAKE_{name}_KEY_FILE", str(tmp_path / name))

    assert table_versions(lake)["transactions"] == 0
    assert places.storage_options(lake)["AWS_SECRET_ACCESS_KEY"] == SECRET_KEY


def test_of_many_who_make_a_lake_at_once_all_find_the_same_one(lake):
    script = "import sys; from bankseg.lake.tables import open_lake; print(open_lake(sys.argv[1], int(sys.argv[2])).buckets)"
    makers = [subprocess.Popen([sys.executable, "-c", script, lake, str(buckets)], stdout=subprocess.PIPE, cwd=CHECKOUT) for buckets in (2, 3, 5)]
    found = {int(maker.communicate(timeout=300)[0]) for maker in makers}

    assert len(found) == 1
    assert bucket_count(lake) in found
    assert put_if_absent(lake, "_lake.json", b"{}") == read_small(lake, "_lake.json")


def test_of_two_imports_at_once_into_one_table_nothing_is_lost(bank, lake, tmp_path, monkeypatch):
    bank.load(DOOR)
    (tmp_path / "beside").mkdir()
    beside = small_bank(tmp_path / "beside", buckets=2)  # another home: its own lock keeps nobody out
    other = SmallBank(beside.folder, beside.settings.model_copy(update={"lake_url": lake}))
    days = range(1, 3)

    def load(one: SmallBank, account: str) -> list[str]:
        states = []
        for day in days:
            one.write({f"tx-{account}-{day}.csv": f"id,account,day,amount\nN{account}{day},{account},2024-06-0{day},1\n"})
            states.append(report_of(one.load(DOOR), f"tx-{account}-{day}.csv").state)
        return states

    with ThreadPoolExecutor(2) as pool:
        assert [done.result() for done in (pool.submit(load, bank, "A1"), pool.submit(load, other, "A2"))] == [["loaded"] * 2] * 2

    assert [row[0] for row in bank.rows("transactions", "transaction_id", where="transaction_id LIKE 'N%'")] == [f"N{a}{d}" for a in ("A1", "A2") for d in days]
    assert table_versions(lake)["transactions"] == 4


def test_a_writer_killed_before_its_commit_leaves_nothing_visible_and_its_files_are_cleared_in_time(bank, lake):
    bank.load(DOOR)
    before, named = bank.rows("transactions", READ), objects(lake)
    bank.write({"tx2.csv": CORRECTION})
    assert crashed(bank, "before_commit", 1) == KILLED
    left = objects(lake) - named
    assert left
    assert bank.rows("transactions", READ) == before

    assert drop_unnamed(lake, time.time() - 3600) == []
    assert set(drop_unnamed(lake, time.time() + 3600)) == left
    assert objects(lake) == named
    assert report_of(bank.load(DOOR), "tx2.csv").accepted == 1


def objects(lake: str) -> set[str]:
    """Data files in the store, below the lake."""
    system, folder = filesystem(lake)
    return {info.path.removeprefix(f"{folder}/") for info in system.get_file_info(fs.FileSelector(folder, recursive=True)) if info.path.endswith(".parquet")}


def test_copies_in_use_stay_and_those_used_longest_ago_make_room(bank, lake):
    bank.load(DOOR)
    folder = bank.settings.lake_copies_folder
    first, second, third = sorted(hash_files(lake, table_versions(lake), {}))[:3]
    with Held() as held:
        [kept] = held.local([first])
        with Held() as other:
            other.local([second])
        make_room(folder, 0)
        assert [path.name for path in folder.glob("*.parquet")] == [Path(kept).name]
        with Held() as other:
            other.local([second, third])
        os.utime(copy_path(folder, second), ns=(1, 1))
        make_room(folder, sum(path.stat().st_size for path in folder.glob("*.parquet")) - 1)
        assert {path.name for path in folder.glob("*.parquet")} == {Path(kept).name, copy_path(folder, third).name}
    make_room(folder, GIGABYTE)
    assert len(list(folder.glob("*.parquet"))) == 2


def test_a_reader_that_was_killed_holds_nothing(bank, lake):
    bank.load(DOOR)
    folder, path = bank.settings.lake_copies_folder, first_file(lake)
    make_room(folder, 0)
    script = "import sys; from bankseg.lake.copies import Held; held = Held(); held.local(sys.argv[1:]); held.local([*sys.argv[1:]])"
    dies = {**os.environ, "BANKSEG_HOME": str(bank.settings.home), VARIABLE: "copies.before_rename"}
    command = [sys.executable, "-c", script, path]
    assert subprocess.run(command, env=dies, cwd=CHECKOUT, check=False).returncode == KILLED
    assert not list(folder.glob("*.parquet"))
    assert subprocess.run(command, env={**dies, VARIABLE: ""}, cwd=CHECKOUT, check=True).returncode == 0
    assert len(list(folder.glob("*.parquet"))) == 1

    make_room(folder, 0)

    assert not list(folder.glob("*.parquet"))
    assert not list((folder / "pins").iterdir())


def test_copies_made_before_a_client_was_erased_go_as_soon_as_nobody_reads_them(bank, lake):
    bank.load(DOOR)
    folder = bank.settings.lake_copies_folder
    with Held() as held:
        held.local([first_file(lake)])
        forget_erased(folder, lake, 7)
        assert list(folder.glob("*.parquet"))

    forget_erased(folder, lake, 7)

    assert not list(folder.glob("*.parquet"))
    with Held() as held:
        held.local([first_file(lake)])
    forget_erased(folder, lake, 7)
    assert list(folder.glob("*.parquet"))


def test_an_erased_client_is_gone_from_every_version_and_from_the_copies(bank, lake):
    bank.load(DOOR)
    before, folder = table_versions(lake), bank.settings.lake_copies_folder
    held = erase.files_with(lake, "C1", bucket_of("C1", 2))
    with Held() as reader:
        reader.local([one.path for one in held])
    assert {one.table for one in held} == {"clients", "client_attributes", "accounts", "transactions"}

    successors = {one.table: {one.path: erase.write_without(one, "C1", "mark")} for one in held}
    for table, of_table in successors.items():
        erase.follow_in_log(lake, table, of_table)
    erase.tell_erased(lake, len(held))
    erase.drop_files([one.path for one in held])
    _erasures_in_store.cache_clear()  # as if its two seconds had passed

    named = [path for table, version in before.items() for paths in bucket_files(lake, table, version).values() for path in paths]
    assert not list(folder.glob("*.parquet"))
    assert not {one.path for one in held} & set(named)
    assert table_versions(lake) == before
    assert [row[0] for row in bank.rows("clients", "client_id") + bank.rows("transactions", "client_id")] == ["C2", "C2"]
    known = {path: successor.sha256 for of_table in successors.values() for path, successor in ((new.path, new) for new in of_table.values())}
    assert known.items() <= hash_files(lake, before, {}).items()


def test_the_layout_of_a_lake_copied_from_a_disk_is_found(lake, store):
    store.put(f"{lake.removeprefix('s3://')}/_lake.json", json.dumps({"buckets": 7, "format": 1}).encode())

    assert (open_lake(lake, 2).buckets, bucket_count(lake)) == (7, 7)
