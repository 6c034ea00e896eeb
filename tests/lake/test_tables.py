"""Delta tables: layout frozen with the lake, sorted files with checksums, statistics, conflicts of format."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from bankseg.domain.buckets import bucket_of
from bankseg.domain.errors import ArtefactError
from bankseg.domain.extracts import EXTRACTS
from bankseg.lake.schemas import file_schema, table_schema
from bankseg.lake.tables import open_lake
from tests.ingest.intake import ACCOUNTS, CLIENTS, HEAD, SmallBank, small_bank


@pytest.fixture
def bank(tmp_path: Path) -> SmallBank:
    """Two hundred clients in three buckets."""
    made = small_bank(tmp_path, buckets=3)
    numbers = [(n * 37) % 200 for n in range(200)]
    made.write(
        {
            "clients.csv": "id,joined,name\n" + "".join(f"C{n:03},2020-01-01,N\n" for n in numbers),
            "accounts.csv": "id,client,product,opened,closed\n" + "".join(f"A{n:03},C{n:03},savings,20{10 + n % 9}-01-01,\n" for n in numbers),
        }
    )
    made.load(HEAD + CLIENTS + ACCOUNTS)
    return made


def test_the_number_of_buckets_is_frozen_with_the_lake(bank: SmallBank) -> None:
    assert open_lake(bank.settings.lake, 99).buckets == 3


def test_a_lake_of_a_later_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_lake.json").write_text(json.dumps({"buckets": 2, "format": 9}), encoding="utf-8")

    with pytest.raises(ArtefactError, match="format 9"):
        open_lake(str(tmp_path), 2)


def test_a_damaged_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_lake.json").write_text("{", encoding="utf-8")

    with pytest.raises(ArtefactError, match="damaged"):
        open_lake(str(tmp_path), 2)


@pytest.mark.parametrize("table", ["clients", "accounts"])
def test_each_bucket_is_one_file_sorted_by_client_and_day(bank: SmallBank, table: str) -> None:
    event = {"clients": "joined_on", "accounts": "opened_on"}[table]
    folder = Path(bank.settings.lake, table)
    files = sorted(folder.glob("bucket=*/*.parquet"))

    assert len(files) == 3
    for file in files:
        rows = pq.ParquetFile(file, page_checksum_verification=True).read().select(["client_id", event]).to_pylist()
        keys = [(row["client_id"], row[event]) for row in rows]
        assert keys == sorted(keys)
        assert {f"bucket={bucket_of(client, 3)}" for client, _ in keys} == {file.parent.name}


def test_a_flipped_bit_in_a_data_page_is_noticed(bank: SmallBank) -> None:
    [file, *_] = sorted(Path(bank.settings.lake, "accounts").glob("bucket=*/*.parquet"))
    content = bytearray(file.read_bytes())
    column = pq.ParquetFile(file).metadata.row_group(0).column(0)
    content[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    file.write_bytes(content)

    with pytest.raises(OSError, match=r"(?i)crc|checksum|corrupt|deserialize"):
        pq.ParquetFile(file, page_checksum_verification=True).read()


def test_the_log_holds_statistics_and_the_import_of_each_file(bank: SmallBank) -> None:
    opened = DeltaTable(str(Path(bank.settings.lake, "clients")))

    actions = opened.get_add_actions(flatten=True)
    assert sum(actions.column("num_records").to_pylist()) == 200
    assert min(actions.column("min.client_id").to_pylist()) == "C000"
    assert "bankseg.imports" in opened.history()[0]


def test_every_canonical_table_has_a_schema_with_both_clocks() -> None:
    for extract in EXTRACTS:
        assert table_schema(extract).names == [*file_schema(extract).names, "bucket"]
        assert {"client_id", "recorded_at", "recorded_until", "recorded_is_assumed"} <= set(file_schema(extract).names)


def test_a_correction_rewrites_only_the_buckets_it_touches(bank: SmallBank) -> None:
    folder = Path(bank.settings.lake, "accounts")
    before = set(DeltaTable(str(folder)).file_uris())
    bank.write({"accounts2.csv": "id,client,product,opened,closed\nA007,C007,savings,2017-01-01,2024-06-01\n"})

    bank.load(HEAD + CLIENTS + ACCOUNTS)

    after = set(DeltaTable(str(folder)).file_uris())
    assert len(before - after) == len(after - before) == 1
    assert f"bucket={bucket_of('C007', 3)}" in next(iter(after - before))
    assert bank.rows("accounts", "count(*), count(*) FILTER (recorded_until IS NULL)") == [(201, 200)]
