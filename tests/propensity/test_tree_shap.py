"""Contributions: the exact ones, by another way than LightGBM's."""

from itertools import combinations
from math import factorial

import lightgbm
import numpy as np
import pytest

from bankseg.propensity.bag import mean_booster
from bankseg.propensity.booster import text_of
from bankseg.propensity.tree_shap import TreeShap, shapley_values
from tests.propensity.builders import dataset

QUIET = {"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 1}


def data(rows: int = 800, columns: int = 6, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(rows, columns)), 1).astype(np.float32)
    x[:, 1] = rng.integers(0, 40, rows)
    y = (rng.random(rows) < 1 / (1 + np.exp(-x[:, 0] - (x[:, 1] % 3 == 0) + x[:, 2] * x[:, 3]))).astype(int)
    x[rng.random(x.shape) < 0.15] = np.nan
    return x, y


def grown(x, y, rounds=20, **more):
    given = {**QUIET, **more}
    return lightgbm.train(given, lightgbm.Dataset(x, y, categorical_feature=[1], params=given), rounds)


def both(booster, x):
    theirs = np.asarray(booster.predict(x, pred_contrib=True, num_threads=1))
    return TreeShap(text_of(booster), x.shape[1]).contributions(x), theirs


@pytest.mark.parametrize(
    "more",
    [
        {"num_leaves": 15},
        {"num_leaves": 31, "cat_smooth": 1, "min_data_per_group": 5, "max_cat_to_onehot": 1},
        {"num_leaves": 15, "zero_as_missing": True},
        {"num_leaves": 15, "use_missing": False},
        {"num_leaves": 15, "bagging_fraction": 0.5, "bagging_freq": 1, "monotone_constraints": [1, 0, 0, 0, 0, 0]},
        {"num_leaves": 2},
    ],
)
def test_contributions_are_those_of_lightgbm(more):
    x, y = data()
    unseen = np.vstack([x, [[0.0, 99.0, np.nan, 0.0, -5.0, 5.0]], [[np.nan] * 6]]).astype(np.float32)
    ours, theirs = both(grown(x, y, **more), unseen)

    assert np.abs(ours - theirs).max() < 1e-12


def test_a_tree_of_one_leaf_only_moves_the_base_value():
    x, y = data(100)
    ours, theirs = both(grown(x, y, rounds=2, min_data_in_leaf=100), x)

    assert np.abs(ours - theirs).max() < 1e-12
    assert not ours[:, :-1].any()


def test_ways_with_more_features_than_a_table_holds_agree_too(monkeypatch):
    monkeypatch.setattr("bankseg.propensity.tree_shap.MOST_IN_TABLE", 2)
    x, y = data()
    booster = grown(x, y, num_leaves=31)
    ours, theirs = both(booster, x)

    assert max(len(way.features) for ways in TreeShap(text_of(booster), 6).ways for way in ways) > 2
    assert np.abs(ours - theirs).max() < 1e-12


def test_the_mean_of_several_boosters_is_explained_as_one():
    x, y = data()
    booster = mean_booster([grown(x, y, num_leaves=7, feature_fraction=0.6), grown(x, y, num_leaves=15)])
    ours, theirs = both(booster, x)

    assert np.abs(ours - theirs).max() < 1e-12
    assert np.abs(ours.sum(axis=1) - booster.predict(x, raw_score=True)).max() < 1e-12


def test_a_models_own_contributions_are_those_of_lightgbm(propensity):
    table = dataset(300, seed=4).table
    theirs = propensity._predict(propensity.encoding.matrix(table), 1, pred_contrib=True).reshape(table.num_rows, -1)

    assert np.abs(propensity.contributions(table) - theirs).max() < 1e-12


def test_shapley_values_agree_with_their_definition():
    met, shares, value = np.array([True, False, True, False]), np.array([0.3, 0.6, 0.2, 0.9]), 5.0

    def game(coalition):
        return value * np.prod([float(met[k]) if k in coalition else shares[k] for k in range(4)])

    for feature in range(4):
        others = [k for k in range(4) if k != feature]
        expected = sum(
            factorial(size) * factorial(3 - size) / factorial(4) * (game({*some, feature}) - game(set(some)))
            for size in range(4)
            for some in combinations(others, size)
        )
        assert shapley_values(met[None], shares[None], np.array([value]))[0, 0, feature] == pytest.approx(expected, rel=1e-12)


def test_blocks_of_rows_do_not_change_a_contribution(monkeypatch):
    x, y = data()
    explained = TreeShap(text_of(grown(x, y, num_leaves=15)), 6)
    whole = explained.contributions(x)
    monkeypatch.setattr("bankseg.propensity.tree_shap.BLOCK_ROWS", 97)

    assert np.array_equal(explained.contributions(x), whole)
