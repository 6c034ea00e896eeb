"""Features chosen by stability: asked of every training origin by itself, kept where enough origins agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.booster import Matrix, fit, parameters

# Few outcomes cannot tell a hundred features apart; more only feed noise and time.
MOST_FEATURES = 90
# A feature is kept when at least this share of the origins chose it.
LEAST_SHARE = 0.5
# Up to so many features each origin chooses for itself.
CHOSEN_AN_ORIGIN = 60
# So many rows tell what matters on a day: all outcomes, and clients without one at even steps.
ROWS_AN_ORIGIN = 5_000
SHORT_ROUNDS, SHORT_LEAVES, SHORT_RATE, SHORT_BINS = 30, 8, 0.1, 63


@dataclass(frozen=True, slots=True)
class Choice:
    """What each origin chose.

    Parameters
    ----------
    origins
        Training origins asked, ascending.
    gain_share
        Shape (origins, features): each feature's share of the gain of a short boosting on that origin's rows alone.
    """

    origins: tuple[date, ...]
    gain_share: NDArray[np.float64]

    def share(self, origins: Sequence[date]) -> NDArray[np.float64]:
        """Share of these origins that chose each feature, shape (features,)."""
        found: NDArray[np.float64] = self._chosen()[self._rows(origins)].mean(axis=0)
        return found

    def kept(self, origins: Sequence[date], most: int = MOST_FEATURES) -> NDArray[np.intp]:
        """Positions of the features to boost on, ascending: chosen by half of these origins or more, the strongest first where they are too many.

        Only these origins are asked, so that a back-test chooses as it would have chosen then. Everything is kept where nothing is chosen by half.
        """
        share, strength = self.share(origins), self.gain_share[self._rows(origins)].mean(axis=0)
        agreed = np.flatnonzero(share >= LEAST_SHARE)
        if not len(agreed):
            agreed = np.arange(len(share))
        return np.sort(agreed[np.argsort(-strength[agreed], kind="stable")[:most]])

    def _chosen(self) -> NDArray[np.bool_]:
        rank = np.argsort(np.argsort(-self.gain_share, axis=1, kind="stable"), axis=1, kind="stable")
        return (rank < CHOSEN_AN_ORIGIN) & (self.gain_share > 0)

    def _rows(self, origins: Sequence[date]) -> list[int]:
        return [self.origins.index(origin) for origin in origins]


def choose(data: Matrix, origin: NDArray[np.datetime64], origins: Sequence[date], *, seed: int, threads: int = 1) -> Choice:
    """Ask every origin by a short boosting of its rows; deterministic for the same rows, seed and threads.

    An origin without outcomes, or with nothing else, chooses nothing.
    """
    shares = [_gain_share(data.rows(origin == np.datetime64(day)), seed, threads) for day in origins]
    return Choice(tuple(origins), np.stack(shares))


def _gain_share(rows: Matrix, seed: int, threads: int) -> NDArray[np.float64]:
    if not 0 < rows.y.sum() < len(rows.y):
        return np.zeros(rows.x.shape[1])
    rows = rows.rows(_telling(rows.y))
    size = (*rows.x.shape, int(rows.y.sum()))
    short = parameters(*size, seed=seed, threads=threads, num_leaves=SHORT_LEAVES, learning_rate=SHORT_RATE, max_bin=SHORT_BINS)
    gain: NDArray[np.float64] = fit(rows, short, SHORT_ROUNDS).feature_importance("gain")
    return gain / max(float(gain.sum()), np.finfo(np.float64).tiny)


def _telling(label: NDArray[np.int8]) -> NDArray[np.intp]:
    without = np.flatnonzero(label == 0)
    step = max(1, len(without) // max(1, ROWS_AN_ORIGIN - int(label.sum())))
    return np.sort(np.concatenate([np.flatnonzero(label == 1), without[::step]]))
