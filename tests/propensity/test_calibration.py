import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankseg.propensity.calibration import Calibrator, choose_calibrator, fit_beta, fit_isotonic, fit_platt, fit_venn_abers, log_loss, logit, sigmoid
from bankseg.propensity.venn_abers import venn_abers_curve


def _sample(rows: int, slope: float, intercept: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    raw = rng.normal(-1, 1.5, rows)
    return raw, (rng.random(rows) < sigmoid(slope * raw + intercept)).astype(np.int8)


def test_platt_finds_the_planted_slope_and_intercept():
    raw, label = _sample(50_000, 0.6, 0.4)

    assert fit_platt(raw, label).coefficients == pytest.approx((0.6, 0.4), abs=0.04)


def test_right_scores_are_left_nearly_as_they_are():
    raw, label = _sample(5_000, 1.0, 0.0)
    calibrator, _ = choose_calibrator(raw, label, seed=1)

    assert np.abs(calibrator(raw) - sigmoid(raw)).max() < 0.03


def test_wrong_scores_are_corrected():
    raw, label = _sample(5_000, 0.5, 1.0)
    calibrator, evidence = choose_calibrator(raw, label, seed=1)

    assert calibrator.method != "none"
    assert evidence[calibrator.method] < evidence["none"]


def test_isotonic_is_only_tried_above_a_thousand_positives():
    few, many = choose_calibrator(*_sample(2_000, 1, 0), seed=1)[1], choose_calibrator(*_sample(8_000, 1, 0), seed=1)[1]

    assert "isotonic" not in few
    assert "isotonic" in many


def test_too_few_outcomes_leave_the_scores_alone():
    assert choose_calibrator(np.array([0.0, 1.0, 2.0]), np.array([0, 1, 0], dtype=np.int8), seed=1) == (Calibrator(), {})


def test_scores_that_rank_backwards_are_not_turned_round():
    raw, label = _sample(2_000, -1.0, 0.0)

    assert fit_platt(raw, label) == Calibrator()


@pytest.mark.parametrize("fit", [fit_platt, fit_beta])
def test_smooth_calibrators_keep_the_order_and_make_no_ties(fit):
    raw, label = _sample(3_000, 0.7, -0.2)
    calibrated = fit(raw, label)(np.sort(raw))

    assert (np.diff(calibrated) > 0).all()


@pytest.mark.parametrize("fit", [fit_isotonic, fit_venn_abers])
def test_a_curve_with_steps_never_reverses_an_order_and_never_says_impossible(fit):
    raw, label = _sample(6_000, 0.7, -0.2)
    calibrated = fit(raw, label)(np.sort(raw))

    assert (np.diff(calibrated) >= 0).all()
    assert 0 < calibrated.min() < calibrated.max() < 1


@pytest.mark.parametrize("fit", [fit_isotonic, fit_venn_abers])
def test_a_curve_with_steps_keeps_the_order_of_clients_on_one_step(fit):
    raw, label = _sample(6_000, 0.7, -0.2)

    assert (np.diff(fit(raw, label)(np.linspace(-9, 9, 500))) > 0).all()


def test_venn_abers_agrees_with_isotonic_regression_asked_twice_at_each_score():
    # Scores 1, 2, 3 with outcomes 1, 0, 1, one row each. At 2 with one more 0: blocks (1, 0, 0 -> 1/3) and 1; with one more 1: (1, 0, 1 -> 2/3) and 1.
    x, y = venn_abers_curve(np.array([1.0, 2.0, 3.0]), np.array([1, 0, 1], dtype=np.int8))

    assert x.tolist() == [1.0, 2.0, 3.0]
    assert y[1] == pytest.approx((2 / 3) / (1 - 1 / 3 + 2 / 3))


def test_venn_abers_mends_what_no_straight_line_can():
    rng = np.random.default_rng(4)
    raw = rng.normal(-1, 2, 20_000)
    truth = np.where(raw > 1, 0.30, sigmoid(raw - 1))  # above 1 the score says nothing more
    label = (rng.random(20_000) < truth).astype(np.int8)
    calibrator, evidence = choose_calibrator(raw[:10_000], label[:10_000], seed=1)

    assert calibrator.method in {"venn_abers", "isotonic"}
    assert evidence["venn_abers"] < evidence["beta"] < evidence["none"]
    loss = {
        name: log_loss(label[10_000:], fit(raw[:10_000], label[:10_000])(raw[10_000:])).mean() for name, fit in (("platt", fit_platt), ("va", fit_venn_abers))
    }
    assert loss["va"] < loss["platt"]


def test_smooth_calibration_is_kept_where_a_straight_line_is_right():
    assert choose_calibrator(*_sample(20_000, 0.8, 0.2), seed=1)[0].method in {"platt", "beta"}


@pytest.mark.parametrize("fit", [lambda _raw, _label: Calibrator(), fit_platt, fit_beta, fit_isotonic, fit_venn_abers])
def test_a_calibrator_comes_back_from_json_the_same(fit):
    raw, label = _sample(3_000, 0.7, -0.2)
    calibrator = fit(raw, label)

    assert Calibrator.from_json(calibrator.as_json()) == calibrator


@given(st.floats(-700, 700))
def test_sigmoid_stays_in_bounds_and_logit_turns_it_back(raw):
    probability = sigmoid(np.array([raw]))

    assert 0 <= probability[0] <= 1
    if abs(raw) < 15:
        assert logit(probability)[0] == pytest.approx(raw, abs=1e-6)
