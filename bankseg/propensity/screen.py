"""Screening: the features worth boosting on, chosen on training rows alone, so that hundreds of weak ones neither slow nor blur a model."""

from dataclasses import replace

import numpy as np

from bankseg.propensity.booster import Matrix, fit, parameters
from bankseg.propensity.dataset import Encoding

# Few outcomes cannot tell a hundred features apart; more only feed noise and time.
MOST_FEATURES = 90
SCREENING_ROUNDS, SCREENING_LEAVES, SCREENING_RATE, SCREENING_BINS = 30, 8, 0.1, 63


def screened(encoding: Encoding, training: Matrix, *, seed: int, threads: int = 1) -> Encoding:
    """The encoding cut to the features with the largest gain in a short boosting of the training rows; unchanged when there are few.

    Order stays that of the catalogue. Deterministic for the same rows, seed and threads.
    """
    if len(encoding.features) <= MOST_FEATURES:
        return encoding
    rows, columns = training.x.shape
    short = parameters(
        rows,
        columns,
        int(training.y.sum()),
        seed=seed,
        threads=threads,
        num_leaves=SCREENING_LEAVES,
        learning_rate=SCREENING_RATE,
        max_bin=SCREENING_BINS,
    )
    gain = fit(training, short, SCREENING_ROUNDS).feature_importance("gain")
    kept = np.sort(np.argsort(-gain, kind="stable")[:MOST_FEATURES])
    features = tuple(encoding.features[place] for place in kept if gain[place] > 0)
    return replace(encoding, features=features, levels={feature.name: encoding.levels[feature.name] for feature in features if feature.type == "category"})
