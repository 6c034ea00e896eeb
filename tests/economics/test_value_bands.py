import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.economics.value_bands import BANDS, band_cuts, bands

VALUES = st.lists(st.integers(-(10**6), 10**6).map(float), min_size=5, max_size=80).map(np.array)


def test_edges_agree_with_a_hand_count():
    # 0..100: one per cent lies at 99 or above, five at 95, .. ; nobody is negative, so both amounts are 0.
    cuts = band_cuts(np.arange(101.0), ["individual"] * 101)["individual"]

    assert cuts.tolist() == pytest.approx([99, 95, 88, 80, 65, 50, 38, 25, 0, 0])
    assert bands(np.array([99.0, 98.9, 50.0, 49.0, 0.0, -1.0]), ["individual"] * 6, {"individual": cuts}).tolist() == [0, 1, 5, 6, 8, 10]


def test_kinds_have_their_own_edges_and_strangers_none():
    cuts = band_cuts(np.array([1.0, 2.0, 1_000.0, 2_000.0, np.nan]), ["individual", "individual", "company", "company", "public"])

    assert set(cuts) == {"individual", "company"}
    assert bands(np.array([2.0, 2.0, 2.0, np.nan]), ["individual", "company", "public", "company"], cuts).tolist() == [0, 8, -1, -1]


@settings(deadline=None)
@given(VALUES)
def test_more_is_never_a_lower_band(values):
    found = bands(values, ["x"] * len(values), band_cuts(values, ["x"] * len(values)))
    order = np.argsort(values)

    assert np.all(np.diff(found[order]) <= 0)
    assert found.min() >= 0
    assert found.max() < len(BANDS)


@settings(deadline=None)
@given(VALUES, st.sampled_from([0.5, 2.0, 64.0]))
def test_the_unit_of_money_does_not_matter(values, factor):
    kinds = ["x"] * len(values)

    assert bands(values * factor, kinds, band_cuts(values * factor, kinds)).tolist() == bands(values, kinds, band_cuts(values, kinds)).tolist()
