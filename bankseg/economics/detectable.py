"""The smallest effect that two arms of given sizes can show."""

from statistics import NormalDist

from bankseg.economics.power import POWER, SIGNIFICANCE

STEPS = 60  # halvings of the interval: beyond a double's digits


def smallest_effect(rate: float, treated: int, control: int, *, significance: float = SIGNIFICANCE, power: float = POWER) -> float | None:
    """Smallest rise over `rate` that a two-sided test of two proportions finds with this power, in the arms' unit (a rate).

    Solves `d^2 = (z_{1 - significance/2} + z_power)^2 (p (1 - p) / control + q (1 - q) / treated)` for `d = q - p`, the equation that `clients_per_arm` solves for n.

    Parameters
    ----------
    rate
        Expected rate without contact, in [0, 1].
    treated, control
        Clients of the two arms.

    Returns
    -------
    float or None
        None where an arm is empty, or where not even a rise to 1 would be found.

    Examples
    --------
    >>> round(smallest_effect(0.05, 8155, 8155), 4), round(smallest_effect(0.02, 3823, 3823), 4)
    (0.01, 0.01)
    >>> smallest_effect(0.05, 100, 0) is None
    True
    """
    if not treated or not control or not 0 <= rate < 1:
        return None
    weight = (NormalDist().inv_cdf(1 - significance / 2) + NormalDist().inv_cdf(power)) ** 2

    def is_found(effect: float) -> bool:
        other = rate + effect
        return effect**2 >= weight * (rate * (1 - rate) / control + other * (1 - other) / treated)

    low, high = 0.0, 1 - rate
    if not is_found(high):
        return None
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_found(middle) else (middle, high)
    return high
