"""The attribute catalogue: what a rule may read, for which purpose, and what is refused in words."""

from dataclasses import replace

import pytest

from bankseg.domain.errors import InputError
from bankseg.domain.extracts import EXTRACT_BY_NAME
from bankseg.domain.rule_documents import parse_rule
from bankseg.features.catalogue import catalogue
from bankseg.segments.attributes import attribute_catalogue, check_rule, may_serve

FEATURES = catalogue(frozenset(EXTRACT_BY_NAME), ["savings"])
ATTRIBUTES = attribute_catalogue(FEATURES, ["hard_exit", "cross_sell:savings"], {"tier": 1.0, "churn": 0.8, "sex": 0.9})


def test_every_feature_propensity_and_derived_attribute_stands_once_with_both_names():
    assert {feature.name for feature in FEATURES} | {"p:hard_exit", "p:cross_sell:savings", "tier", "days_to_birthday"} <= set(ATTRIBUTES)
    assert all(entry.label_en and entry.label_fr and entry.purposes and entry.source for entry in ATTRIBUTES.values())
    assert (ATTRIBUTES["tier"].state, ATTRIBUTES["churn"].coverage, ATTRIBUTES["city"].state) == ("available", 0.8, "no data")


@pytest.mark.parametrize("name", ["sex", "marital_status", "country"])
def test_a_protected_attribute_describes_and_nothing_else(name):
    assert [may_serve(ATTRIBUTES[name], purpose) for purpose in ("describe", "marketing", "retention", "credit_review")] == [True, False, False, False]


def test_a_propensity_never_serves_a_credit_purpose_and_credit_facts_never_serve_marketing():
    assert not any(may_serve(ATTRIBUTES[name], "credit_review") for name in ("p:hard_exit", "churn", "churn_band", "best_product"))
    assert not any(may_serve(ATTRIBUTES[name], "marketing") for name in ("credit_score", "days_past_due", "risk_band", "rejected_debits_30d", "is_high_risk"))
    assert may_serve(ATTRIBUTES["days_past_due"], "credit_review")


def test_a_protected_feature_of_the_bank_itself_describes_only():
    own = replace(FEATURES[0], name="attr_faith", is_protected=True)

    assert attribute_catalogue([own], [], {})["attr_faith"].purposes == ("describe",)


@pytest.mark.parametrize(
    "document",
    [
        {"attribute": "tier", "equals": "gold"},
        {"attribute": "churn", "in_top_share": 0.1, "within": "kind"},
        {"attribute": "joined_on", "in_last_days": 30},
        {"attribute": "joined_on", "below": "2020-01-01"},
        {"attribute": "city", "starts_with": "Val"},
        {"attribute": "city", "is_missing": True},
    ],
)
def test_a_rule_that_fits_its_attributes_passes(document):
    check_rule(parse_rule(document), ATTRIBUTES, "marketing")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"attribute": "moon_phase", "equals": "full"}, "moon_phase"),
        ({"attribute": "churn", "in_top_share": 0.1, "within": "moon_phase"}, "moon_phase"),
        ({"attribute": "sex", "equals": "female"}, "protected"),
        ({"attribute": "credit_score", "below": 500}, "credit_review"),
        ({"attribute": "tier", "above": 3}, "category"),
        ({"attribute": "tier", "equals": 3}, "category"),
        ({"attribute": "churn", "equals": "high"}, "number"),
        ({"attribute": "churn", "equals": True}, "number"),
        ({"attribute": "churn", "starts_with": "0"}, "number"),
        ({"attribute": "churn", "in_last_days": 3}, "number"),
        ({"attribute": "joined_on", "above": 3}, "date"),
        ({"attribute": "churn", "above": "2025-01-01"}, "number"),
        ({"attribute": "joined_on", "in_top_share": 0.1}, "date"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused_and_named(document, told):
    with pytest.raises(InputError, match=told):
        check_rule(parse_rule(document), ATTRIBUTES, "marketing")
