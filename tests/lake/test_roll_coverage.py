"""The share of clients that have each column of a roll: from the file's own statistics where it has them, counted where it has none."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bankseg.lake.parquet import null_counts
from bankseg.lake.roll import open_roll

ROWS = 1_000
COLUMNS = {
    "client_id": [f"C{place}" for place in range(ROWS)],
    "all": list(range(ROWS)),
    "none": pa.nulls(ROWS, pa.float64()),
    "odd": [place if place % 2 else None for place in range(ROWS)],
    "late": [None if place < 700 else "x" for place in range(ROWS)],
    "a.b": [None, *[1.0] * (ROWS - 1)],
    "listed": [[1] if place % 4 == 0 else None for place in range(ROWS)],
    "nested": [{"x": None, "y": 1} if place % 5 else None for place in range(ROWS)],
    "no_number": [float("nan") if place % 2 else 1.0 for place in range(ROWS)],
}
COVERAGE = {"client_id": 1.0, "all": 1.0, "none": 0.0, "odd": 0.5, "late": 0.3, "a.b": 0.999, "listed": 0.25, "nested": 0.8, "no_number": 1.0}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({}, {"client_id", "all", "none", "odd", "late", "no_number"}),
        ({"write_statistics": False}, set()),
        ({"write_statistics": ["odd", "late"]}, {"odd", "late"}),
    ],
)
def test_coverage_is_that_of_the_rows_whether_the_file_tells_it_or_not(tmp_path, written, told):
    path = tmp_path / "1" / "roll.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table(COLUMNS), path, row_group_size=300, **written)

    assert open_roll(path, (("doubled", "2 * odd"),)).coverage == {**COVERAGE, "doubled": 0.5}
    assert null_counts(path) == {name: ROWS - round(COVERAGE[name] * ROWS) for name in told}


def test_a_roll_without_clients_has_no_coverage(tmp_path):
    path = tmp_path / "1" / "roll.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"client_id": pa.array([], pa.string()), "all": pa.array([], pa.int64())}), path)

    assert open_roll(path).coverage == {"client_id": 0.0, "all": 0.0}
