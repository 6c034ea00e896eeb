import numpy as np
import pytest

from bankseg.economics.empc import contact_threshold, empc, empc_of_draws

Y = np.array([(i * 37) % 100 < 15 for i in range(100)]).astype(int)
S = np.array([((i * 61) % 100 + 30 * y) / 130 for i, y in enumerate(Y)])


@pytest.mark.parametrize(
    ("costs", "profit", "fraction"),
    [
        ({}, 2.9000485, 0.31985),
        ({"clv": 1500, "offer": 50, "contact": 8}, 31.0892572, 0.5794),
        ({"clv": 300, "offer": 50, "contact": 8}, 2.6800010, 0.0400),
    ],
)
def test_empc_has_the_golden_values_of_the_definitions(costs, profit, fraction):
    found = empc(Y, S, **costs)

    assert found.profit == pytest.approx(profit, abs=1e-6)
    assert found.contact_fraction == pytest.approx(fraction, abs=1e-4)


def test_empc_of_the_small_example():
    found = empc(np.array([0, 1, 0, 1, 0, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9]))

    assert (found.profit, found.contact_fraction) == (pytest.approx(23.8755934, abs=1e-6), pytest.approx(0.87437, abs=1e-5))


def test_only_the_order_of_the_scores_matters():
    assert empc(Y, S) == empc(Y, np.exp(5 * S))


def test_a_worthless_ranking_never_pays_less_than_contacting_nobody():
    assert empc(Y, np.zeros(100)).profit >= 0
    assert empc(np.zeros(100, dtype=int), S).profit == 0


@pytest.mark.parametrize(("clv", "offer", "contact", "threshold"), [(200, 10, 1, 0.164), (1500, 50, 8, 0.120), (300, 50, 8, 0.464), (8000, 150, 40, 0.076)])
def test_contact_pays_from_the_probability_of_the_definitions(clv, offer, contact, threshold):
    assert contact_threshold(clv=clv, offer=offer, contact=contact) == pytest.approx(threshold, abs=5e-4)


def test_resamples_on_the_coarse_grid_agree_with_the_fine_one():
    cuts = [np.inf, *np.unique(S)[::-1]]
    tp, fp = (np.array([((cut <= S) & (label == Y)).sum() / 100 for cut in cuts]) for label in (1, 0))

    profit, fraction = empc_of_draws(tp[None], fp[None])[0]

    assert profit == pytest.approx(2.9000485, rel=2e-3)
    assert fraction == pytest.approx(0.31985, abs=0.01)


def test_a_resample_that_lacks_some_scores_loses_no_cut():
    # Counts of a group that was not drawn repeat a cut; the hull must keep it.
    tp, fp = np.array([[0.0, 0.5, 0.5, 0.5]]), np.array([[0.0, 0.0, 0.0, 0.5]])

    assert empc_of_draws(tp, fp)[0] == pytest.approx(empc_of_draws(tp[:, [0, 1, 3]], fp[:, [0, 1, 3]])[0])
