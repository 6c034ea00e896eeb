"""Figures of a roll that are asked for again: not counted again, never of another file, and no rows of clients."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bankseg.lake import roll as rolls
from bankseg.lake.roll import open_roll

FIGURES = "SELECT tier, count(*) AS clients FROM roll GROUP BY tier ORDER BY tier"


def written(path, tiers):
    pq.write_table(pa.table({"client_id": [f"C{place}" for place in range(len(tiers))], "tier": tiers}), path)
    return path


@pytest.fixture
def path(tmp_path):
    return written(tmp_path / "roll.parquet", ["gold", "silver", "gold"])


def test_figures_are_counted_once_and_another_scope_is_another_statement(path):
    roll = open_roll(path)

    assert roll.arrow(FIGURES) is roll.arrow(FIGURES)
    assert roll.arrow(FIGURES.replace("FROM roll", "FROM roll WHERE tier = 'gold'")).to_pylist() == [{"tier": "gold", "clients": 2}]


def test_a_file_written_anew_is_counted_anew(path):
    before = open_roll(path).arrow(FIGURES).to_pylist()
    written(path, ["bronze"] * 5)

    assert before != open_roll(path).arrow(FIGURES).to_pylist() == [{"tier": "bronze", "clients": 5}]


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("SELECT client_id, tier FROM roll", None),
        ("SELECT count(*) AS clients FROM roll WHERE tier = $tier", {"tier": "gold"}),
        ("SELECT r.tier FROM roll AS r, read_parquet('{path}') AS other", None),
        ("SELECT unnest(range(501)) AS many", None),
    ],
)
def test_clients_parameters_other_files_and_many_rows_are_not_kept(path, sql, parameters):
    roll = open_roll(path)
    statement = sql.format(path=path)

    assert roll.arrow(statement, parameters) is not roll.arrow(statement, parameters)


def test_only_so_many_are_kept_the_oldest_leave(path, monkeypatch):
    monkeypatch.setattr(rolls, "MOST_ANSWERS", 2)
    roll = open_roll(path)
    first, *others = (FIGURES.replace("count(*)", f"count(*) + {more}") for more in range(3))
    kept = roll.arrow(first)
    for sql in others:
        roll.arrow(sql)

    assert roll.arrow(others[-1]) is roll.arrow(others[-1])
    assert roll.arrow(first) is not kept
