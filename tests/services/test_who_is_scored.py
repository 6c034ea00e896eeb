"""Which churn propensity is shown on lists."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from bankseg.domain.policy import load_policy
from bankseg.lake.declarations import Declarations
from bankseg.services.declared_outcomes import as_sales
from bankseg.services.score import headline_target

OUTCOMES = (
    {"name": "subscribed", "meaning": "sale", "product": "term_deposit"}, {"name": "visit", "meaning": "other", "product": None},
    {"name": "exited", "meaning": "loss", "product": None},
)  # fmt: skip
BANK = SimpleNamespace(policy=load_policy(), declarations=Declarations(outcomes=OUTCOMES))


def test_the_headline_is_the_first_churn_sense_with_a_model_else_the_banks_own_label():
    assert headline_target(BANK, ["dormancy", "primary_loss"]) == "primary_loss"
    assert headline_target(BANK, ["cross_sell:savings", "label:subscribed", "label:visit", "label:exited"]) == "label:exited"
    assert headline_target(BANK, ["label:subscribed", "label:visit"]) is None
    assert headline_target(BANK, []) is None


def test_a_declared_sale_serves_as_the_products_propensity_for_those_who_do_not_hold_it():
    table = pa.table({"holds_term_deposit": [0, 1, None]})
    found = as_sales(BANK.declarations, table, {"label:subscribed": np.array([0.1, 0.2, 0.3]), "label:visit": np.zeros(3)})

    assert list(found) == ["cross_sell:term_deposit"]
    assert np.array_equal(found["cross_sell:term_deposit"], [0.1, np.nan, 0.3], equal_nan=True)
    assert as_sales(BANK.declarations, pa.table({"client_id": ["a", "b", "c"]}), {"label:subscribed": np.ones(3)})["cross_sell:term_deposit"].tolist() == [
        1,
        1,
        1,
    ]
