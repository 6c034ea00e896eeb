import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.errors import InputError, MissingDataError
from bankseg.segments.arrays import client_ids, numbers, signed_log, texts
from bankseg.segments.encoding import Encoding
from tests.segments.people import ATTRIBUTES, planted


def test_null_and_infinity_are_not_numbers_and_a_missing_text_is_unknown():
    table = pa.table({"x": pa.array([1, None, 3]), "y": pa.array([1.0, float("inf"), None]), "t": ["a", None, "b"], "b": pa.array([True, None, False])})

    assert numbers(table, "x").tolist()[::2] == [1, 3]
    assert np.isnan(numbers(table, "y")).tolist() == [False, True, True]
    assert texts(table, "t").tolist() == ["a", "unknown", "b"]
    assert texts(table, "b").tolist() == ["true", "unknown", "false"]


@settings(deadline=None)
@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_the_signed_log_keeps_order_and_sign(one, other):
    low, high = sorted((one, other))
    logged = signed_log(np.array([low, high, -low]))

    assert logged[0] <= logged[1]
    assert logged[2] == -logged[0]


def test_an_amount_is_scaled_by_median_and_quartiles_by_hand():
    # Median 3, quartiles 2 and 4: (x - 3) / 2, 100 clipped at 3; then mean 0 and variance 1.
    table = pa.table({"x": [1, 2, 3, 4, 100]})
    raw = np.array([-1, -0.5, 0, 0.5, 3])

    assert Encoding.learn(table, ["x"]).encode(table)[:, 0] == pytest.approx((raw - raw.mean()) / raw.std())


def test_a_category_weighs_as_much_as_an_amount_and_its_rare_levels_more():
    # Half and half: indicators 0/1 by root one half, centred: +-0.7071, total variance 1.
    table = pa.table({"t": ["a", "b"] * 50})

    found = Encoding.learn(table, ["t"]).encode(table)

    assert np.abs(found) == pytest.approx(np.full((100, 2), 0.5**0.5))
    assert found.var(axis=0).sum() == pytest.approx(1)


def test_every_attribute_has_inertia_one():
    table, _ = planted()
    inertia = Encoding.learn(table, ATTRIBUTES).encode(table).var(axis=0)

    assert inertia[:2] == pytest.approx([1, 1])
    assert inertia[2:].sum() == pytest.approx(1, rel=0.02)


def test_missing_new_and_constant_values_are_encoded_without_nan():
    table = pa.table({"x": [1.0, 2.0, 3.0, None], "c": [7, 7, 7, 7], "n": pa.array([None] * 4, pa.float64()), "t": ["a", "a", "b", None]})
    encoding = Encoding.learn(table, ["x", "c", "n", "t"])

    new = encoding.encode(pa.table({"x": [None], "c": [9], "n": [1.0], "t": ["never seen"]}, schema=table.schema))

    assert np.isfinite(encoding.encode(table)).all()
    assert np.isfinite(new).all()
    assert encoding.encode(table)[:, 1:3].tolist() == [[0, 0]] * 4


@settings(deadline=None, max_examples=20)
@given(st.randoms())
def test_the_order_of_rows_changes_no_row(random):
    table, _ = planted(120)
    rows = list(range(120))
    random.shuffle(rows)

    assert np.allclose(Encoding.learn(table, ATTRIBUTES).encode(table)[rows], Encoding.learn(table.take(rows), ATTRIBUTES).encode(table.take(rows)))


def test_what_is_not_there_is_refused_by_name():
    table, _ = planted(20)

    with pytest.raises(MissingDataError, match="latest_nps"):
        Encoding.learn(table, ["latest_nps"])
    with pytest.raises(InputError, match="0 attributes"):
        Encoding.learn(table, [])
    with pytest.raises(MissingDataError, match="client_id"):
        client_ids(pa.table({"x": [1]}))
