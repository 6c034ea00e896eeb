"""One rule, two readers: the SQL predicate and the Python reader agree on every client."""

import random
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp, parse_one

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.rule_documents import parse_rule
from bankseg.domain.segment_rules import AnyOf, Every, holds
from bankseg.domain.settled_rules import settle
from bankseg.lake.analysis import Analysis
from bankseg.segments.compiler import first_match, predicate
from bankseg.segments.cut_points import cuts_of

COLUMNS = {
    "churn": pa.float64(), "months": pa.int64(), "tier": pa.string(), "is_high_risk": pa.bool_(), "seen_on": pa.date32(), 'odd "name"': pa.string(),
}  # fmt: skip
AS_OF = date(2025, 3, 1)
ABSENT = "never_loaded"
NUMBERS = [-1.5, -1, 0, 0.05, 0.1 + 0.2, 1, 2, 3.0, 1e-7, 10**14, 12_345_678_901]
TEXTS = ["gold", "silver", "", "o'hara", 'say "no"', "100 %", "\\n", "é"]
VALUES = {
    "churn": [float(number) for number in NUMBERS],
    "months": [-3, 0, 1, 2, 3, 7, 10**14],
    "tier": TEXTS,
    "is_high_risk": [True, False],
    "seen_on": [AS_OF - timedelta(days=days) for days in (-1, 0, 1, 27, 28, 29, 30, 364, 365, 366, 4_000)],
    'odd "name"': TEXTS,
}


def random_rule(rng: random.Random, depth: int = 3) -> dict:
    if depth and rng.random() < 0.55:
        word = rng.choice(["all", "any", "not"])
        return {"not": random_rule(rng, depth - 1)} if word == "not" else {word: [random_rule(rng, depth - 1) for _ in range(rng.randint(1, 3))]}
    attribute = rng.choice([*COLUMNS, ABSENT])
    if rng.random() < 0.2:
        return {"attribute": attribute, "is_missing": rng.random() < 0.5}
    return {"attribute": attribute} | RANDOM[attribute](rng)


def random_text_comparison(rng: random.Random) -> dict:
    match rng.choice(["in", "equals", "starts_with"]):
        case "in":
            return {"in": rng.sample(TEXTS, rng.randint(1, 4))}
        case "starts_with":
            return {"starts_with": rng.choice([text for text in TEXTS if text])[: rng.randint(1, 4)]}
    return {"equals": rng.choice(TEXTS)}


def random_comparison(rng: random.Random) -> dict:
    comparison = rng.choice(["equals", "in", "at_least", "at_most", "above", "below", "between", "in_top_share", "in_bottom_share"])
    match comparison:
        case "in":
            return {"in": rng.sample(NUMBERS, rng.randint(1, 4))}
        case "between":
            return {"between": sorted(rng.sample(NUMBERS, 2))}
        case "in_top_share" | "in_bottom_share":
            return {comparison: rng.choice([0.001, 0.1, 0.5, 0.9])} | ({"within": "tier"} if rng.random() < 0.5 else {})
    return {comparison: rng.choice(NUMBERS)}


def random_date_comparison(rng: random.Random) -> dict:
    comparison = rng.choice(["equals", "at_least", "at_most", "above", "below", "between", "in_last_days"])
    day = rng.choice(VALUES["seen_on"])
    match comparison:
        case "in_last_days":
            return {comparison: rng.choice([1, 28, 30, 365])}
        case "between":
            return {comparison: [day.isoformat(), (day + timedelta(days=rng.choice([0, 3]))).isoformat()]}
        case "equals":
            return {comparison: day}
    return {comparison: rng.choice([day, day.isoformat()])}


RANDOM = {
    "churn": random_comparison, "months": random_comparison, ABSENT: random_comparison, "seen_on": random_date_comparison,
    "tier": random_text_comparison, 'odd "name"': random_text_comparison, "is_high_risk": lambda rng: {"equals": rng.random() < 0.5},
}  # fmt: skip


def settled(rule, analysis):
    return settle(rule, AS_OF, lambda share: cuts_of(analysis, "clients", share, list(COLUMNS)))


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
        rules = [settled(rule, analysis) for rule in rules]
        select = exp.select(*(exp.alias_(predicate(rule, list(COLUMNS)), f"r{number}") for number, rule in enumerate(rules))).from_("clients").order_by("place")
        answers = analysis.arrow(select.sql(dialect="duckdb"))

    rows = table.to_pylist()
    for number, rule in enumerate(rules):
        assert answers.column(f"r{number}").to_pylist() == [holds(rule, client) for client in rows], rule


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_compiled_rule_is_one_expression_without_statements_or_parameters(seed):
    rule = settle(parse_rule(random_rule(random.Random(seed))), AS_OF, lambda share: {"gold": 0.5, None: 2} if share.within else {None: 1e-3})
    tree = parse_one(predicate(rule, list(COLUMNS)).sql(dialect="duckdb"), dialect="duckdb")

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


def test_a_share_takes_those_at_the_cut_and_more_and_no_one_whose_value_is_unknown():
    table = pa.table({"kind": ["i"] * 6 + ["c"] * 3 + [None], "value": pa.array([10, 20, 30, 40, 40, None, 5, 6, None, 99], pa.int64())})

    def inside(document):
        with Analysis(threads=1) as analysis:
            analysis.register("clients", table)
            rule = settle(parse_rule(document), AS_OF, lambda share: cuts_of(analysis, "clients", share, table.column_names))
            return [
                row["value"]
                for row in analysis.arrow(exp.select("value").from_("clients").where(predicate(rule, table.column_names)).sql("duckdb")).to_pylist()
            ]

    assert inside({"attribute": "value", "in_top_share": 0.25}) == [40, 40, 99]
    assert inside({"attribute": "value", "in_bottom_share": 0.25}) == [5, 6]
    assert inside({"attribute": "value", "in_top_share": 0.2, "within": "kind"}) == [40, 40, 6]
    assert inside({"attribute": "never_loaded", "in_top_share": 0.2}) == []


def test_a_relative_comparison_is_settled_before_any_reader_sees_it():
    rule = parse_rule({"attribute": "seen_on", "in_last_days": 7})

    with pytest.raises(ConfigurationError, match="settled"):
        predicate(rule, ["seen_on"])
    with pytest.raises(ConfigurationError, match="settled"):
        holds(rule, {"seen_on": None})


def test_a_rule_without_parts_is_everybody_or_nobody_in_both_readers():
    for rule, expected in ((Every(()), True), (AnyOf(()), False)):
        assert holds(rule, {}) is expected
        assert predicate(rule, []).sql("duckdb") == str(expected).upper()
