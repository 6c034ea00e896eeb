"""Plain estimates of client lifetime value, and how predictions are held against what was earned."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bankseg.domain.errors import InputError

Array = NDArray[np.float64]

TOP_SHARE = 0.10
# Sum of predictions over realised book: within 5 % (definitions 3).
SUM_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class BackTest:
    """Predictions against later contributions.

    `rank_correlation` Spearman's, in [-1, 1], NaN when one side is constant; `top_decile_capture` part of the realised total held by the 10 % predicted highest;
    `top_decile_of_best` the same over what the best 10 % held; `sum_ratio` predicted over realised total, NaN when the latter is 0; `n` clients known on both sides.
    """

    rank_correlation: float
    top_decile_capture: float
    top_decile_of_best: float
    sum_ratio: float
    n: int

    @property
    def sums_agree(self) -> bool:
        """Whether the predicted book is within 5 % of the realised one."""
        return abs(self.sum_ratio - 1) <= SUM_TOLERANCE


def retention_annuity(contribution: Array, retention: Array, discount: float) -> Array:
    """`m r / (1 + d - r)` for ever: contribution a period, probability of staying a period, discount a period.

    Raises
    ------
    InputError
        When nobody leaves and nothing is discounted, which has no sum.

    Examples
    --------
    >>> retention_annuity(np.array([100.0]), np.array([0.8]), 0.1).round(2).tolist()
    [266.67]
    """
    if discount < 0 or np.any((retention < 0) | (retention > 1) | (1 + discount - retention <= 0)):
        raise InputError("a retention outside [0, 1], or of 1 without discount", "retention in [0, 1] and 1 + discount above it", "give a positive discount")
    value: Array = contribution * retention / (1 + discount - retention)
    return value


def average_times_months(contribution: Array, months: int, overall_retention: float) -> Array:
    """Average monthly contribution x months x the share of clients who stay.

    Examples
    --------
    >>> average_times_months(np.array([10.0]), 36, 0.9).round(6).tolist()
    [324.0]
    """
    return contribution * months * overall_retention


def back_test(predicted: Array, realised: Array) -> BackTest:
    """How well predictions ranked and summed what was then earned; clients unknown on either side are left out.

    Parameters
    ----------
    predicted, realised
        Currency over the same months, shape (n,); a client who left has realised what it brought before.

    Raises
    ------
    InputError
        When fewer than ten clients are known on both sides.

    Examples
    --------
    >>> found = back_test(np.arange(20.0), np.arange(20.0))
    >>> found.rank_correlation, round(found.top_decile_capture, 4), found.top_decile_of_best, found.sums_agree
    (1.0, 0.1947, 1.0, True)
    """
    known = ~(np.isnan(predicted) | np.isnan(realised))
    guess, truth = predicted[known], realised[known]
    if len(guess) < round(1 / TOP_SHARE):
        raise InputError(f"{len(guess)} clients known on both sides", "ten or more", "take a longer history")
    from scipy.stats import spearmanr  # costs 0.6 s and is rarely used

    constant = np.ptp(guess) == 0 or np.ptp(truth) == 0
    correlation = float("nan") if constant else float(spearmanr(guess, truth).statistic)
    total, held, best = float(truth.sum()), _top_total(guess, truth), _top_total(truth, truth)
    return BackTest(correlation, _share(held, total), _share(held, best), _share(float(guess.sum()), total), len(guess))


def beats(found: BackTest, baseline: BackTest) -> bool:
    """Whether predictions rank better, and their top decile holds no less, than a baseline's."""
    return found.rank_correlation > baseline.rank_correlation and found.top_decile_capture >= baseline.top_decile_capture


def _top_total(order: Array, amounts: Array) -> float:
    """Amounts of the top 10 %; the last place is shared between equals, so that the order of rows does not matter."""
    places = max(1, round(TOP_SHARE * len(order)))
    cut = np.sort(order)[::-1][places - 1]
    above, equal = order > cut, order == cut
    return float(amounts[above].sum() + amounts[equal].mean() * (places - above.sum()))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
