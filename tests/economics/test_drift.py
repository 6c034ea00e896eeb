import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankseg.economics.drift import drift, histogram, psi, reference_cuts

COUNTS = st.lists(st.integers(0, 10_000), min_size=2, max_size=12)


@given(COUNTS)
def test_a_population_has_not_drifted_from_itself(counts):
    assert psi(np.array(counts), np.array(counts)) == 0


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)), min_size=2, max_size=12))
def test_psi_is_never_negative_and_the_same_both_ways(pairs):
    expected, actual = (np.array(side) for side in zip(*pairs, strict=True))

    assert psi(expected, actual) >= 0
    assert psi(expected, actual) == pytest.approx(psi(actual, expected))


def test_psi_agrees_with_a_hand_count():
    # (.6-.5)ln(.6/.5) + (.4-.5)ln(.4/.5)
    assert psi(np.array([50, 50]), np.array([60, 40])) == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8))


@pytest.mark.parametrize(("rows", "noise"), [(500, 0.068), (10_000, 0.0034), (1_000_000, 0.00003)])
def test_the_noise_level_is_that_of_the_definitions(rows, noise):
    assert drift(np.full(10, rows // 10), np.full(10, rows // 10)).noise_95 == pytest.approx(noise, rel=0.13)


def test_a_large_shift_in_a_small_book_is_not_an_alarm_but_in_a_large_one_it_is():
    shift = np.array([5, 15])

    assert drift(np.array([10, 10]), shift).level == "steady"
    assert drift(np.array([1_000, 1_000]), shift * 100).level == "act"


def test_ten_bins_of_the_reference_hold_a_tenth_each_and_missing_has_its_own():
    values = np.append(np.arange(1_000.0), [np.nan] * 5)

    assert histogram(values, reference_cuts(values)).tolist() == [100] * 10 + [5]
