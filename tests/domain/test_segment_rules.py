"""Rules as data: how they are read, what they mean, and how they are told."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.rule_documents import document_of, parse_rule
from bankseg.domain.rule_words import words
from bankseg.domain.segment_rules import AnyOf, Every, Not, attributes_of, holds

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
        ({"attribute": "churn", "between": [0.1, 0.2]}, {"churn": 0.2}, True),
        ({"attribute": "churn", "between": [0.1, 0.2]}, {"churn": 0.21}, False),
        ({"attribute": "churn", "between": [0.1, 0.2]}, {"churn": None}, False),
        ({"attribute": "postcode", "starts_with": "75"}, {"postcode": "75012"}, True),
        ({"attribute": "postcode", "starts_with": "75"}, {"postcode": "69001"}, False),
        ({"attribute": "seen_on", "at_least": "2025-12-31"}, {"seen_on": date(2025, 12, 31)}, True),
        ({"attribute": "seen_on", "below": date(2025, 12, 31)}, {"seen_on": date(2025, 12, 31)}, False),
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
        {"attribute": "churn", "between": [0.2, 0.1]},
        {"attribute": "churn", "between": [0.2]},
        {"attribute": "churn", "between": [1, "2025-01-01"]},
        {"attribute": "seen_on", "at_least": "2025-02-30"},
        {"attribute": "seen_on", "at_least": datetime(2025, 2, 1, tzinfo=UTC)},
        {"attribute": "seen_on", "in_last_days": 0},
        {"attribute": "seen_on", "in_last_days": 1.5},
        {"attribute": "churn", "in_top_share": 1},
        {"attribute": "churn", "in_top_share": 0.1, "within": ""},
        {"attribute": "churn", "at_least": 0.1, "within": "kind"},
        {"attribute": "postcode", "starts_with": ""},
    ],
)
def test_a_rule_that_means_nothing_is_refused(document):
    with pytest.raises(ConfigurationError):
        parse_rule(document)


@pytest.mark.parametrize(
    "document",
    [
        {"all": [GOLD, {"not": LEAVING}, {"any": [{"attribute": "seen_on", "between": ["2025-01-01", "2025-01-31"]}]}]},
        {"attribute": "value", "in_top_share": 0.1, "within": "kind"},
        {"attribute": "seen_on", "in_last_days": 30},
    ],
)
def test_a_rule_is_written_as_it_was_read(document):
    assert document_of(parse_rule(document)) == document


@pytest.mark.parametrize(
    ("document", "english", "french"),
    [
        ({"attribute": "churn", "between": [0.1, 0.2]}, "churn between 0.1 and 0.2", "churn entre 0.1 et 0.2"),
        ({"attribute": "seen_on", "in_last_days": 30}, "seen on in the last 30 days", "seen on dans les 30 derniers jours"),
        ({"attribute": "value", "in_top_share": 0.1, "within": "kind"}, "value among the top 10 % within each kind", "value parmi les 10 % les plus hauts, au sein de chaque kind"),
        ({"attribute": "tier", "is_missing": True}, "tier is missing", "tier inconnu"),
        ({"attribute": "flag", "equals": False}, "flag is no", "flag : non"),
        ({"attribute": "seen_on", "at_least": "2025-12-31"}, "seen on at least 2025-12-31", "seen on d'au moins 2025-12-31"),
    ],
)  # fmt: skip
def test_each_comparison_is_told_in_both_languages(document, english, french):
    rule = parse_rule(document)

    assert (words(rule), words(rule, "fr")) == (english, french)


def test_names_come_from_whoever_knows_them():
    names = {("tier", None): "Niveau", ("tier", "gold"): "Or", ("tier", "platinum"): "Platine"}

    assert words(parse_rule(GOLD), "fr", lambda attribute, value=None: names[attribute, value]) == "Niveau : Platine ou Or"


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
