import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankseg.domain.errors import InputError
from bankseg.segments.pmg import classes, lorenz, pmg

VALUES = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=60).map(lambda values: np.array(values, dtype=np.int64))
SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted)


def test_classes_agree_with_a_hand_count():
    # Positive total 200: 100 is half (60 + 40), 160 four fifths (60 + 40 + 35 + 30).
    assert classes(np.array([30, 60, -500, 35, 40, 20, 15, 0])).tolist() == ["M", "G", "P", "M", "G", "P", "P", "P"]


def test_one_client_who_holds_half_alone_is_the_only_large_one():
    assert classes(np.array([10, 100, 20])).tolist() == ["P", "G", "M"]


def test_without_positive_contribution_nobody_is_large():
    assert classes(np.array([0, -5])).tolist() == ["P", "P"]
    assert classes(np.array([], dtype=np.int64)).tolist() == []
    assert classes(np.array([5, 3]), large=0, middle=0).tolist() == ["P", "P"]
    assert classes(np.array([5, 3, -1]), large=1, middle=1).tolist() == ["G", "G", "P"]


@given(VALUES, SHARES)
def test_large_is_the_smallest_set_that_reaches_the_share_and_order_is_kept(values, shares):
    found = classes(values, large=shares[0], middle=shares[1])
    total = int(np.maximum(values, 0).sum())
    held = {code: int(np.maximum(values[found == code], 0).sum()) for code in "GMP"}

    if total:
        assert held["G"] >= shares[0] * total * (1 - 1e-12)
        if (found == "G").any():
            assert held["G"] - values[found == "G"].min() < shares[0] * total * (1 + 1e-12)
        assert held["G"] + held["M"] >= shares[1] * total * (1 - 1e-12)
    order = {"G": 2, "M": 1, "P": 0}
    ranked = [order[code] for code in found[np.argsort(-values, kind="stable")]]
    assert ranked == sorted(ranked, reverse=True)


@given(VALUES, st.integers(1, 1_000))
def test_money_s_unit_does_not_matter(values, factor):
    assert classes(values * factor).tolist() == classes(values).tolist()


@given(VALUES)
def test_the_curve_rises_bends_down_and_ends_whole(values):
    curve = lorenz(values, points=11)
    steps = np.diff(curve.value)

    assert (curve.value[0], curve.value[-1]) == (0, pytest.approx(1))
    assert np.all(steps >= -1e-12)
    assert np.all(np.array(curve.value) >= np.array(curve.clients) - 1e-9)
    assert -1e-9 <= curve.gini < 1


def test_the_gini_agrees_with_a_hand_count():
    # One of four holds all: area under the curve from the largest 7/8, so 2 x 0.875 - 1.
    assert lorenz(np.array([9, 0, 0, 0])).gini == pytest.approx(0.75)
    assert lorenz(np.array([5, 5, 5])).gini == pytest.approx(0)
    assert lorenz(np.array([-5, 0])).gini == 0


def test_kinds_are_cut_apart_and_unknown_contributions_have_no_class():
    values = np.array([100.0, 10.0, 5.0, 1.0, np.nan])

    found, told = pmg(values, ["company", "individual", "individual", "individual", "individual"])

    assert found.tolist() == ["G", "G", "M", "P", None]
    assert [(entry.kind, entry.unknown) for entry in told] == [("company", 0), ("individual", 1)]
    individuals = {band.code: band for band in told[1].bands}
    assert (individuals["G"].clients, individuals["G"].value_minor, individuals["G"].least_minor) == (1, 10, 10)
    assert individuals["G"].value_share == pytest.approx(10 / 16)
    assert sum(band.client_share for band in told[1].bands) == pytest.approx(1)
    assert told[0].bands[1].least_minor is None


@pytest.mark.parametrize("shares", [(0.8, 0.5), (-0.1, 0.5), (0.5, 1.1)])
def test_cut_offs_in_disorder_are_refused(shares):
    with pytest.raises(InputError, match="cut-offs"):
        classes(np.array([1]), large=shares[0], middle=shares[1])
