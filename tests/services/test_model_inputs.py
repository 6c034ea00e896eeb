"""What a model may read: never what is protected, and never what stands for it."""

from types import SimpleNamespace

import pytest

from bankseg.domain.extracts import EXTRACT_BY_NAME, PRODUCTS
from bankseg.domain.policy import load_policy
from bankseg.features.catalogue import catalogue
from bankseg.services.model_inputs import model_inputs

PROTECTED = {"name": "Gender", "type": "category", "is_protected": True, "purposes": ["describe", "propensity"]}
PROXIES = [{"name": name, "type": "category"} for name in ("Postcode", "birth_place", "LANGUAGE")]
PLAIN = {"name": "has_pet", "type": "number"}


def inputs(*attributes, policy=None):
    bank = SimpleNamespace(policy=policy or load_policy(), declarations=SimpleNamespace(attributes=attributes))
    return {feature.name for feature in model_inputs(bank, dict.fromkeys(EXTRACT_BY_NAME, 1), tuple(PRODUCTS))}


def test_no_protected_attribute_and_no_proxy_is_an_input_whatever_its_mapping_declares():
    found = inputs(PROTECTED, *PROXIES, PLAIN)

    assert "attr_has_pet" in found
    assert not found & {"attr_Gender", "attr_Postcode", "attr_birth_place", "attr_LANGUAGE"}


def test_a_bank_bars_an_attribute_of_the_catalogue_too(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text('[fairness]\nproxies = ["occupation_code"]\n')

    assert "occupation_code" in inputs()
    assert "occupation_code" not in inputs(policy=load_policy(path))


@pytest.mark.parametrize(
    "ground", ["sex", "name", "marital_status", "dependants", "household_id", "country", "commune_code", "postcode", "city", "region", "language", "department"]
)
def test_the_default_policy_bars_every_column_of_clients_that_tells_a_protected_ground(ground):
    assert ground in load_policy().section("fairness")["proxies"]


def test_every_input_is_a_feature_of_the_catalogue_that_is_meant_for_propensities():
    known = {feature.name for feature in catalogue(tuple(EXTRACT_BY_NAME), tuple(PRODUCTS)) if "propensity" in feature.purposes}

    assert inputs() == known
