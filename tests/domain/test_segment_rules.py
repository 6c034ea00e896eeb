"""Rules as data: how they are read, what they mean, and how they are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.segment_rules import AnyOf, Every, Not, attributes_of, holds, parse_rule, words

GOLD = {"attribute": "tier", "in": ["platinum", "gold"]}
LEAVING = {"attribute": "churn", "at_least": 0.2}


@pytest.mark.parametrize(
    ("rule", "client", "expected"),
    [
        (LEAVING, {"churn": 0.2}, True),
        (LEAVING, {"churn": 0.19}, False),
        (LEAVING, {"churn": None}, False),
        (LEAVING, {}, False),
        ({"attribute": "churn", "above": 0.2}, {"churn": 0.2}, False),
        ({"attribute": "churn", "at_most": 0.2}, {"churn": 0.2}, True),
        ({"attribute": "churn", "below": 0.2}, {"churn": 0.2}, False),
        (GOLD, {"tier": "gold"}, True),
        (GOLD, {"tier": "silver"}, False),
        ({"attribute": "flag", "equals": True}, {"flag": True}, True),
        ({"attribute": "flag", "equals": False}, {"flag": None}, False),
        ({"attribute": "tier", "is_missing": True}, {"tier": None}, True),
        ({"attribute": "tier", "is_missing": True}, {}, True),
        ({"attribute": "tier", "is_missing": False}, {"tier": "gold"}, True),
        ({"not": LEAVING}, {"churn": None}, True),
        ({"all": [GOLD, LEAVING]}, {"tier": "gold", "churn": 0.5}, True),
        ({"all": [GOLD, LEAVING]}, {"tier": "gold"}, False),
        ({"any": [GOLD, LEAVING]}, {"churn": 0.5}, True),
        ({"any": [GOLD, LEAVING]}, {}, False),
    ],
)
def test_what_a_rule_means(rule, client, expected):
    assert holds(parse_rule(rule), client) is expected


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"all": []},
        {"any": "tier"},
        {"all": [GOLD], "any": [GOLD]},
        {"attribute": "tier"},
        {"in": ["gold"]},
        {"attribute": "tier", "in": []},
        {"attribute": "tier", "in": "gold"},
        {"attribute": "tier", "equals": "gold", "above": 2},
        {"attribute": "tier", "equals": "gold", "note": "why"},
        {"attribute": "tier", "is_missing": "yes"},
        {"not": {}},
        {"not": "tier"},
        {"all": ["tier"]},
        "tier",
        {"attribute": "churn", "at_least": True},
        {"attribute": "churn", "at_least": [1]},
        {"attribute": "churn", "at_least": float("nan")},
        {"attribute": "churn", "below": float("inf")},
        {"attribute": "churn", "below": 2**53 + 1},
        {"attribute": "tier", "equals": ["gold"]},
        {"attribute": "tier", "in": ["gold", 1]},
        {"attribute": 5, "equals": 1},
        {"attribute": "", "equals": 1},
    ],
)
def test_a_rule_that_means_nothing_is_refused(document):
    with pytest.raises(ConfigurationError):
        parse_rule(document)


def test_words_keep_the_grouping():
    rule = parse_rule({"any": [LEAVING, {"all": [GOLD, {"not": {"attribute": "is_high_risk", "equals": True}}]}]})

    assert words(rule) == "churn at least 0.2 or (tier is platinum or gold and not (is high risk is yes))"
    assert words(None) == "no other rule holds"
    assert attributes_of(rule) == {"churn", "tier", "is_high_risk"}


CLIENTS = st.fixed_dictionaries({}, optional={"churn": st.none() | st.floats(0, 1), "tier": st.none() | st.sampled_from(["gold", "silver"])})


@given(client=CLIENTS)
def test_a_rule_and_its_negation_never_agree_and_de_morgan_holds(client):
    gold, leaving = parse_rule(GOLD), parse_rule(LEAVING)

    assert holds(gold, client) is not holds(Not(gold), client)
    assert holds(Not(Every((gold, leaving))), client) is holds(AnyOf((Not(gold), Not(leaving))), client)
