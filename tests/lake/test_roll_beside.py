"""A column laid beside a roll: a row for each client in the roll's order, made once, and refused when it has not one for each."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bankseg.domain.errors import ArtefactError
from bankseg.lake.roll import open_roll

LENGTHS = "SELECT length(client_id) + $more AS long FROM roll"


@pytest.fixture
def roll(tmp_path):
    path = tmp_path / "roll.parquet"
    pq.write_table(pa.table({"client_id": ["C333", "C1", "C22"], "tier": ["gold", "silver", "gold"]}), path)
    return open_roll(path)


def test_a_column_is_joined_to_the_clients_by_position(roll):
    table = roll.beside("long", LENGTHS, {"more": 10})

    rows = roll.arrow(f"SELECT client_id, long FROM roll POSITIONAL JOIN {table} WHERE tier = 'gold'").to_pylist()  # noqa: S608  # a name the roll gave

    assert rows == [{"client_id": "C333", "long": 14}, {"client_id": "C22", "long": 13}]


def test_a_column_is_made_once_for_the_same_statement_parameters_and_version(roll):
    first = roll.beside("long", LENGTHS, {"more": 0})

    assert roll.beside("long", LENGTHS, {"more": 0}) == first
    assert roll.beside("long", LENGTHS, {"more": 1}) != first
    assert roll.beside("long", LENGTHS, {"more": 0}, version=2) != first


def test_a_column_that_has_not_one_row_a_client_is_refused(roll):
    with pytest.raises(ArtefactError, match="2 rows of long beside 3 clients"):
        roll.beside("long", LENGTHS + " WHERE tier = 'gold'", {"more": 0})
