"""History: everything a model in time may learn from, encoded once, without the locked fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import MissingDataError, TooFewPositivesError
from bankseg.propensity.booster import Matrix
from bankseg.propensity.dataset import Dataset, Encoding, FeatureLike, learn_encoding
from bankseg.propensity.growth import Growth
from bankseg.propensity.leakage import Finding, refuse_future_dates, refuse_leaks
from bankseg.propensity.origins import OriginPlan, Rolling, rolling_origins
from bankseg.propensity.stability import Choice, choose
from bankseg.propensity.targets import Target


@dataclass(frozen=True, slots=True)
class History:
    """Everything that may be learned from: encoded rows of every origin before the locked fold.

    Parameters
    ----------
    table
        The rows as they came.
    encoding
        Of all candidate features.
    data
        Their matrix.
    origin
        datetime64[D], shape (n,).
    choice
        What each origin chose among the features.
    steps
        Of the back-test, ascending; the last one judges at the calibration origin.
    suspects
        Features that deserve a look.
    """

    table: pa.Table
    encoding: Encoding
    data: Matrix
    origin: NDArray[np.datetime64]
    choice: Choice
    steps: tuple[Rolling, ...]
    suspects: tuple[Finding, ...] = ()

    def at(self, origins: Sequence[date]) -> NDArray[np.bool_]:
        """Rows of these origins."""
        return np.isin(self.origin, np.array(origins, dtype="datetime64[D]"))

    def rows(self, origins: Sequence[date], kept: NDArray[np.intp], growth: Growth) -> Matrix:
        """Rows of these origins with the kept features, weighted by age."""
        here = self.at(origins)
        chosen = Matrix(self.data.x[here], self.data.y[here], self.data.categorical).columns(kept)
        return Matrix(chosen.x, chosen.y, chosen.categorical, growth.weights(self.origin[here]))

    def weights(self, origins: Sequence[date], growth: Growth) -> dict[date, float]:
        """What a row of each of these origins weighs in `rows`."""
        here = self.origin[self.at(origins)]
        weight = growth.weights(here)
        return {day: 1.0 if weight is None else float(weight[here == np.datetime64(day, "D")][0]) for day in origins}

    def directions(self, kept: NDArray[np.intp]) -> list[int]:
        """Declared direction of each kept feature: 1 rising, -1 falling, 0 free."""
        return [self.encoding.features[place].direction for place in kept]


def learn_history(target: Target, learning: Dataset, plan: OriginPlan, features: Sequence[FeatureLike], *, seed: int, threads: int = 1) -> History:
    """Scan for leaks, encode, and ask every origin which features it would choose.

    Parameters
    ----------
    learning
        Rows before the locked fold; those at no origin of the plan are ignored.

    Raises
    ------
    TooFewPositivesError, MissingDataError, LeakageError
        As `train` says.
    """
    learning = learning.filter(np.isin(learning.origin, np.array(plan.learning, dtype="datetime64[D]")))
    steps = rolling_origins(plan, target.outcome_days)
    first_fit = np.isin(learning.origin, np.array(steps[-1].train, dtype="datetime64[D]"))
    at_calibration = learning.origin == np.datetime64(plan.calibration)
    for mask, where in ((first_fit, "the training origins"), (at_calibration, f"calibration origin {plan.calibration}")):
        require_outcomes(target, int(mask.sum()), int(learning.label[mask].sum()), where)
    refuse_future_dates(learning.table, learning.origin, features)
    encoding = learn_encoding(learning.table.filter(first_fit), features)
    data = Matrix(encoding.matrix(learning.table), learning.label, tuple(encoding.categorical))
    scanned = data.rows(first_fit)
    suspects = refuse_leaks(encoding, scanned.x, scanned.y, seed=seed)
    choice = choose(data, learning.origin, plan.learning, seed=seed, threads=threads)
    usable = tuple(step for step in steps if _has_both(learning, step.train) and _has_both(learning, (step.origin,)))
    return History(learning.table, encoding, data, learning.origin, choice, usable, suspects)


def require_outcomes(target: Target, rows: int, positives: int, where: str) -> None:
    """Refuse a slice of so many rows, of which so many had the outcome, when it is empty, or has too few outcomes or too few clients without one.

    Raises
    ------
    MissingDataError, TooFewPositivesError
    """
    if not rows:
        raise MissingDataError(f"target {target.name} has no rows in {where}", "rows with a matured outcome", "check the population and the origins")
    fewer = min(positives, rows - positives)
    if fewer < target.minimum_positives:
        raise TooFewPositivesError(target.name, fewer, target.minimum_positives, where)


def _has_both(learning: Dataset, origins: Sequence[date]) -> bool:
    label = learning.label[np.isin(learning.origin, np.array(origins, dtype="datetime64[D]"))]
    return 0 < int(label.sum()) < len(label)
