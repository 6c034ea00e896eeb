import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.economics.clv import Clients, Outlook, clv, monthly_contribution, persistence
from bankseg.economics.tier_chain import Chain, shrunk_transitions

STATES = ("gold/active", "bronze/active", "closed", "defaulted")


def two_states(stay=0.9, reward=10.0, *, draws=1):
    """One living state that closes, as the hand counts below."""
    matrix = np.array([[stay, 1 - stay, 0], [0, 1, 0], [0, 0, 1]])
    return Chain(("all/active", "closed", "defaulted"), ("all",), np.tile(matrix, (draws, 1, 1, 1)), np.tile([reward, 0.0, 0.0], (draws, 1, 1)))


def random_chain(seed, draws=7):
    rng = np.random.default_rng(seed)
    transitions = np.stack([shrunk_transitions(rng.poisson(3, (2, 4, 4)).astype(np.float64), 5) for _ in range(draws)])
    rewards = rng.normal(20, 30, (draws, 2, 4))
    rewards[..., -2:] = 0
    return Chain(STATES, ("a", "b"), transitions, rewards)


def clients(state, churn=None, contribution=None, group=0):
    n = len(state)
    nothing = [np.nan] * n
    return Clients(
        np.array(state, dtype=np.int64),
        np.full(n, group, dtype=np.int64),
        np.array(churn or nothing, dtype=np.float64),
        np.array(contribution or nothing, dtype=np.float64),
    )


def test_the_two_state_chain_agrees_with_a_hand_count():
    # Ten a month, kept with 0.9, 0.81, 0.729: 10 (0.891089 + 0.794040 + 0.707560).
    found = clv(two_states(), clients([0]), Outlook(months=3, monthly_discount=0.01))

    assert found.median[0] == pytest.approx(23.926891, abs=1e-6)
    assert found.low[0] == found.high[0] == found.median[0]


def test_the_client_s_own_propensity_replaces_the_first_exit():
    # Ten a month, kept with 0.8, then 0.9 a month: 10 (0.792079 + 0.705813 + 0.628942).
    found = clv(two_states(), clients([0], churn=[0.2]), Outlook(months=3, monthly_discount=0.01, exit_months=1))

    assert found.median[0] == pytest.approx(21.268348, abs=1e-6)


def test_a_propensity_of_three_months_spreads_over_three_months():
    # 0.8^3 stay: 10 (0.8 + 0.64 + 0.512 + 0.512 x 0.9)
    found = clv(two_states(), clients([0], churn=[1 - 0.512]), Outlook(months=4, monthly_discount=0.0, exit_months=3))

    assert found.median[0] == pytest.approx(24.128)


def test_a_client_whose_propensity_is_the_chain_s_is_worth_what_the_chain_says():
    outlook = Outlook(months=36, exit_months=3)

    found = clv(two_states(), clients([0, 0], churn=[1 - 0.9**3, np.nan]), outlook)

    assert found.median[0] == pytest.approx(found.median[1])


def test_who_surely_leaves_is_worth_nothing_and_who_is_gone_neither():
    found = clv(two_states(), clients([0, 1, 2], churn=[1.0, np.nan, 0.5]), Outlook(months=36, exit_months=1))

    assert found.median.tolist() == [0, 0, 0]


def test_a_client_s_own_contribution_fades_towards_that_of_its_state():
    # State mean 10, own 14, half the distance left each month: 0.9 (10 + 4 x 0.5) + 0.81 (10 + 4 x 0.25).
    found = clv(two_states(), clients([0], contribution=[14.0]), Outlook(months=2, monthly_discount=0.0, persistence=0.5))

    assert found.median[0] == pytest.approx(0.9 * 12 + 0.81 * 11)


def test_an_unknown_state_has_no_value():
    assert np.isnan(clv(two_states(), clients([-1]), Outlook()).median[0])


def test_defaulting_ends_the_stream_without_a_second_loss():
    chain = Chain(("all/active", "closed", "defaulted"), ("all",), np.array([[[[0.5, 0.2, 0.3], [0, 1, 0], [0, 0, 1]]]]), np.array([[[10.0, 0, 0]]]))

    found = clv(chain, clients([0, 0], churn=[np.nan, 0.0]), Outlook(months=1, monthly_discount=0.0, exit_months=1))

    assert found.median.tolist() == pytest.approx([5, 10 * 0.5 / 0.8])  # without closing, five of eight stay and three default


def simulated(chain, state, group, churn, outlook):
    """The definition, month by month, for one client and one draw."""
    worth = []
    for transitions, rewards in zip(chain.transitions[:, group], chain.rewards[:, group], strict=True):
        at, total = np.eye(len(transitions))[state], 0.0
        for month in range(1, outlook.months + 1):
            step = transitions.copy()
            if month <= outlook.exit_months and not np.isnan(churn):
                leave = 1 - (1 - churn) ** (1 / min(outlook.exit_months, outlook.months))
                for row in range(len(step) - 2):
                    rest = step[row].copy()
                    rest[-2] = 0
                    step[row] = (1 - leave) * rest / rest.sum()
                    step[row, -2] = leave
            at = at @ step
            total += at @ rewards / (1 + outlook.monthly_discount) ** month
        worth.append(total)
    return np.quantile(worth, [0.1, 0.5, 0.9])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(1, 4), st.one_of(st.just(float("nan")), st.floats(0, 1)), st.integers(0, 3), st.integers(0, 1))
def test_the_polynomial_is_the_sum_of_the_definition(seed, months, exit_months, churn, state, group):
    chain, outlook = random_chain(seed), Outlook(months=months, exit_months=exit_months)

    found = clv(chain, clients([state], churn=[churn], group=group), outlook)

    assert [found.low[0], found.median[0], found.high[0]] == pytest.approx(list(simulated(chain, state, group, churn, outlook)), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(0, 0.9))
def test_value_scales_with_money_and_is_nothing_without(seed, factor, churn):
    chain, one = random_chain(seed), clients([0, 1], churn=[churn, float("nan")], contribution=[12.0, 7.0])
    scaled = Chain(chain.states, chain.groups, chain.transitions, chain.rewards * factor)
    nothing = Chain(chain.states, chain.groups, chain.transitions, chain.rewards * 0)
    outlook = Outlook(months=6, persistence=0.8)

    found = clv(chain, one, outlook)
    richer = clv(scaled, clients([0, 1], churn=[churn, float("nan")], contribution=[12.0 * factor, 7.0 * factor]), outlook)

    assert richer.median == pytest.approx(found.median * factor, rel=1e-6, abs=1e-9)
    assert np.all(found.low <= found.median)
    assert np.all(found.median <= found.high)
    assert clv(nothing, clients([0, 1], churn=[churn, float("nan")], contribution=[0.0, 0.0]), outlook).median.tolist() == [0, 0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_likelier_to_leave_is_never_worth_more_where_staying_pays(seed, one, other):
    chain = random_chain(seed)
    paying = Chain(chain.states, chain.groups, chain.transitions, np.abs(chain.rewards))

    found = clv(paying, clients([0, 0], churn=[min(one, other), max(one, other)]), Outlook())

    assert found.median[0] >= found.median[1] - 1e-9


def test_the_order_of_clients_does_not_matter():
    chain, rng = random_chain(1), np.random.default_rng(2)
    many = Clients(rng.integers(-1, 4, 500), rng.integers(0, 2, 500), rng.uniform(0, 1, 500), rng.normal(20, 5, 500))
    order = rng.permutation(500)
    mixed = Clients(many.state[order], many.group[order], many.churn[order], many.contribution[order])

    assert clv(chain, mixed, Outlook()).high == pytest.approx(clv(chain, many, Outlook()).high[order], nan_ok=True)


def test_persistence_agrees_with_a_hand_count():
    # Expected after a month: 9, and 0.9 of a distance. Began 0.9 x (8, -8) from 10; ended (3.6, -3.6) from 9: half of it is left.
    chain = two_states()
    seen = clients([0, 0, 0, -1], contribution=[18.0, 2.0, float("nan"), 50.0])

    assert persistence(chain, seen, np.array([12.6, 5.4, 7.0, 7.0]), 1) == pytest.approx(0.5)
    assert persistence(chain, seen, np.array([5.4, 12.6, 7.0, 7.0]), 1) == 0
    assert persistence(chain, seen, np.array([99.0, -99.0, 7.0, 7.0]), 1) == 1
    assert persistence(chain, clients([0], contribution=[10.0]), np.array([9.0]), 1) == 0
    assert persistence(chain, clients([]), np.array([]), 1) == 0


@settings(deadline=None)
@given(st.floats(0.2, 1), st.integers(1, 6))
def test_what_a_value_assumes_is_what_persistence_finds(kept, months):
    chain = two_states()
    own = np.array([4.0, 25.0, 9.0, 10.0])
    one = clients([0] * 4, contribution=own.tolist())
    ahead, behind = (clv(chain, one, Outlook(months=through, monthly_discount=0.0, persistence=kept)).median for through in (months, months - 1))

    assert persistence(chain, one, ahead - behind, months) == pytest.approx(kept, rel=1e-6)


def test_a_new_client_s_contribution_is_of_the_months_it_was_there():
    # 1,200 over 12, 6, and at least 3 months.
    found = monthly_contribution(np.array([1200.0, 1200.0, 1200.0, 1200.0, np.nan]), np.array([9_999.0, 182.625, 1.0, np.nan, 400.0]))

    assert found[:4].tolist() == pytest.approx([100, 200, 400, 100])
    assert np.isnan(found[4])
