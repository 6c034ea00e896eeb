"""Who may be given a propensity, and which product is proposed."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from bankseg.domain.policy import load_policy
from bankseg.services.score import best_products, headline_target, may_be_scored

BANK = SimpleNamespace(policy=load_policy())


def book(**columns):
    defaults = {"status": "active", "tenure_days": 180, "open_accounts": 1, "deceased_on": None}
    kinds = {"status": pa.string(), "tenure_days": pa.int64(), "open_accounts": pa.int64(), "deceased_on": pa.date32()}
    return pa.table({name: pa.array([columns.get(name, defaults[name])], kind) for name, kind in kinds.items()})


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ({}, True),
        ({"status": "prospect"}, False),
        ({"tenure_days": 179}, False),
        ({"tenure_days": None}, False),
        ({"open_accounts": 0}, False),
        ({"open_accounts": None}, False),
        ({"deceased_on": date(2025, 12, 31)}, False),
    ],
)
def test_who_may_be_given_a_propensity(client, expected):
    assert may_be_scored(BANK, book(**client)).tolist() == [expected]


def test_a_bank_without_accounts_is_scored_by_tenure():
    assert may_be_scored(BANK, book().drop_columns(["open_accounts"])).tolist() == [True]


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
