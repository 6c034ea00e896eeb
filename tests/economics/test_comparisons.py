import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, false_discovery_control, fisher_exact, ttest_ind

from bankseg.economics.comparisons import compare_means, compare_rates, holm, mean_interval, wilson

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def test_wilson_agrees_with_a_hand_count():
    # z = 1.959964, n = 10, 2 hits: centre (0.2 + 0.192073) / 1.384146 = 0.283260, half 0.226618.
    found = wilson(2, 10)

    assert found.value == 0.2
    assert (found.low, found.high) == (pytest.approx(0.056682, abs=1e-5), pytest.approx(0.509838, abs=1e-5))


@settings(deadline=None)
@given(st.integers(1, 5_000), st.data())
def test_wilson_holds_the_rate_stays_in_bounds_and_mirrors(n, data):
    hits = data.draw(st.integers(0, n))
    found, mirrored = wilson(hits, n), wilson(n - hits, n)

    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low == pytest.approx(1 - mirrored.high, abs=1e-12)


def test_nobody_counted_says_nothing_about_a_rate():
    found = wilson(0, 0)

    assert np.isnan(found.value)
    assert (found.low, found.high) == (0, 1)


def test_the_interval_of_a_mean_agrees_with_a_hand_count():
    # mean 2, s = 1, t(0.975, 2) = 4.302653: half 4.302653 / sqrt 3 = 2.484138.
    found = mean_interval(np.array([1.0, np.nan, 2.0, 3.0]))

    assert (found.low, found.value, found.high) == (pytest.approx(-0.484138, abs=1e-5), 2.0, pytest.approx(4.484138, abs=1e-5))
    assert mean_interval(np.array([7.0])).low == -np.inf


def test_rates_are_tested_as_yates_would_and_exactly_where_few_are_expected():
    many = compare_rates(30, 100, 50, 250)
    few = compare_rates(3, 10, 1, 12)

    assert many.p_value == pytest.approx(chi2_contingency([[30, 70], [50, 200]], correction=True).pvalue)
    assert few.p_value == pytest.approx(fisher_exact([[3, 7], [1, 11]]).pvalue)
    assert (many.effect, many.relative) == (pytest.approx(0.1), pytest.approx(0.5))


def test_a_rate_against_none_has_no_relative_effect():
    assert compare_rates(5, 10, 0, 10).relative is None
    assert compare_rates(0, 0, 1, 10).p_value == 1
    assert compare_rates(0, 10, 0, 10).p_value == 1


def test_means_are_tested_as_welch_would():
    rng = np.random.default_rng(3)
    first, second = rng.normal(1, 2, 40), rng.normal(0, 1, 90)

    found = compare_means(np.append(first, np.nan), second)

    assert found.p_value == pytest.approx(ttest_ind(first, second, equal_var=False).pvalue)
    assert found.effect == pytest.approx(first.mean() - second.mean())


def test_constant_means_differ_surely_or_not_at_all():
    assert compare_means(np.ones(3), np.ones(4)).p_value == 1
    assert compare_means(np.ones(3), np.zeros(4)).p_value == 0
    assert compare_means(np.ones(1), np.zeros(4)).p_value == 1


def test_holm_agrees_with_a_hand_count():
    # Sorted 0.01 x 4, 0.02 x 3 = 0.06, 0.03 x 2 = 0.06, 0.5 x 1.
    assert holm([0.02, 0.5, 0.01, 0.03]) == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm([]) == []


@settings(deadline=None)
@given(P_VALUES)
def test_holm_lies_between_the_raw_value_and_bonferroni_and_above_the_false_discovery_rate(raw):
    adjusted = holm(raw)

    assert all(p <= a <= min(1, p * len(raw)) + 1e-12 for p, a in zip(raw, adjusted, strict=True))
    assert np.all(np.array(adjusted) >= false_discovery_control(raw) - 1e-12)


@settings(deadline=None)
@given(P_VALUES, st.randoms())
def test_holm_keeps_the_order_and_does_not_mind_the_order_given(raw, random):
    shuffled = list(range(len(raw)))
    random.shuffle(shuffled)
    adjusted = holm(raw)

    assert holm([raw[place] for place in shuffled]) == [adjusted[place] for place in shuffled]
    assert all(adjusted[a] <= adjusted[b] for a in range(len(raw)) for b in range(len(raw)) if raw[a] < raw[b])


def test_the_sure_part_of_an_effect_agrees_with_a_hand_count():
    # 0.3 against 0.2: error sqrt(0.3 x 0.7 / 100 + 0.2 x 0.8 / 250) = 0.052345; 1.959964 x that = 0.1026 holds none.
    # 0.3 against 0.2 of ten times as many: error 0.016553, margin 0.032443: 0.5 x (1 - 0.32443).
    assert compare_rates(30, 100, 50, 250).surely() == 0
    assert compare_rates(300, 1_000, 500, 2_500).surely() == pytest.approx(0.337785, abs=1e-5)
    assert compare_means(np.ones(3), np.full(4, 2.0)).surely() == 0.5
    assert compare_rates(0, 0, 1, 2).surely() == 0
