import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bankseg.domain.errors import InputError
from bankseg.economics.tier_chain import Observed, coded, draw_chains, joined, observe, shrunk_rewards, shrunk_transitions, states_of

STATES = states_of(["gold", "bronze"], ["active"])
MOVES = arrays.arrays(np.float64, (2, 4, 4), elements=st.integers(0, 1_000).map(float))


def month(before, after, contribution=(), *, group=None, block=None):
    n = len(before)
    return observe(
        coded(before, STATES), coded(after, STATES), np.array(group or [0] * n), np.array(block if block is not None else range(n)),
        np.array(contribution or [np.nan] * n, dtype=np.float64), states=STATES, groups=["individual", "company"],
    )  # fmt: skip


def test_moves_and_contributions_are_counted_by_hand():
    seen = month(
        ["gold/active", "gold/active", "bronze/active", None], ["gold/active", "closed", "defaulted", "gold/active"], [30.0, 10.0, np.nan, 99.0],
        group=[0, 0, 1, 0], block=[0, 1, 1, 0],
    )  # fmt: skip

    assert seen.moves.shape == (2, 2, 4, 4)
    assert seen.moves.sum() == 3
    assert seen.moves[0, 0, 0, 0] == seen.moves[1, 0, 0, 2] == seen.moves[1, 1, 1, 3] == 1
    assert seen.contributions[:, 0, 0].tolist() == [30, 10]
    assert seen.clients.sum() == 2


def test_two_months_add_up():
    one = month(["gold/active"] * 3, ["gold/active", "closed", "bronze/active"])

    assert np.array_equal(joined([one, one]).moves, 2 * one.moves)


def test_shrinkage_agrees_with_a_hand_count():
    # All: 20 moves from gold, 16 stay, 4 close. Group one: 10 of 10 stay; with strength 10: (10 + 10 x 0.8) / 20.
    moves = np.zeros((2, 4, 4))
    moves[0, 0, 0], moves[1, 0, 0], moves[1, 0, 2] = 10, 6, 4

    rows = shrunk_transitions(moves, strength=10)

    assert rows[0, 0].tolist() == pytest.approx([0.9, 0, 0.1, 0])
    assert rows[1, 0].tolist() == pytest.approx([0.7, 0, 0.3, 0])
    assert rows[0, 1].tolist() == [0, 1, 0, 0]  # nobody was ever seen in bronze


def test_rewards_are_drawn_towards_those_of_all_clients_and_end_with_the_relation():
    # All: 300 over 10 clients = 30; group one: 200 over 5; (200 + 5 x 30) / 10.
    rewards = shrunk_rewards(np.array([[200.0, 0, 7, 7], [100, 0, 7, 7]]), np.array([[5.0, 0, 1, 1], [5, 0, 1, 1]]), strength=5)

    assert rewards[:, 0].tolist() == [35, 25]
    assert not rewards[:, 1:].any()


@settings(deadline=None)
@given(MOVES, st.floats(0, 1_000))
def test_every_row_is_a_distribution_and_the_end_is_never_left(moves, strength):
    rows = shrunk_transitions(moves, strength)

    assert np.allclose(rows.sum(axis=-1), 1)
    assert np.all(rows >= 0)
    assert np.array_equal(rows[:, -2:], np.broadcast_to(np.eye(4)[-2:], (2, 2, 4)))


@settings(deadline=None)
@given(MOVES)
def test_a_strong_prior_makes_all_groups_alike_and_none_leaves_them_alone(moves):
    strong, free = shrunk_transitions(moves, 1e12), shrunk_transitions(moves, 0)

    assert np.allclose(strong[0], strong[1], atol=1e-6)
    own = moves[0, 0] / moves[0, 0].sum() if moves[0, 0].sum() else None
    assert own is None or np.allclose(free[0, 0], own)


def test_draws_are_repeatable_centred_on_the_counts_and_vary():
    rng = np.random.default_rng(5)
    moves = rng.poisson(40, (64, 2, 4, 4)).astype(np.float64)
    observed = Observed(STATES, ("a", "b"), moves, np.full((64, 2, 4), 300.0), np.full((64, 2, 4), 10.0))

    chain, again = draw_chains(observed, seed=3), draw_chains(observed, seed=3)

    assert np.array_equal(chain.transitions, again.transitions)
    assert chain.transitions.shape == (200, 2, 4, 4)
    assert np.allclose(chain.transitions.mean(axis=0), shrunk_transitions(moves.sum(axis=0)), atol=0.002)
    assert chain.transitions[:, 0, 0, 0].std() > 0.001
    assert np.allclose(chain.rewards[..., :2], 30)


def test_a_chain_needs_blocks_and_its_ends():
    with pytest.raises(InputError, match="two or more"):
        draw_chains(month(["gold/active"], ["closed"]))
    with pytest.raises(InputError, match="states_of"):
        observe(*(np.zeros(1, dtype=np.int64),) * 4, np.zeros(1), states=["gold", "closed", "gone"], groups=["a"])
