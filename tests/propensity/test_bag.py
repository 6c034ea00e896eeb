import lightgbm
import numpy as np

from bankseg.propensity.bag import fit_bag, mean_text
from bankseg.propensity.booster import Matrix, fit, parameters, raw_scores, text_of
from bankseg.propensity.structure import check_structure


def _data() -> Matrix:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(600, 4)).astype(np.float32)
    x[:, 3] = rng.integers(0, 12, 600)
    x[rng.random(x.shape) < 0.1] = np.nan
    return Matrix(x, (np.nan_to_num(x[:, 0]) + rng.normal(size=600) > 0.8).astype(np.int8), (3,))


def test_a_bag_is_one_sound_text_that_scores_as_the_mean_of_its_members():
    data = _data()
    chosen = parameters(600, 4, int(data.y.sum()), seed=1, threads=1)
    members = [text_of(fit(data, {**chosen, "seed": seed}, 12)) for seed in (1, 1010, 2019)]
    mean = np.mean([lightgbm.Booster(model_str=text).predict(data.x, raw_score=True) for text in members], axis=0)
    bag = fit_bag(data, chosen, 12, 3)

    assert check_structure(mean_text(members), 4) == check_structure(text_of(bag), 4) == 36
    assert np.abs(raw_scores(bag, data.x, threads=1) - mean).max() < 1e-12
    contributions = bag.predict(data.x, pred_contrib=True)
    assert np.abs(contributions.sum(axis=1) - mean).max() < 1e-9
