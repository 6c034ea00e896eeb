import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

from bankseg.domain.errors import InputError, MissingDataError
from bankseg.domain.rule_documents import parse_rule
from bankseg.domain.segment_rules import holds
from bankseg.segments.cluster_rule import Fidelity, fidelity, rule_of
from bankseg.segments.holdout import held_out
from bankseg.segments.membership import first_of, membership
from bankseg.segments.rule_tree import branches, design, documents_covering, leaf_documents, shortest_between
from bankseg.segments.tree import as_json, propose
from tests.segments.people import EVERY, planted


def parsed(documents):
    return [parse_rule(json.loads(json.dumps(document))) for document in documents]


def random_table(seed, n=160):
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "client_id": [f"C{number}" for number in range(n)],
            "amount_minor": pa.array(rng.integers(-(10**9), 10**9, n), mask=rng.random(n) < 0.2),
            "ratio": pa.array(rng.normal(0, 1, n).round(2), mask=rng.random(n) < 0.1),
            "count": pa.array(rng.integers(0, 4, n)),
            "kind": pa.array(rng.choice(["individual", "company", "o'hara"], n), mask=rng.random(n) < 0.2),
            "flag": pa.array(rng.random(n) < 0.4, mask=rng.random(n) < 0.2),
        }
    ), rng


NAMES = ("amount_minor", "ratio", "count", "kind", "flag")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_the_rules_of_a_tree_part_clients_exactly_as_the_tree_does(seed):
    table, rng = random_table(seed)
    asked = design(table, NAMES)
    tree = DecisionTreeClassifier(max_leaf_nodes=9, random_state=0).fit(asked.matrix, rng.integers(0, 2, table.num_rows))
    leaves = tree.apply(asked.matrix)

    members = membership(table, parsed(leaf_documents(tree, asked)))
    by_rule, by_tree = members.argmax(axis=1), np.unique(leaves, return_inverse=True)[1]

    assert members.sum(axis=1).tolist() == [1] * table.num_rows
    assert len({*zip(by_rule.tolist(), by_tree.tolist(), strict=True)}) == len(np.unique(leaves))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_leaves_told_as_one_hold_for_the_same_clients(seed, data):
    table, rng = random_table(seed)
    asked = design(table, NAMES)
    tree = DecisionTreeClassifier(max_leaf_nodes=8, random_state=0).fit(asked.matrix, rng.integers(0, 2, table.num_rows))
    leaves = tree.apply(asked.matrix)
    chosen = data.draw(st.sets(st.sampled_from(sorted(set(leaves.tolist()))), min_size=1, max_size=len(set(leaves.tolist())) - 1))

    members = membership(table, parsed(documents_covering(tree, asked, chosen)))

    assert members.any(axis=1).tolist() == np.isin(leaves, list(chosen)).tolist()


def test_the_python_reader_agrees_with_the_compiled_rules():
    table, rng = random_table(4)
    asked = design(table, NAMES)
    rules = parsed(leaf_documents(DecisionTreeClassifier(max_leaf_nodes=9, random_state=0).fit(asked.matrix, rng.integers(0, 2, 160)), asked))

    assert [[holds(rule, row) for rule in rules] for row in table.to_pylist()] == membership(table, rules).tolist()


def test_a_split_on_missing_alone_is_a_rule():
    table = pa.table({"x": pa.array([1.0, 2.0, None, None] * 5)})
    asked = design(table, ["x"])
    tree = DecisionTreeClassifier(random_state=0).fit(asked.matrix, np.array([0, 0, 1, 1] * 5))

    assert sorted(leaf_documents(tree, asked), key=str) == [{"attribute": "x", "is_missing": False}, {"attribute": "x", "is_missing": True}]


def test_a_tree_that_asks_nothing_has_no_rules():
    asked = design(pa.table({"x": [1.0, 2.0]}), ["x"])

    assert leaf_documents(DecisionTreeClassifier().fit(asked.matrix, [1, 1]), asked) == []


@settings(deadline=None)
@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15))
def test_the_shortest_threshold_lies_between(one, other):
    low, high = sorted((one, other))
    if low < high:
        assert low <= shortest_between(low, high) < high


@pytest.mark.parametrize(
    ("low", "high", "cut"), [(1_234_567, 1_299_999, 1_240_000), (0.123, 0.19, 0.13), (-7.5, -6.2, -7), (99, 101, 100), (5, 6, 5), (-2, 9, 0)]
)
def test_the_shortest_threshold_reads_well(low, high, cut):
    found = shortest_between(low, high)

    assert found == cut
    assert isinstance(found, int) == float(cut).is_integer()


def test_clients_kept_aside_are_the_same_every_time_and_about_their_share():
    clients = [f"C{number}" for number in range(4_000)]

    aside = held_out(clients)

    assert np.array_equal(aside, held_out(clients))
    assert aside.mean() == pytest.approx(0.3, abs=0.03)
    assert not np.array_equal(aside, held_out(clients, salt="other"))
    assert held_out(clients, 0.0).sum() == 0
    assert held_out(clients, 1.0).all()


def test_the_first_rule_that_holds_names_the_segment():
    table = pa.table({"x": [1, 5, None]})
    rules = [("high", parse_rule({"attribute": "x", "above": 3})), ("known", parse_rule({"attribute": "x", "is_missing": False})), ("rest", None)]

    assert first_of(table, rules) == ["known", "high", "rest"]
    assert membership(table, []).shape == (3, 0)


def test_a_tree_on_a_goal_finds_what_was_planted_and_proves_it_on_others():
    table, group = planted()
    goal = (np.random.default_rng(8).random(1_500) < np.array([0.05, 0.1, 0.6])[group]).astype(np.float64)
    goal[:20] = np.nan

    found = propose(table, goal, EVERY, least_clients=150)
    top = found.leaves[0]

    assert found.n_grown + found.n_held == 1_480
    assert top.holds_up
    assert top.held.low > 0.4
    assert found.explained > 0.15
    assert sum(leaf.clients for leaf in found.leaves) == 1_500
    assert json.loads(json.dumps(as_json(found)))["leaves"][0]["rule"] == top.rule
    assert as_json(propose(table, goal, EVERY[::-1], least_clients=150)) == as_json(found)


def test_a_tree_on_an_amount_orders_leaves_by_it_and_its_means_are_counted_by_hand():
    table, group = planted(900)
    goal = np.array([100.0, 10.0, 0.0])[group]
    aside = held_out(table.column("client_id").to_pylist())

    found = propose(table, goal, EVERY, least_clients=60)
    inside = membership(table, parsed([found.leaves[0].rule]))[:, 0]

    assert [leaf.grown.value for leaf in found.leaves] == sorted((leaf.grown.value for leaf in found.leaves), reverse=True)
    assert found.leaves[0].grown.value == pytest.approx(goal[inside & ~aside].mean())
    assert found.leaves[0].held.value == pytest.approx(goal[inside & aside].mean())
    assert found.explained > 0.9


def test_a_goal_of_pure_chance_explains_nothing_out_of_sample():
    table, _ = planted(2_000)

    found = propose(table, np.random.default_rng(5).normal(0, 1, 2_000), ["noise", "housing_type"], least_clients=200)

    assert found.explained < 0.01
    assert not any(leaf.holds_up for leaf in found.leaves)


def test_goals_that_cannot_part_anyone_are_refused():
    table, _ = planted(200)

    with pytest.raises(InputError, match="smaller leaves"):
        propose(table, np.ones(200), EVERY, least_clients=20)
    with pytest.raises(InputError, match="smaller leaves"):
        propose(table, np.arange(200.0), EVERY)
    with pytest.raises(MissingDataError, match="latest_nps"):
        propose(table, np.arange(200.0), ["latest_nps"], least_clients=20)
    with pytest.raises(InputError, match="no question"):
        propose(table.append_column("same", pa.array([1] * 200)), np.arange(200.0), ["same"], least_clients=20)


def test_a_cluster_becomes_a_rule_that_finds_it_again():
    table, group = planted()

    found = rule_of(table, group == 2, EVERY)

    assert found.fidelity.precision > 0.9
    assert found.fidelity.recall > 0.9
    assert found.fidelity.n == held_out(table.column("client_id").to_pylist()).sum()
    assert membership(table, parsed([found.rule]))[:, 0].sum() == pytest.approx((group == 2).sum(), rel=0.1)


def test_fidelity_agrees_with_a_hand_count():
    # Found 3, members 4, both 2, of 10: agree on 2 + 5.
    found = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    members = np.array([1, 1, 0, 1, 1, 0, 0, 0, 0, 0], dtype=bool)

    assert fidelity(found, members) == Fidelity(2 / 3, 0.5, 0.7, 10)
    assert np.isnan(fidelity(~found & found, members).precision)


def test_a_group_of_everyone_has_no_rule():
    table, _ = planted(100)

    with pytest.raises(InputError, match="another group"):
        rule_of(table, np.ones(100, dtype=bool), EVERY)


def test_the_questions_of_a_tree_lead_every_client_to_the_leaf_whose_rule_holds():
    table, rng = random_table(11)
    asked = design(table, NAMES)
    tree = DecisionTreeClassifier(max_leaf_nodes=9, random_state=0).fit(asked.matrix, rng.integers(0, 2, table.num_rows))
    members = membership(table, parsed(leaf_documents(tree, asked)))

    def led(branch, row):
        while "leaf" not in branch:
            value = row[branch["attribute"]]
            if "level" in branch:
                said = (value is None) if branch["level"] == "unknown" else value == branch["level"]
            elif value is None:
                return None  # where missing goes is told by the rule alone
            else:
                said = branch["cut"] is None or value <= branch["cut"]
            branch = branch["yes" if said else "no"]
        return branch["leaf"]

    questions = branches(tree, asked)
    places = [(led(questions, row), members[number].argmax()) for number, row in enumerate(table.to_pylist())]
    assert sum(place is not None for place, _ in places) > 100
    assert all(place is None or place == rule for place, rule in places)
