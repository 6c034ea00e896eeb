"""Which churn propensity is shown on lists."""

from types import SimpleNamespace

from bankseg.domain.policy import load_policy
from bankseg.services.score import headline_target

BANK = SimpleNamespace(policy=load_policy())


def test_the_headline_is_the_first_churn_sense_with_a_model_else_the_banks_own_label():
    assert headline_target(BANK, ["dormancy", "primary_loss"]) == "primary_loss"
    assert headline_target(BANK, ["cross_sell:savings", "label:exited"]) == "label:exited"
    assert headline_target(BANK, []) is None
