"""Purposes: no propensity in a rule about credit, no attribute of the person in a model about credit."""

from dataclasses import dataclass

import pytest

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.policy import load_policy
from bankseg.domain.purposes import PROPENSITY_OUTPUTS, is_propensity_output, refuse_personal, refuse_propensities
from bankseg.domain.rule_documents import parse_rule
from bankseg.segments.assign import _triggers


@dataclass
class Attribute:
    name: str
    family: str = "activity"
    is_protected: bool = False


@pytest.mark.parametrize(
    "attribute", ["churn", "churn_band", "p:hard_exit", "p:cross_sell:mortgage", "shadow:dormancy:0123", "expected_loss_minor", "best_product"]
)
def test_a_rule_about_credit_never_reads_a_propensity(attribute):
    rule = parse_rule({"any": [{"attribute": "days_past_due", "at_least": 5}, {"not": {"all": [{"attribute": attribute, "is_missing": False}]}}]})

    with pytest.raises(ConfigurationError, match=attribute.split(":")[0]):
        refuse_propensities(rule, "rule R1")


def test_what_the_bank_knows_of_the_credit_itself_may_be_read():
    refuse_propensities(parse_rule({"attribute": "days_past_due", "above": 30}), "rule R1")
    refuse_propensities(None, "rule R1")

    assert not any(is_propensity_output(name) for name in ("days_past_due", "credit_score", "rejected_debits_30d", "risk_band", "tier"))


def test_the_default_policy_keeps_them_apart():
    for trigger in load_policy().triggers():
        for rule in (trigger.amber, trigger.red):
            refuse_propensities(rule, trigger.code)


@pytest.mark.parametrize(
    "text",
    [
        '[[risk.trigger]]\ncode = "R1"\nfamily = "arrears"\nevidence = "churn"\namber = { attribute = "churn", above = 0.5 }\n',
        (
            '[[scheme.segment]]\ncode = "risk_review"\nlabel_en = "R"\nlabel_fr = "R"\naction = "review"\nowner = "risk"\nwhen = { attribute = "churn_band", in = ["high"] }\n'
            '[[scheme.segment]]\ncode = "rest"\nlabel_en = "R"\nlabel_fr = "R"\naction = "maintain"\nowner = "relationship"\n'
        ),
    ],
)
def test_a_policy_that_mixes_them_is_refused(tmp_path, text):
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match="for credit review and reads churn"):
        load_policy(path)


def test_rules_that_reach_the_compiler_by_another_way_are_refused_there_too(monkeypatch):
    class Known:
        @staticmethod
        def columns(_name):
            return ["churn"]

    class Trigger:
        code, family, evidence, amber, red = "R1", "arrears", "churn", parse_rule({"attribute": "churn", "above": 0.5}), None

    class Loose:
        @staticmethod
        def triggers():
            return (Trigger,)

    with pytest.raises(ConfigurationError, match="early-warning rule R1"):
        _triggers(Known, Loose, ["churn"])


@pytest.mark.parametrize("attribute", [Attribute("sex", is_protected=True), Attribute("age_years", "life_stage"), Attribute("attr_faith", "religion")])
def test_a_model_for_credit_review_reads_nothing_about_the_person(attribute):
    with pytest.raises(ConfigurationError, match=attribute.name):
        refuse_personal(("credit_review",), [Attribute("recency_days"), attribute])
    refuse_personal(("credit_review",), [Attribute("recency_days")])


def test_the_family_of_age_is_allowed_with_care_for_other_purposes():
    refuse_personal(("retention",), [Attribute("age_years", "life_stage")])


def test_every_column_that_is_made_of_a_propensity_is_known():
    assert {"churn", "churn_band", "best_product", "best_propensity", "expected_loss_minor", "propensities"} <= PROPENSITY_OUTPUTS
