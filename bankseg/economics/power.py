"""Clients an experiment needs in each arm to tell two rates apart."""

import math
from statistics import NormalDist

from bankseg.domain.errors import InputError

SIGNIFICANCE, POWER = 0.05, 0.80


def clients_per_arm(rate: float, other: float, *, significance: float = SIGNIFICANCE, power: float = POWER) -> int:
    """Clients in each of two equal arms for a two-sided test of two proportions, with unpooled variance.

    `n = (z_{1 - significance/2} + z_power)^2 (p (1 - p) + q (1 - q)) / (p - q)^2`, rounded up.

    Parameters
    ----------
    rate, other
        Expected rates of the arms, in [0, 1].
    significance, power
        In (0, 1).

    Raises
    ------
    InputError
        When the rates are equal or no rates: no number of clients tells them apart.

    Examples
    --------
    >>> clients_per_arm(0.06, 0.05), clients_per_arm(0.02, 0.03)
    (8155, 3823)
    """
    if not (0 <= rate <= 1 and 0 <= other <= 1) or rate == other:
        raise InputError(f"rates {rate} and {other}", "two different rates between 0 and 1", "state the difference worth finding")
    spread = rate * (1 - rate) + other * (1 - other)
    return math.ceil((NormalDist().inv_cdf(1 - significance / 2) + NormalDist().inv_cdf(power)) ** 2 * spread / (rate - other) ** 2)
