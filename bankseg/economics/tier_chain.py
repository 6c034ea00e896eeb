"""The monthly chain of value tiers and activity: moves counted, rare groups shrunk towards all clients, and the doubt about both drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bankseg.domain.errors import InputError

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

CLOSED, DEFAULTED = "closed", "defaulted"
ABSORBING = (CLOSED, DEFAULTED)
DRAWS = 200
# Weight of the moves of all clients in the row of one group, in clients (default): a group with 50 moves of its own counts half.
STRENGTH = 50.0


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of each group's clients, by block of clients.

    `moves` has the shape (blocks, groups, states, states), `contributions` (blocks, groups, states): monthly currency summed, and `clients` the clients summed
    over. The last two states are closed and defaulted.
    """

    states: tuple[str, ...]
    groups: tuple[str, ...]
    moves: Array
    contributions: Array
    clients: Array


@dataclass(frozen=True, slots=True)
class Chain:
    """Drawn chains: `transitions` (draws, groups, states, states), rows summing to 1; `rewards` (draws, groups, states), mean monthly contribution, 0 once gone."""

    states: tuple[str, ...]
    groups: tuple[str, ...]
    transitions: Array
    rewards: Array


def states_of(tiers: Sequence[str], activities: Sequence[str]) -> tuple[str, ...]:
    """Every tier with every activity, then closed and defaulted.

    Examples
    --------
    >>> states_of(["gold", "bronze"], ["active"])
    ('gold/active', 'bronze/active', 'closed', 'defaulted')
    """
    return (*(f"{tier}/{activity}" for tier in tiers for activity in activities), *ABSORBING)


def coded(values: Sequence[Any], known: Sequence[str]) -> Codes:
    """Place of each value among the known ones, -1 for any other. `Any`: texts and nulls.

    Examples
    --------
    >>> coded(["b", None, "a"], ["a", "b"]).tolist()
    [1, -1, 0]
    """
    place = {name: number for number, name in enumerate(known)}
    return np.array([place.get(value, -1) for value in values], dtype=np.int64)


def observe(before: Codes, after: Codes, group: Codes, block: Codes, contribution: Array, *, states: Sequence[str], groups: Sequence[str]) -> Observed:
    """Moves of one month and contributions at its start.

    Parameters
    ----------
    before, after
        State of each client at the start and end, as places in `states`, shape (n,); rows with a negative place on either side are left out of the moves.
    group, block
        Places in `groups`, and block of each client from 0, the same in every month: a client's months are not independent, so blocks are resampled whole.
    contribution
        Monthly contribution at the start, currency; NaN where not known.

    Raises
    ------
    InputError
        When the states do not end with closed and defaulted.
    """
    if tuple(states[-2:]) != ABSORBING:
        raise InputError(f"states end with {list(states[-2:])}", f"{CLOSED} and {DEFAULTED} last", "build them with states_of")
    size, kinds = len(states), len(groups)
    blocks = int(block.max(initial=-1)) + 1
    place = (block * kinds + group) * size + before
    seen = (before >= 0) & (after >= 0) & (group >= 0)
    moves = np.bincount(place[seen] * size + after[seen], minlength=blocks * kinds * size * size)
    worth = (before >= 0) & (group >= 0) & ~np.isnan(contribution)
    sums = np.bincount(place[worth], weights=contribution[worth], minlength=blocks * kinds * size)
    clients = np.bincount(place[worth], minlength=blocks * kinds * size)
    shape = (blocks, kinds, size)
    return Observed(
        tuple(states), tuple(groups), *(counted.astype(np.float64) for counted in (moves.reshape(*shape, size), sums.reshape(shape), clients.reshape(shape)))
    )


def joined(months: Sequence[Observed]) -> Observed:
    """Several months as one; blocks, groups and states must be the same."""
    first = months[0]
    totals = [part.copy() for part in (first.moves, first.contributions, first.clients)]
    for month in months[1:]:  # added in place: a list of large arrays would be copied whole to be summed
        for total, part in zip(totals, (month.moves, month.contributions, month.clients), strict=True):
            np.add(total, part, out=total)
    return Observed(first.states, first.groups, *totals)


def shrunk_transitions(moves: Array, strength: float = STRENGTH) -> Array:
    """Transition matrices of groups, each row drawn towards the row of all clients by a Dirichlet prior of `strength` clients.

    A state nobody was seen in stays as it is; closed and defaulted are never left.

    Parameters
    ----------
    moves
        Shape (..., groups, states, states), counts.

    Returns
    -------
    numpy.ndarray
        Same shape; every row sums to 1.

    Examples
    --------
    >>> shrunk_transitions(np.array([[[9.0, 1, 0], [0, 0, 0], [0, 0, 0]]]), strength=0)[0, 0].tolist()
    [0.9, 0.1, 0.0]
    """
    size = moves.shape[-1]
    stay = np.eye(size)
    pooled = moves.sum(axis=-3, keepdims=True)
    met = pooled.sum(axis=-1, keepdims=True)
    prior = np.where(met > 0, pooled / np.maximum(met, 1e-300), stay)
    own = moves.sum(axis=-1, keepdims=True)
    weight = own + strength
    rows = np.where(weight > 0, (moves + strength * prior) / np.maximum(weight, 1e-300), prior)
    rows[..., -2:, :] = stay[-2:]
    return rows


def shrunk_rewards(contributions: Array, clients: Array, strength: float = STRENGTH) -> Array:
    """Mean monthly contribution by group and state, drawn towards that of all clients; 0 once closed or defaulted, whose loss is in the contribution before."""
    pooled, met = contributions.sum(axis=-2, keepdims=True), clients.sum(axis=-2, keepdims=True)
    prior = np.where(met > 0, pooled / np.maximum(met, 1.0), 0.0)
    weight = clients + strength
    rewards = np.where(weight > 0, (contributions + strength * prior) / np.maximum(weight, 1e-300), prior)
    rewards[..., -2:] = 0.0
    return rewards


def draw_chains(observed: Observed, *, draws: int = DRAWS, strength: float = STRENGTH, seed: int = 0) -> Chain:
    """Chains of `draws` bootstrap samples of the blocks of clients; the same seed gives the same chains.

    Raises
    ------
    InputError
        When there are fewer than two blocks, for one block resampled is itself.
    """
    blocks = len(observed.moves)
    if blocks < 2:
        raise InputError(f"{blocks} block of clients", "two or more", "spread the clients over more blocks")
    weights = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), size=draws).astype(np.float64)
    moves, contributions, clients = (np.tensordot(weights, part, axes=1) for part in (observed.moves, observed.contributions, observed.clients))
    return Chain(observed.states, observed.groups, shrunk_transitions(moves, strength), shrunk_rewards(contributions, clients, strength))
