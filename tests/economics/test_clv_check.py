import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.errors import InputError
from bankseg.economics.clv_check import average_times_months, back_test, beats, retention_annuity

AMOUNTS = st.lists(st.integers(-1_000, 10_000), min_size=20, max_size=60).map(lambda values: np.array(values, dtype=np.float64))


def test_the_annuity_agrees_with_a_hand_count():
    # 100 x 0.8 / (1.1 - 0.8)
    assert retention_annuity(np.array([100.0]), np.array([0.8]), 0.1)[0] == pytest.approx(266.666667)


@settings(deadline=None)
@given(st.floats(-100, 1_000), st.floats(0, 0.99), st.floats(0.001, 0.2), st.floats(0.1, 50))
def test_the_annuity_is_the_endless_sum_scales_and_vanishes_without_retention(contribution, retention, discount, factor):
    value = retention_annuity(np.array([contribution]), np.array([retention]), discount)[0]
    months = np.arange(1, 4_000)

    assert value == pytest.approx(contribution * ((retention / (1 + discount)) ** months).sum(), rel=1e-6, abs=1e-9)
    assert retention_annuity(np.array([contribution * factor]), np.array([retention]), discount)[0] == pytest.approx(value * factor)
    assert retention_annuity(np.array([contribution]), np.array([0.0]), discount)[0] == 0


def test_an_endless_undiscounted_stream_is_refused():
    with pytest.raises(InputError, match="positive discount"):
        retention_annuity(np.array([1.0]), np.array([1.0]), 0.0)


def test_the_plain_average_agrees_with_a_hand_count():
    assert average_times_months(np.array([10.0, -2.0]), 36, 0.9).tolist() == pytest.approx([324, -64.8])


def test_the_back_test_agrees_with_a_hand_count():
    realised = np.array([100.0, 50, 10, 10, 10, 10, 10, 0, 0, 0, np.nan])
    predicted = np.array([40.0, 90, 9, 8, 7, 6, 5, 4, 3, 20, 1])

    found = back_test(predicted, realised)

    assert (found.n, found.top_decile_capture, found.top_decile_of_best, found.sum_ratio) == (10, 0.25, 0.5, 0.96)
    assert found.sums_agree


def test_equal_predictions_share_the_last_place_whatever_the_order_of_rows():
    realised = np.arange(10.0)

    assert back_test(np.ones(10), realised).top_decile_capture == pytest.approx(0.1)
    assert np.isnan(back_test(np.ones(10), realised).rank_correlation)


@settings(deadline=None)
@given(AMOUNTS)
def test_the_truth_captures_the_best_and_sums_to_itself(realised):
    found = back_test(realised, realised)

    assert found.sum_ratio == pytest.approx(1) or realised.sum() == 0
    assert found.top_decile_of_best == pytest.approx(1) or np.isnan(found.top_decile_of_best)


@settings(deadline=None)
@given(AMOUNTS, st.randoms())
def test_the_order_of_rows_does_not_matter(realised, random):
    rows = list(range(len(realised)))
    random.shuffle(rows)
    predicted = np.round(realised / 100)

    one, other = back_test(predicted, realised), back_test(predicted[rows], realised[rows])

    assert one.top_decile_capture == pytest.approx(other.top_decile_capture, nan_ok=True)
    assert one.rank_correlation == pytest.approx(other.rank_correlation, nan_ok=True)


def test_a_better_ranking_beats_a_worse_one_and_not_itself():
    realised = np.arange(40.0)
    good, bad = back_test(realised, realised), back_test(realised[::-1].copy(), realised)

    assert beats(good, bad)
    assert not beats(bad, good)
    assert not beats(good, good)


def test_too_few_clients_prove_nothing():
    with pytest.raises(InputError, match="ten or more"):
        back_test(np.ones(9), np.ones(9))
