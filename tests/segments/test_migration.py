import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.errors import InputError, MissingDataError
from bankseg.segments.migration import BOOK, accounts, attribute_drift, book, moved, moves, shares

PLACES = ["gold", "silver", None]
AMOUNTS = st.one_of(st.none(), st.integers(-(10**12), 10**12))
BOOKS = st.dictionaries(st.sampled_from([f"C{number}" for number in range(12)]), st.tuples(st.sampled_from(PLACES), AMOUNTS, AMOUNTS), max_size=12)


def as_book(clients):
    rows = [{"client_id": client, "place": place, "value_minor": value, "deposits_minor": deposits} for client, (place, value, deposits) in clients.items()]
    return pa.Table.from_pylist(rows, schema=BOOK)


OPENING = as_book({"A": ("gold", 100, 1_000), "B": ("gold", 50, 10), "C": ("silver", 10, 5), "D": ("silver", 7, 3)})
CLOSING = as_book({"A": ("gold", 120, 900), "B": ("silver", 30, 20), "C": ("gold", 60, 50), "E": ("gold", 5, 1)})


def test_the_matrix_agrees_with_a_hand_count():
    found = {
        (row["from_place"], row["to_place"]): (row["clients"], row["opening_value_minor"], row["closing_value_minor"])
        for row in moves(OPENING, CLOSING).to_pylist()
    }

    assert found == {
        ("gold", "gold"): (1, 100, 120), ("gold", "silver"): (1, 50, 30), ("silver", "gold"): (1, 10, 60), ("silver", None): (1, 7, 0), (None, "gold"): (1, 0, 5),
    }  # fmt: skip


def test_the_book_of_a_place_agrees_with_a_hand_count():
    gold = next(entry for entry in accounts(moves(OPENING, CLOSING)) if (entry.place, entry.measure) == ("gold", "value_minor"))

    # 150 + 5 new + 10 from silver - 50 to silver + (120 - 100) + (60 - 10) = 185.
    assert (gold.opening, gold.entered, gold.arrived, gold.departed, gold.left, gold.revalued, gold.closing) == (150, 5, 10, 50, 0, 70, 185)


@settings(max_examples=30, deadline=None)
@given(BOOKS, BOOKS)
def test_opening_moves_and_closing_agree_to_the_cent(before, after):
    opening, closing = as_book(before), as_book(after)

    found = accounts(moves(opening, closing))

    for entry in found:
        assert entry.opening + entry.entered + entry.arrived - entry.departed - entry.left + entry.revalued == entry.closing
    for measure in ("clients", "value_minor", "deposits_minor"):
        mine = [entry for entry in found if entry.measure == measure]
        assert sum(entry.arrived for entry in mine) == sum(entry.departed for entry in mine)
        opened, closed = (book_.num_rows if measure == "clients" else sum(x or 0 for x in book_.column(measure).to_pylist()) for book_ in (opening, closing))
        assert sum(entry.opening for entry in mine) == opened
        assert sum(entry.closing for entry in mine) == closed


@settings(max_examples=15, deadline=None)
@given(BOOKS, BOOKS)
def test_rows_sum_to_the_opening_book_and_the_log_is_what_changed(before, after):
    opening, closing = as_book(before), as_book(after)
    matrix = moves(opening, closing)

    log = moved(opening, closing).to_pylist()

    assert all(sum(row.values()) == pytest.approx(1) for row in shares(matrix).values())
    assert sum(row["clients"] for row in matrix.to_pylist()) == len(before.keys() | after.keys())
    changed = {
        client for client in before.keys() | after.keys()
        if client not in before or client not in after or before[client][0] != after[client][0]
    }  # fmt: skip
    assert [row["client_id"] for row in log] == sorted(changed)


def test_the_log_of_one_place_names_who_came_and_who_went():
    found = [(row["client_id"], row["from_place"], row["to_place"]) for row in moved(OPENING, CLOSING, "silver").to_pylist()]

    assert found == [("B", "gold", "silver"), ("C", "silver", "gold"), ("D", "silver", None)]


def test_shares_tell_where_an_opening_place_went():
    assert shares(moves(OPENING, CLOSING)) == {"gold": {"gold": 0.5, "silver": 0.5}, "silver": {"gold": 0.5, "left": 0.5}}


def test_a_published_table_becomes_a_book_and_unknown_money_is_counted_apart():
    table = pa.table({"client_id": ["A", "B"], "tier": ["gold", None], "value_12m_minor": [5, None]})

    found = book(table, "tier")
    matrix = moves(found, found).to_pylist()

    assert found.schema.names == BOOK.names
    assert {row["from_place"]: row["without_value"] for row in matrix} == {"gold": 0, "unknown": 1}
    with pytest.raises(MissingDataError, match="segment"):
        book(table, "segment")
    with pytest.raises(InputError, match="one row a client"):
        book(pa.concat_tables([table, table]), "tier")


def test_drift_of_attributes_is_told_with_its_noise_the_furthest_first():
    rng = np.random.default_rng(2)
    one = pa.table({"x": rng.normal(0, 1, 4_000), "t": rng.choice(["a", "b"], 4_000), "y": pa.array(np.arange(4_000), mask=np.arange(4_000) % 10 == 0)})
    other = pa.table({"x": rng.normal(1, 1, 4_000), "t": ["a", "c"] * 2_000, "y": one.column("y")})

    found = {entry.attribute: entry.drift for entry in attribute_drift(one, other, ["x", "t", "y"])}

    assert [entry.attribute for entry in attribute_drift(one, other, ["y", "x", "t"])][-1] == "y"
    assert found["y"].psi == 0
    assert found["x"].level == found["t"].level == "act"
    assert found["x"].psi > found["x"].noise_95
    with pytest.raises(MissingDataError):
        attribute_drift(one, other, ["z"])


def test_levels_drift_as_a_hand_count_says():
    # (.6 - .5) ln(.6 / .5) + (.4 - .5) ln(.4 / .5)
    found = attribute_drift(pa.table({"t": ["a", "b"] * 50}), pa.table({"t": ["a"] * 60 + ["b"] * 40}), ["t"])

    assert found[0].drift.psi == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8))
