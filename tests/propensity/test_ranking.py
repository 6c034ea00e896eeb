"""Ranking several products for each client, against hand-computed values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankseg.propensity.ranking import average_precision_at, gain_at, ranking_metrics

NAN = float("nan")
# Orders: B C A D; then A B C D with D not to be offered; then a client who buys nothing.
SCORE = np.array([[0.2, 0.9, 0.5, 0.1], [0.8, 0.4, 0.3, NAN], [0.8, 0.4, 0.3, 0.2]])
BOUGHT = np.array([[True, False, True, False], [False, True, False, False], [False] * 4])


def test_average_precision_agrees_with_a_hand_count():
    # First: hits at places 2 and 3: (1/2 + 2/3) / 2. Second: a hit at place 2: 1/2.
    assert average_precision_at(SCORE, BOUGHT, 3)[:2].tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2, 1 / 2])
    assert average_precision_at(SCORE, BOUGHT, 2)[:2].tolist() == pytest.approx([(1 / 2) / 2, 1 / 2])
    assert average_precision_at(SCORE, BOUGHT, 1)[:2].tolist() == [0.0, 0.0]
    assert np.isnan(average_precision_at(SCORE, BOUGHT, 3)[2])


def test_cumulative_gain_agrees_with_a_hand_count():
    third, second = 1 / np.log2(4), 1 / np.log2(3)

    assert gain_at(SCORE, BOUGHT, 3)[:2].tolist() == pytest.approx([(second + third) / (1 + second), second])
    assert gain_at(SCORE, BOUGHT, 1)[:2].tolist() == [0.0, 0.0]
    assert np.isnan(gain_at(SCORE, BOUGHT, 3)[2])


def test_a_product_that_may_not_be_offered_counts_nothing_even_when_it_is_bought():
    bought = np.array([[False, False, False, True]])

    assert average_precision_at(SCORE[1:2], bought, 4).tolist() == [0.0]


def test_equal_scores_keep_the_order_of_the_products():
    bought = np.array([[False, True]])

    assert average_precision_at(np.full((1, 2), 0.3), bought, 2).tolist() == [0.5]


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=8), st.integers(1, 5))
def test_the_best_order_scores_one_and_no_order_more(marks, k):
    bought = np.array(marks)
    rng = np.random.default_rng(1)
    buys = bought.any(axis=1)
    for measure in (average_precision_at, gain_at):
        assert measure(bought.astype(float), bought, k)[buys] == pytest.approx(1.0)
        assert (measure(rng.random(bought.shape), bought, k)[buys] <= 1 + 1e-12).all()


def test_metrics_are_means_over_buyers_and_over_all_clients():
    found = ranking_metrics(SCORE[:2], BOUGHT[:2], clients=10, seed=1)
    mean = ((1 / 2 + 2 / 3) / 2 + 1 / 2) / 2

    assert found["map"]["3"]["value"] == pytest.approx(mean)
    assert found["map_all"]["3"] == pytest.approx(mean * 2 / 10)
    assert found["map"]["3"]["low"] <= mean <= found["map"]["3"]["high"]
    assert ranking_metrics(SCORE[:0], BOUGHT[:0], clients=10, seed=1) == {"map": {}, "ndcg": {}, "map_all": {}}
