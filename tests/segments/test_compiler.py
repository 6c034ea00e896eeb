"""One rule, two readers: the SQL predicate and the Python reader agree on every client."""

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp, parse_one

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.segment_rules import holds, parse_rule
from bankseg.lake.analysis import Analysis
from bankseg.segments.compiler import first_match, predicate

COLUMNS = {"churn": pa.float64(), "months": pa.int64(), "tier": pa.string(), "is_high_risk": pa.bool_(), 'odd "name"': pa.string()}
ABSENT = "never_loaded"
NUMBERS = [-1.5, -1, 0, 0.05, 0.1 + 0.2, 1, 2, 3.0, 1e-7, 10**14, 12_345_678_901]
TEXTS = ["gold", "silver", "", "o'hara", 'say "no"', "100 %", "\\n", "é"]
VALUES = {
    "churn": [float(number) for number in NUMBERS],
    "months": [-3, 0, 1, 2, 3, 7, 10**14],
    "tier": TEXTS,
    "is_high_risk": [True, False],
    'odd "name"': TEXTS,
}


def random_rule(rng: random.Random, depth: int = 3) -> dict:
    if depth and rng.random() < 0.55:
        word = rng.choice(["all", "any", "not"])
        return {"not": random_rule(rng, depth - 1)} if word == "not" else {word: [random_rule(rng, depth - 1) for _ in range(rng.randint(1, 3))]}
    attribute = rng.choice([*COLUMNS, ABSENT])
    if rng.random() < 0.2:
        return {"attribute": attribute, "is_missing": rng.random() < 0.5}
    if attribute in ("churn", "months", ABSENT):
        comparison = rng.choice(["equals", "in", "at_least", "at_most", "above", "below"])
        return {"attribute": attribute, comparison: rng.sample(NUMBERS, rng.randint(1, 4)) if comparison == "in" else rng.choice(NUMBERS)}
    if attribute == "is_high_risk":
        return {"attribute": attribute, "equals": rng.random() < 0.5}
    return {"attribute": attribute, "in": rng.sample(TEXTS, rng.randint(1, 4))} if rng.random() < 0.5 else {"attribute": attribute, "equals": rng.choice(TEXTS)}


def random_client(rng: random.Random) -> dict:
    return {name: None if rng.random() < 0.2 else rng.choice(values) for name, values in VALUES.items()}


@pytest.mark.parametrize("seed", range(4))
def test_sql_and_python_agree_on_thousands_of_rules_and_clients(seed):
    rng = random.Random(seed)
    clients = [random_client(rng) for _ in range(60)]
    rules = [parse_rule(random_rule(rng)) for _ in range(250)]
    table = pa.table({name: pa.array([client[name] for client in clients], kind) for name, kind in COLUMNS.items()})
    table = table.append_column("place", pa.array(range(len(clients))))

    with Analysis(threads=1) as analysis:
        analysis.register("clients", table)
        select = exp.select(*(exp.alias_(predicate(rule, list(COLUMNS)), f"r{number}") for number, rule in enumerate(rules))).from_("clients").order_by("place")
        answers = analysis.arrow(select.sql(dialect="duckdb"))

    rows = table.to_pylist()
    for number, rule in enumerate(rules):
        assert answers.column(f"r{number}").to_pylist() == [holds(rule, client) for client in rows], rule


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_compiled_rule_is_one_expression_without_statements_or_parameters(seed):
    tree = parse_one(predicate(parse_rule(random_rule(random.Random(seed))), list(COLUMNS)).sql(dialect="duckdb"), dialect="duckdb")

    assert isinstance(tree, exp.Condition)
    assert not list(tree.find_all(exp.Select, exp.Parameter, exp.Placeholder, exp.Anonymous, exp.Command))


def test_a_rule_cannot_carry_sql():
    rule = parse_rule({"attribute": "tier", "equals": "'; DROP TABLE clients; --"})

    assert predicate(rule, ["tier"]).sql(dialect="duckdb") == "COALESCE((\"tier\" = '''; DROP TABLE clients; --'), FALSE)"


def test_the_first_rule_that_holds_wins_and_the_default_always_holds():
    gold = parse_rule({"attribute": "tier", "equals": "gold"})
    with Analysis(threads=1) as analysis:
        analysis.register("clients", pa.table({"tier": ["gold", "silver", None], "place": [0, 1, 2]}))
        case = first_match([("first", gold), ("second", gold), ("rest", None)], ["tier"])
        rows = analysis.arrow(exp.select(exp.alias_(case, "segment")).from_("clients").order_by("place").sql(dialect="duckdb"))

    assert rows.column("segment").to_pylist() == ["first", "rest", "rest"]


def test_a_default_before_the_end_is_refused():
    with pytest.raises(ConfigurationError):
        first_match([("first", None), ("rest", None)], [])
