from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.errors import ConfigurationError, InputError
from bankseg.economics.adviser_assignment import Adviser, Move, Served, Weights, cost, propose

CODES = st.frozensets(st.sampled_from(["business", "care", "wealth"]))
WEIGHTS = st.builds(Weights, unmet=st.integers(0, 12), moved=st.integers(1, 12), overload=st.integers(0, 12))


@st.composite
def branches(draw, advisers=3, clients=5, *, nobody=True):
    staff = [Adviser(f"a{n}", "paris", draw(CODES), draw(st.integers(0, 3))) for n in range(draw(st.integers(1, advisers)))]
    served_by = st.sampled_from([adviser.rm_id for adviser in staff] + [None, "gone"] * nobody)
    count = draw(st.integers(0, clients))
    return staff, [Served(f"c{n:02}", "paris", draw(served_by), draw(CODES), draw(st.integers(0, 3))) for n in range(count)]


def best_by_trying_all(staff, clients, weights):
    known = {adviser.rm_id for adviser in staff}
    costs = []
    for chosen in product(sorted(known), repeat=len(clients)):
        moves = [Move(client.client_id, None, to) for client, to in zip(clients, chosen, strict=True) if to != client.rm_id]
        costs.append(cost(staff, clients, weights, moves))
    return min(costs)


@settings(deadline=None, max_examples=150)
@given(branches(), WEIGHTS)
def test_no_other_assignment_costs_less(branch, weights):
    staff, clients = branch
    (found,) = propose(staff, clients, weights).branches

    assert cost(staff, clients, weights, found.moves) == best_by_trying_all(staff, clients, weights)


@settings(deadline=None, max_examples=60)
@given(branches(advisers=6, clients=40, nobody=False), WEIGHTS)
def test_never_worse_than_leaving_everybody_where_they_are(branch, weights):
    staff, clients = branch
    (found,) = propose(staff, clients, weights).branches

    assert cost(staff, clients, weights, found.moves) <= cost(staff, clients, weights)
    assert all(move.from_rm_id != move.to_rm_id for move in found.moves)


@settings(deadline=None, max_examples=60)
@given(branches(advisers=6, clients=40), WEIGHTS, st.randoms())
def test_loads_add_up_and_the_order_of_the_input_changes_nothing(branch, weights, order):
    staff, clients = branch
    (found,) = propose(staff, clients, weights).branches
    shuffled = [order.sample(rows, len(rows)) for rows in (staff, clients)]

    assert sum(found.after.values()) == len(clients)
    assert sum(found.before.values()) == sum(client.rm_id in found.before for client in clients)
    assert len({move.client_id for move in found.moves}) == len(found.moves)
    assert propose(*shuffled, weights).branches == (found,)


def test_whom_the_bank_expects_to_lose_least_on_moves_first_then_by_number():
    staff = [Adviser("anna", "paris", frozenset(), 1), Adviser("bo", "paris", frozenset(), 9)]
    clients = [
        Served("c1", "paris", "anna", frozenset(), 500),
        Served("c3", "paris", "anna", frozenset(), 100),
        Served("c2", "paris", "anna", frozenset(), 100),
    ]

    (found,) = propose(staff, clients, Weights(overload=20, moved=5)).branches

    assert [move.client_id for move in found.moves] == ["c2", "c3"]
    assert (found.before, found.after) == ({"anna": 3, "bo": 0}, {"anna": 1, "bo": 2})


def test_a_branch_short_of_capacity_says_by_how_many_clients():
    clients = [Served(f"c{n}", "paris", "anna", frozenset()) for n in range(5)]

    (found,) = propose([Adviser("anna", "paris", frozenset(), 3)], clients, Weights()).branches

    assert (found.shortage, found.moves, found.after) == (2, (), {"anna": 5})


def test_nobody_is_moved_to_another_branch_and_a_branch_without_advisers_is_counted():
    staff = [Adviser("anna", "paris", frozenset({"wealth"}), 9)]
    clients = [Served("c1", "lyon", "zoe", frozenset({"wealth"})), Served("c2", "paris", "zoe", frozenset())]

    found = propose(staff, clients, Weights())

    assert found.unserved == {"lyon": 1}
    assert found.branches[0].moves == (Move("c2", None, "anna"),)


@pytest.mark.parametrize("staff", [[("anna", 1), ("anna", 2)], [("anna", -1)]])
def test_an_adviser_named_twice_or_below_no_capacity_is_refused(staff):
    with pytest.raises(InputError, match="anna"):
        propose([Adviser(name, "paris", frozenset(), capacity) for name, capacity in staff], [], Weights())


def test_a_move_that_costs_nothing_is_refused():
    with pytest.raises(ConfigurationError, match="1 or more for a move"):
        Weights(moved=0)
