"""How trees grow on data in time: the few settings that a policy gives and tuning may move."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bankseg.domain.errors import ConfigurationError
from bankseg.propensity.booster import parameters

# A tree that may read fewer columns than this sees too little of a client.
LEAST_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Growth:
    """Settings of the trees of one target.

    Outcomes of a bank are rare and their drivers add up, so small trees with randomly drawn cut points, each reading a third of the features,
    carry further than large ones (docs/adr/0009-models-in-time.md has the measurements).

    Parameters
    ----------
    num_leaves, learning_rate, feature_fraction, min_sum_hessian_in_leaf, lambda_l2, extra_trees
        LightGBM's own.
    keeps_directions
        Whether trees keep the direction that the catalogue declares for a feature.
    half_life_days
        Days after which a training row counts half; 0 counts all alike.
    seeds
        Boosters that differ in their seed alone, averaged into the version that serves.

    Examples
    --------
    >>> Growth().parameters((100, 40, 10), [0] * 40, seed=1, threads=1)["num_leaves"]
    7
    """

    num_leaves: int = 7
    learning_rate: float = 0.08
    feature_fraction: float = 0.3
    min_sum_hessian_in_leaf: float = 1.0
    lambda_l2: float = 1.0
    extra_trees: bool = True
    keeps_directions: bool = True
    half_life_days: int = 0
    seeds: int = 1

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Growth":
        """Settings from a policy section or a tuning; what is not named stays. `Any`: TOML or JSON numbers.

        Raises
        ------
        ConfigurationError
            When a setting is unknown.
        """
        return cls().with_(values)

    def with_(self, values: Mapping[str, Any]) -> "Growth":
        """The same settings with some replaced. `Any`: TOML or JSON numbers.

        Raises
        ------
        ConfigurationError
            When a setting is unknown.
        """
        known = [field.name for field in fields(self)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ConfigurationError(f"unknown settings of trees: {', '.join(unknown)}", f"among {', '.join(known)}", "correct the policy")
        return replace(self, **values)

    def parameters(self, size: tuple[int, int, int], directions: Sequence[int], *, seed: int, threads: int) -> dict[str, Any]:
        """LightGBM parameters for data of this many rows, columns and positives. `Any`: LightGBM takes numbers, texts and lists."""
        columns = size[1]
        grown: dict[str, Any] = {
            "num_leaves": self.num_leaves,
            "learning_rate": self.learning_rate,
            "feature_fraction": max(self.feature_fraction, min(1.0, LEAST_COLUMNS / columns)),
            "min_sum_hessian_in_leaf": self.min_sum_hessian_in_leaf,
            "lambda_l2": self.lambda_l2,
            "extra_trees": self.extra_trees,
        }
        if self.keeps_directions and any(directions):
            grown |= {"monotone_constraints": list(directions), "monotone_constraints_method": "basic"}
        return parameters(*size, seed=seed, threads=threads, **grown)

    def weights(self, origin: NDArray[np.datetime64]) -> NDArray[np.float64] | None:
        """Weight of each row by the age of its origin, 1 on average; None when all count alike.

        Examples
        --------
        >>> days = np.array(["2024-01-01", "2024-12-31"], dtype="datetime64[D]")
        >>> [round(float(weight), 3) for weight in Growth(half_life_days=365).weights(days)]
        [0.667, 1.333]
        """
        if not self.half_life_days:
            return None
        age_days = (origin.max() - origin) / np.timedelta64(1, "D")
        weight: NDArray[np.float64] = np.power(0.5, age_days / self.half_life_days)
        return weight * (len(weight) / float(weight.sum()))

    def as_json(self) -> dict[str, Any]:
        """Part of a card. `Any`: JSON."""
        return asdict(self)
