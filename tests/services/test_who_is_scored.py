"""Who may be given a propensity, and which product is proposed."""

from types import SimpleNamespace

import numpy as np

from bankseg.domain.policy import load_policy
from bankseg.services.score import best_products, headline_target

BANK = SimpleNamespace(policy=load_policy())


def test_the_product_of_the_largest_expected_margin_is_proposed_when_it_is_likelier_than_usual():
    models = {f"cross_sell:{product}": SimpleNamespace(card={"base_rate": 0.05}) for product in ("savings", "mortgage")}
    nan = float("nan")
    propensities = {"cross_sell:savings": np.array([0.50, 0.04, 0.60, nan, 0.05]), "cross_sell:mortgage": np.array([0.04, 0.04, 0.07, nan, nan])}

    # Margins of the policy: savings 60, mortgage 600. A mortgage below its base rate is not proposed, however dear.
    assert best_products(BANK, models, propensities, 5) == [
        ("savings", 0.5, 3_000),
        (None, None, None),
        ("mortgage", 0.07, 4_200),
        (None, None, None),
        ("savings", 0.05, 300),
    ]
    assert best_products(BANK, {}, {}, 2) == [(None, None, None)] * 2


def test_the_headline_is_the_first_churn_sense_with_a_model_else_the_banks_own_label():
    assert headline_target(BANK, ["dormancy", "primary_loss"]) == "primary_loss"
    assert headline_target(BANK, ["cross_sell:savings", "label:exited"]) == "label:exited"
    assert headline_target(BANK, []) is None
