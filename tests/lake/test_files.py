"""Files are what was written, or they are refused."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bankseg.domain.errors import ArtefactError, MissingDataError
from bankseg.domain.extracts import BALANCE_AFTER
from bankseg.lake.extent import bucket_count, first_fact_on, last_fact_on, products_held
from bankseg.lake.files import bucket_files, files_without, hash_files, require, table_versions, verify, versions_digest
from bankseg.lake.local import LakeAt, LocalBucket
from bankseg.lake.parquet import digest_of, read_all, read_checked, row_count, write_whole
from tests.small_lake import SmallLake

AS_OF = date(2025, 8, 31)
TABLE = pa.table({"client_id": [f"C{number:04d}" for number in range(2_000)], "value": list(range(2_000))})


def flip_a_byte(path: Path, place: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3 if place is None else place] ^= 0x55
    path.write_bytes(content)


@pytest.fixture
def lake(tmp_path):
    return SmallLake(tmp_path / "lake", buckets=2).add("clients", *({"client_id": f"C{number}"} for number in range(20)))


def all_files(lake):
    return [Path(path) for table, version in table_versions(lake.root).items() for paths in bucket_files(lake.root, table, version).values() for path in paths]


@pytest.mark.parametrize("verified_before", [False, True])
def test_a_flipped_byte_in_the_lake_is_found_even_after_the_file_was_once_sound(lake, verified_before):
    hashes = hash_files(lake.root, table_versions(lake.root), {})
    victim, *others = all_files(lake)
    if verified_before:
        verify((str(victim),), hashes)

    flip_a_byte(victim)

    with pytest.raises(ArtefactError, match=victim.name):
        verify((str(victim),), hashes)
    verify(tuple(map(str, others)), hashes)


def test_a_file_cut_short_or_gone_is_found(lake):
    hashes = hash_files(lake.root, table_versions(lake.root), {})
    short, gone = all_files(lake)
    short.write_bytes(short.read_bytes()[:-8])
    gone.unlink()

    for path in (short, gone):
        with pytest.raises(ArtefactError, match=path.name):
            verify((str(path),), hashes)


def test_a_damaged_bucket_is_refused_before_anything_is_read_from_it(lake):
    sound = lake.at_now()
    checked = type(sound)(sound.root, sound.versions, hash_files(sound.root, sound.versions, {}), sound.relations)
    flip_a_byte(Path(bucket_files(sound.root, "clients", sound.versions["clients"])[1][0]))

    with LocalBucket(checked, 0, AS_OF) as bucket:
        assert bucket.arrow("SELECT count(*) AS n FROM clients").to_pylist()[0]["n"] > 0
    with pytest.raises(ArtefactError):
        LocalBucket(checked, 1, AS_OF)


def test_a_hash_once_taken_is_kept_so_that_later_damage_shows(lake):
    versions = table_versions(lake.root)
    first = hash_files(lake.root, versions, {})
    flip_a_byte(all_files(lake)[0])

    assert hash_files(lake.root, versions, first) == first


@pytest.mark.parametrize("place", [3_000, -9, 20])
def test_a_flipped_byte_in_a_file_of_our_own_is_found(tmp_path, place):
    path = tmp_path / "bucket=0000.parquet"
    write_whole(TABLE, path)
    assert path.stat().st_size > 3_000

    flip_a_byte(path, place)

    with pytest.raises(ArtefactError, match="bucket=0000"):
        read_checked(path)


def test_a_file_is_written_whole_and_replaces_the_one_before(tmp_path):
    path = tmp_path / "deep" / "bucket=0000.parquet"
    write_whole(TABLE, path)
    (path.parent / f".{path.name}.99999.part").write_bytes(b"left by a worker that was killed")
    write_whole(TABLE.slice(0, 3), path)

    assert (row_count(path), read_checked(path, ["value"]).column_names) == (3, ["value"])
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_files_of_one_kind_are_read_together_and_a_lacking_column_is_null(tmp_path):
    for number, table in enumerate([TABLE.slice(0, 2), pa.table({"client_id": ["X"]})]):
        write_whole(table, tmp_path / f"{number}.parquet")

    assert read_all(sorted(tmp_path.iterdir())).column("value").to_pylist() == [0, 1, None]


def test_a_digest_depends_on_every_file_and_their_order(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("1")
    second.write_text("2")

    assert len({digest_of([first, second]), digest_of([second, first]), digest_of([first])}) == 3


def test_a_missing_file_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(ArtefactError, match="run the stage again"):
        read_checked(tmp_path / "none.parquet")


def test_the_extent_of_a_lake(lake, tmp_path):
    lake.add("accounts", {"account_id": "a", "client_id": "C1"}, {"account_id": "b", "client_id": "C2", "product": "card"})
    lake.add("balances", {"account_id": "a", "client_id": "C1", "balance_on": date(2024, 1, 31), "balance_minor": 1})
    lake.add("transactions", {"transaction_id": "t", "account_id": "a", "client_id": "C1", "booked_on": date(2025, 2, 3), "amount_minor": 1})
    versions = table_versions(lake.root)

    assert products_held(lake.root, versions) == ("card", "current_account")
    assert (first_fact_on(lake.root, versions), last_fact_on(lake.root, versions)) == (date(2024, 1, 31), date(2025, 2, 3))
    assert bucket_count(lake.root) == 2
    with pytest.raises(MissingDataError, match="surveys"):
        require(versions, "clients", "surveys")
    with pytest.raises(MissingDataError, match="empty"):
        bucket_count(str(tmp_path / "nowhere"))


def test_the_name_of_table_versions_does_not_depend_on_their_order():
    assert versions_digest({"a": 1, "b": 2}) == versions_digest({"b": 2, "a": 1}) != versions_digest({"a": 2, "b": 2})


def movement(number: int, balance: int | None, on: date = date(2024, 3, 5)) -> dict[str, Any]:
    return {"transaction_id": f"t{number}", "account_id": "a", "client_id": "C1", "booked_on": on, "amount_minor": 100, "balance_after_minor": balance}


def test_balances_are_looked_for_only_where_the_log_knows_of_one(tmp_path: Path) -> None:
    lake = SmallLake(tmp_path / "lake", buckets=1).add("transactions", movement(1, None), movement(2, None))
    silent = table_versions(lake.root)["transactions"]
    lake.add("transactions", movement(3, None), movement(4, 250, date(2024, 4, 5)))
    speaking = table_versions(lake.root)["transactions"]

    every = set(bucket_files(lake.root, "transactions", speaking)[0])
    assert files_without(lake.root, "transactions", silent, BALANCE_AFTER) == set(bucket_files(lake.root, "transactions", silent)[0])
    assert len(every - files_without(lake.root, "transactions", speaking, BALANCE_AFTER)) == 1
    assert balances_of(lake, silent) == []
    assert balances_of(lake, speaking) == [("a", 250)]


def test_a_log_that_says_nothing_of_nulls_leaves_it_open(tmp_path: Path) -> None:
    lake = SmallLake(tmp_path / "lake", buckets=1).add("transactions", movement(1, 250))
    for entry in Path(lake.root, "transactions", "_delta_log").glob("*.json"):
        lines = [json.loads(line) for line in entry.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            if "add" in line:
                line["add"]["stats"] = json.dumps({"numRecords": 1})
        entry.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")

    assert files_without(lake.root, "transactions", table_versions(lake.root)["transactions"], BALANCE_AFTER) == frozenset()
    assert balances_of(lake, table_versions(lake.root)["transactions"]) == [("a", 250)]


def balances_of(lake: SmallLake, version: int) -> list[tuple[str, int]]:
    with LocalBucket(LakeAt(lake.root, {"transactions": version}), 0, date(2024, 12, 31)) as bucket:
        rows = bucket.arrow("SELECT account_id, balance_minor FROM balances")
    return list(zip(rows.column("account_id").to_pylist(), rows.column("balance_minor").to_pylist(), strict=True))
