import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from bankseg.propensity.calibration import sigmoid
from bankseg.propensity.metrics import NAMES, chance_ece_p95, expected_calibration_error, gains, measure, roc_auc


def test_ranking_metrics_agree_with_a_hand_count():
    # Pairs: positive .8 beats .7 and .2; positive .7 ties with .7 and beats .2: 3.5 of 4. Precision .8 -> 1/1, .7 group -> 2/3.
    found = measure(np.array([1, 1, 0, 0]), np.array([0.8, 0.7, 0.7, 0.2]), seed=1, draws=5)

    assert found["roc_auc"].value == pytest.approx(3.5 / 4)
    assert found["pr_auc"].value == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_lift_and_brier_agree_with_a_hand_count():
    label = np.array([1, 1] + [0] * 17 + [1])
    probability = np.linspace(0.95, 0.0, 20)
    found = measure(label, probability, seed=1, draws=5)

    assert found["lift10"].value == pytest.approx((2 / 2) / (3 / 20))
    assert found["brier"].value == pytest.approx(np.mean((label - probability) ** 2))


def test_equal_scores_share_the_top_tenth():
    found = measure(np.array([1, 0] * 50), np.full(100, 0.5), seed=1, draws=5)

    assert found["lift10"].value == pytest.approx(1.0)
    assert found["roc_auc"].value == pytest.approx(0.5)


def test_metrics_agree_with_scikit_learn_on_tied_scores():
    rng = np.random.default_rng(3)
    probability = np.round(rng.random(2_000), 2)
    label = (rng.random(2_000) < probability).astype(int)
    found = measure(label, probability, seed=1, draws=5)

    assert found["roc_auc"].value == pytest.approx(roc_auc_score(label, probability))
    assert found["pr_auc"].value == pytest.approx(average_precision_score(label, probability))
    assert found["brier"].value == pytest.approx(brier_score_loss(label, probability))
    assert roc_auc(label, probability) == pytest.approx(roc_auc_score(label, probability))


def test_calibration_error_agrees_with_a_hand_count():
    # Two bins: means .1 and .9 against rates .5 and 1.
    assert expected_calibration_error(np.array([0, 1, 1, 1]), np.array([0.1, 0.1, 0.9, 0.9]), bins=2) == pytest.approx((0.4 + 0.1) / 2)


def test_right_probabilities_have_slope_one_and_intercept_zero_and_their_intervals_say_so():
    rng = np.random.default_rng(15)
    probability = sigmoid(rng.normal(-2, 1.2, 20_000))
    label = (rng.random(20_000) < probability).astype(int)
    found = measure(label, probability, seed=1)

    assert found["calibration_slope"].low < 1 < found["calibration_slope"].high
    assert found["calibration_intercept"].low < 0 < found["calibration_intercept"].high
    assert found["ece"].value < chance_ece_p95(probability, seed=1)


def test_overconfident_probabilities_have_a_slope_below_one():
    rng = np.random.default_rng(6)
    raw = rng.normal(-1, 1, 10_000)
    label = (rng.random(10_000) < sigmoid(raw)).astype(int)

    assert measure(label, sigmoid(2 * raw), seed=1, draws=5)["calibration_slope"].value == pytest.approx(0.5, abs=0.05)


def test_bootstrap_interval_is_as_wide_as_theory_says():
    rng = np.random.default_rng(7)
    label = np.repeat([1, 0], [100, 900])
    score = sigmoid(rng.normal(size=1_000) + label - 2)
    found = measure(label, score, seed=1)["roc_auc"]
    auc = found.value
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    hanley_mcneil = np.sqrt((auc * (1 - auc) + 99 * (q1 - auc**2) + 899 * (q2 - auc**2)) / 90_000)

    assert (found.high - found.low) / 3.92 == pytest.approx(hanley_mcneil, rel=0.25)


def test_chance_level_of_calibration_error_matches_the_published_one():
    # model_quality 4: 2,000 rows give a 95th percentile near .0246 for churn-like scores.
    probability = sigmoid(np.random.default_rng(8).normal(-1.8, 1.3, 2_000))

    assert chance_ece_p95(probability, seed=1) == pytest.approx(0.0246, abs=0.004)


def test_the_gain_curve_counts_positives_from_the_top():
    assert gains(np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1]), shares=(0.25, 0.5))[0] == {"share": 0.25, "gain": 0.5, "lift": 2.0}


def test_top_shares_and_log_loss_agree_with_a_hand_count():
    # 200 rows, 20 outcomes, 4 of them among the first 10 rows, the rest from the 41st row on.
    label = np.zeros(200, dtype=int)
    label[[0, 1, 5, 9]], label[40:56] = 1, 1
    probability = np.linspace(0.9, 0.1, 200)
    found = measure(label, probability, seed=1, draws=5)

    assert found["lift1"].value == pytest.approx((2 / 2) / 0.1)
    assert found["lift5"].value == pytest.approx((4 / 10) / 0.1)
    assert found["lift20"].value == pytest.approx((4 / 40) / 0.1)
    assert found["log_loss"].value == pytest.approx(sklearn_log_loss(label, probability))


def test_profit_is_the_golden_one_and_its_interval_holds_it():
    label = np.array([(i * 37) % 100 < 15 for i in range(100)]).astype(int)
    score = np.array([((i * 61) % 100 + 30 * y) / 130 for i, y in enumerate(label)])
    found = measure(label, score, seed=1)

    assert found["empc"].value == pytest.approx(2.9000485, abs=1e-6)
    assert found["empc_fraction"].value == pytest.approx(0.31985, abs=1e-4)
    assert found["empc"].low < 2.9 < found["empc"].high


def test_every_metric_lies_in_its_interval_and_grouping_scores_moves_none():
    rng = np.random.default_rng(21)
    probability = sigmoid(rng.normal(-3, 1.2, 20_000))
    label = (rng.random(20_000) < probability).astype(int)
    found = measure(label, probability, seed=1)

    assert tuple(found) == NAMES
    assert all(metric.low <= metric.value <= metric.high for metric in found.values())
    assert found["roc_auc"].value == pytest.approx(roc_auc_score(label, probability))
    assert found["pr_auc"].value == pytest.approx(average_precision_score(label, probability))
    assert found["brier"].value == pytest.approx(brier_score_loss(label, probability))
    assert found["log_loss"].value == pytest.approx(sklearn_log_loss(label, probability))
