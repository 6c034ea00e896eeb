"""Which product is proposed, and at which stage a client is left with nothing."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.extracts import PRODUCTS
from bankseg.domain.policy import load_policy
from bankseg.domain.suitability import unsuitable_rules
from bankseg.services.next_product import next_products, smoothed_propensity

NAN = float("nan")
BANK = SimpleNamespace(policy=load_policy(), natures=PRODUCTS)
TYPES = {
    "client_kind": pa.string(),
    "is_vulnerable": pa.bool_(),
    "age_years": pa.int64(),
    "days_past_due": pa.int64(),
    "consents_email": pa.int64(),
    "consents_post": pa.int64(),
}


def clients(*rows, leave_out=()):
    usual = {"client_kind": "individual", "is_vulnerable": False, "age_years": 40, "days_past_due": 0, "consents_email": 1, "consents_post": 0}
    return pa.table({name: pa.array([{**usual, **row}[name] for row in rows], kind) for name, kind in TYPES.items() if name not in leave_out})


def proposed(table, judged_on=10**9, **propensities):
    models = {f"cross_sell:{product}": SimpleNamespace(card={"base_rate": 0.05, "n": judged_on}) for product in propensities}
    values = {f"cross_sell:{product}": np.array(given, dtype=float) for product, given in propensities.items()}
    return next_products(BANK, table, {**models, "hard_exit": None}, values).to_pylist()


def test_the_product_of_the_largest_expected_margin_is_proposed_when_it_is_likelier_than_usual():
    found = proposed(clients(*[{}] * 5), savings=[0.50, 0.04, 0.60, NAN, 0.05], mortgage=[0.04, 0.04, 0.07, NAN, NAN])

    # Margins of the policy: savings 60, mortgage 600. A mortgage below its base rate is not proposed, however dear.
    assert [(row["best_product"], row["best_propensity"], row["best_margin_minor"]) for row in found] == [
        ("savings", 0.5, 3_000), (None, None, None), ("mortgage", 0.07, 4_200), (None, None, None), ("savings", 0.05, 300),
    ]  # fmt: skip
    assert [row["best_blocked_by"] for row in found] == [None, "likelihood", None, "eligibility", None]


@pytest.mark.parametrize(
    ("client", "product", "stage"),
    [
        ({"days_past_due": 1}, "personal_loan", "suitability"),
        ({"is_vulnerable": True}, "credit_card", "suitability"),
        ({"age_years": 17}, "securities", "suitability"),
        ({"age_years": 17}, "savings", None),
        ({}, "business_loan", "suitability"),
        ({"client_kind": "company"}, "business_loan", None),
        ({"client_kind": "company"}, "personal_loan", "suitability"),
        ({"days_past_due": None, "age_years": None}, "personal_loan", None),
        ({"consents_email": 0}, "savings", "consent"),
        ({"consents_email": None, "consents_post": 1}, "savings", None),
        ({"consents_email": 0, "days_past_due": 9}, "mortgage", "suitability"),
    ],
)
def test_a_client_is_left_with_nothing_at_the_first_stage_that_takes_the_last_product(client, product, stage):
    (row,) = proposed(clients(client), **{product: [0.3]})

    assert row["best_blocked_by"] == stage
    assert (row["best_product"] == product) is (stage is None)


def test_the_stage_is_that_of_the_product_that_came_furthest():
    (row,) = proposed(clients({"days_past_due": 30}), mortgage=[0.5], savings=[0.01])

    assert row["best_blocked_by"] == "likelihood"


def test_a_bank_without_an_extract_is_not_judged_by_it():
    table = clients({"days_past_due": 99, "consents_email": 0}, leave_out=("days_past_due", "consents_email", "consents_post"))

    assert proposed(table, mortgage=[0.3])[0]["best_product"] == "mortgage"


def test_without_a_model_nothing_is_proposed():
    found = next_products(BANK, clients({}, {}), {"hard_exit": None}, {})

    assert found.to_pylist() == [{"best_product": None, "best_propensity": None, "best_margin_minor": None, "best_blocked_by": "no_model"}] * 2


def test_a_young_product_is_ranked_nearer_to_its_base_rate():
    # Judged on 200 clients: (200 x .25 + 200 x .05) / 400 = .15, times 60.
    (row,) = proposed(clients({}), judged_on=200, savings=[0.25])

    assert (row["best_propensity"], row["best_margin_minor"]) == (0.25, 900)
    assert smoothed_propensity(np.array([0.3]), np.array([0.1]), np.array([0.0]), 200)[0] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"code": "a", "when": {"attribute": "x", "above": 0}}, "natures"),
        ({"code": "a", "natures": "credit", "when": {"attribute": "x", "above": 0}}, "natures"),
        ({"code": "a", "natures": ["credit"], "when": {"attribute": "churn", "above": 0.5}}, "reads churn"),
        ({"natures": ["credit"], "when": {"attribute": "x", "above": 0}}, "code"),
    ],
)
def test_a_suitability_rule_of_another_form_is_refused_in_words(entry, told):
    with pytest.raises(ConfigurationError, match=told):
        unsuitable_rules([entry])


def test_two_suitability_rules_may_not_share_a_code():
    entry = {"code": "a", "natures": ["credit"], "when": {"attribute": "x", "above": 0}}

    with pytest.raises(ConfigurationError, match="share a code"):
        unsuitable_rules([entry, entry])
