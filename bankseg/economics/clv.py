"""Client lifetime value: expected discounted contribution along the chain of tiers, with the client's own probability of leaving in its first months."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bankseg.economics.tier_chain import Chain

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

MONTHS = 36
LONG_MONTHS = 60
# Months a churn propensity speaks of: an outcome window of 90 days.
EXIT_MONTHS = 3
LOW, MEDIAN, HIGH = 0.10, 0.50, 0.90
CHUNK = 4_000
MONTH_DAYS = 30.4375
LEAST_MONTHS, MOST_MONTHS = 3, 12
CLIPPED = 0.99


@dataclass(frozen=True, slots=True)
class Outlook:
    """Over what a value is summed.

    `months` T; `monthly_discount` the monthly cost of equity; `exit_months` over how many first months the client's own probability of leaving replaces the
    chain's; `persistence` what remains after a month of a client's distance from the mean contribution of its state, in [0, 1] (0: the mean of the state alone).
    """

    months: int = MONTHS
    monthly_discount: float = 0.0066  # 8.2 % a year (default)
    exit_months: int = EXIT_MONTHS
    persistence: float = 0.0


@dataclass(frozen=True, slots=True)
class Clients:
    """Clients to value, each of shape (n,).

    Places of state and group in the chain (negative: not known), churn in [0, 1] over `exit_months` (NaN: the chain's own),
    monthly contribution in currency (NaN: the mean of the state).
    """

    state: Codes
    group: Codes
    churn: Array
    contribution: Array


@dataclass(frozen=True, slots=True)
class Clv:
    """Median and 10-90 % of the drawn values, currency, shape (n,); NaN for a client whose state or group is not known."""

    median: Array
    low: Array
    high: Array


def clv(chain: Chain, clients: Clients, outlook: Outlook) -> Clv:
    """Expected discounted contribution of each client over the coming months, by draw of the chain.

    `sum over t = 1..T of e_s P^t r / (1 + d)^t` (Haenlein, Kaplan & Beeser 2007; Pfeifer & Carraway 2000). With a churn probability p, in each of the first
    `exit_months` k the chain's chance of closing is replaced by `1 - (1 - p)^(1/k)`, the other moves keeping their proportions, so that a value is a polynomial
    in `(1 - p)^(1/k)` whose coefficients belong to the state: they are computed once a state, group and draw.

    Parameters
    ----------
    chain
        Drawn transitions and rewards.
    clients
        n clients.
    outlook
        Months, discount, persistence.

    Returns
    -------
    Clv
        In the currency of the contributions.

    Notes
    -----
    The interval tells the doubt about the chain, not the luck of one client.

    Examples
    --------
    >>> P = np.array([[[[0.9, 0.1, 0.0], [0, 1, 0], [0, 0, 1]]]])
    >>> chain = Chain(("all/active", "closed", "defaulted"), ("all",), P, np.array([[[10.0, 0, 0]]]))
    >>> one = Clients(np.array([0]), np.array([0]), np.array([np.nan]), np.array([np.nan]))
    >>> clv(chain, one, Outlook(months=2, monthly_discount=0.0)).median.round(2).tolist()
    [17.1]
    """
    coefficients = state_coefficients(chain, outlook)
    states = len(chain.states)
    known = (clients.state >= 0) & (clients.group >= 0)
    cell = np.where(known, clients.group * states + clients.state, -1)
    found = np.full((3, len(cell)), np.nan)
    order = np.argsort(cell, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(cell[order])) + 1, len(order))
    mean_reward = chain.rewards.mean(axis=0)
    start = 0
    for end in ends:
        place = int(cell[order[start]]) if end > start else -1
        if place >= 0:
            group, state = divmod(place, states)
            for rows in np.split(order[start:end], range(CHUNK, end - start, CHUNK)):
                basis = _basis(clients.churn[rows], clients.contribution[rows] - mean_reward[group, state], coefficients.shape[-1])
                found[:, rows] = _quantiles(basis @ coefficients[:, group, state].T)
        start = end
    return Clv(found[1], found[0], found[2])


def state_coefficients(chain: Chain, outlook: Outlook) -> Array:
    """What each basis term of a client is worth, shape (draws, groups, states, terms): the rewards' terms, then those of the client's own distance from them."""
    discount = 1 / (1 + outlook.monthly_discount)
    alive = np.ones_like(chain.rewards)
    alive[..., -2:] = 0.0
    moves = chain.transitions, _without_closing(chain.transitions)
    return np.concatenate([_terms(moves, chain.rewards, discount, outlook), _terms(moves, alive, discount * outlook.persistence, outlook)], axis=-1)


def monthly_contribution(value_12m: Array, tenure_days: Array) -> Array:
    """Contribution a month of the year's months that the client was there, at least three and at most twelve; NaN where the contribution is not known.

    A client of four months has earned a third of its year: divided by twelve it would look poor, and every estimate of its future with it.

    Examples
    --------
    >>> monthly_contribution(np.array([1200.0, 1200.0, 1200.0]), np.array([4000.0, 182.625, 10.0])).round(1).tolist()
    [100.0, 200.0, 400.0]
    """
    months = np.clip(np.nan_to_num(tenure_days, nan=MOST_MONTHS * MONTH_DAYS) / MONTH_DAYS, LEAST_MONTHS, MOST_MONTHS)
    monthly: Array = value_12m / months
    return monthly


def persistence(chain: Chain, clients: Clients, later: Array, months: int) -> float:
    """Part of a client's distance from the mean of its state that is left after a month, measured on clients seen `months` apart.

    Regression through the origin of how far clients ended from what the chain expects of their first state, on how far they began from its mean; both are
    clipped at the 99th percentile of the first, for a few very large clients would decide alone.

    Parameters
    ----------
    clients
        States, groups and monthly contributions at the first date.
    later
        Their monthly contributions `months` later, 0 for those who closed, NaN where not known.

    Returns
    -------
    float
        In [0, 1]; 0 when nothing was seen.

    Examples
    --------
    >>> P = np.array([[[[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]]])
    >>> chain = Chain(("all/active", "closed", "defaulted"), ("all",), P, np.array([[[10.0, 0, 0]]]))
    >>> two = Clients(np.array([0, 0]), np.array([0, 0]), np.full(2, np.nan), np.array([18.0, 2.0]))
    >>> persistence(chain, two, np.array([12.0, 8.0]), 2)
    0.5
    """
    mean = chain.rewards.mean(axis=0)
    path = np.linalg.matrix_power(chain.transitions.mean(axis=0), months)
    alive = np.append(np.ones(mean.shape[-1] - 2), [0.0, 0.0])
    known = (clients.state >= 0) & (clients.group >= 0) & ~np.isnan(clients.contribution) & ~np.isnan(later)
    place = clients.group[known], clients.state[known]
    began = (clients.contribution[known] - mean[place]) * (path @ alive)[place]
    ended = later[known] - (path @ mean[..., None])[..., 0][place]
    bound = np.quantile(np.abs(began), CLIPPED, method="higher") if len(began) else 0.0
    began, ended = np.clip(began, -bound, bound), np.clip(ended, -bound, bound)
    spread = float((began**2).sum())
    slope = float((began * ended).sum()) / spread if spread else 0.0
    return float(min(max(slope, 0.0), 1.0) ** (1 / months))


def _terms(transitions: tuple[Array, Array], reward: Array, discount: float, outlook: Outlook) -> Array:
    """Values of `[no propensity, x, x^2, .. x^k]`, x being the chance of staying a month; `transitions` are the chain's, and those of who does not close."""
    moving, staying = transitions
    first = min(outlook.exit_months, outlook.months)
    later, whole = _horizon_values(moving, reward, discount, (outlook.months - first, outlook.months))
    terms = [whole]
    earned, last = reward, reward + later
    for month in range(1, first + 1):  # vectors alone: a product of matrices would cost as many times more as there are states
        earned, last = _month_before(staying, earned, discount), _month_before(staying, last, discount)
        terms.append(last if month == first else earned)
    return np.stack(terms, axis=-1)


def _month_before(transitions: Array, value: Array, discount: float) -> Array:
    """What a value a month ahead is worth now, by state."""
    return discount * (transitions @ value[..., None])[..., 0]


def _horizon_values(transitions: Array, reward: Array, discount: float, months: tuple[int, int]) -> tuple[Array, Array]:
    """Value of each state over fewer and more months, the one on the way to the other: `V_0 = 0, V_t = discount P (r + V_{t-1})`."""
    value = fewer = np.zeros_like(reward)
    for month in range(1, months[1] + 1):
        value = _month_before(transitions, reward + value, discount)
        fewer = value if month == months[0] else fewer
    return fewer, value


def _without_closing(transitions: Array) -> Array:
    """Moves of a month in which the client does not close: rows keep their proportions; who was sure to close, and then does not, stays."""
    kept = transitions.copy()
    kept[..., :-2, -2] = 0.0
    kept[..., -2, :] = 0.0
    total = kept.sum(axis=-1, keepdims=True)
    return np.where(total > 0, kept / np.where(total > 0, total, 1.0), np.eye(transitions.shape[-1]))


def _basis(churn: Array, distance: Array, terms: int) -> Array:
    """Shape (n, terms): powers of the monthly chance of staying, and the same times the client's distance from the mean."""
    powers = terms // 2 - 1
    plain = np.isnan(churn)
    stay = np.where(plain, 0.0, 1 - churn) ** (1 / max(powers, 1))
    half = np.column_stack([plain.astype(np.float64), *(stay**power for power in range(1, powers + 1))])
    return np.hstack([half, half * np.nan_to_num(distance)[:, None]])


def _quantiles(values: Array) -> Array:
    """10, 50 and 90 % of each row, shape (3, n), interpolated linearly between order statistics."""
    last = values.shape[1] - 1
    places = [quantile * last for quantile in (LOW, MEDIAN, HIGH)]
    neighbours = sorted({int(place) for place in places} | {min(int(place) + 1, last) for place in places})
    ordered = np.partition(values, neighbours, axis=1)
    out = np.empty((3, len(values)))
    for row, place in enumerate(places):
        below = int(place)
        above = min(below + 1, last)
        out[row] = ordered[:, below] + (place - below) * (ordered[:, above] - ordered[:, below])
    return out
