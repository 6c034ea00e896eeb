"""Model inputs: the features a propensity model may read in this bank."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from bankseg.features.build import ATTRIBUTE_PREFIX
from bankseg.features.catalogue import Feature, catalogue
from bankseg.services.bank import Bank

PURPOSE = "propensity"


def model_inputs(bank: Bank, versions: Mapping[str, int], products: Sequence[str]) -> list[Feature]:
    """Features for propensity models, in catalogue order: meant for them, not protected, and not on the policy's list of proxies."""
    tables = frozenset(versions) | ({"balances"} if "transactions" in versions else frozenset())
    return allowed(catalogue(tables, products, bank.declarations.attributes), bank.policy.section("fairness")["proxies"])


def allowed(features: Iterable[Feature], proxies: Collection[str]) -> list[Feature]:
    """The features among these that a model may read; a proxy is named as in the catalogue or as its mapping names it, in any letter case.

    Examples
    --------
    >>> place = Feature("attr_Postcode", "Postcode", "category", "place", "attributes", ("client_attributes",))
    >>> allowed([place], ["city"]) == [place], allowed([place], ["postcode"])
    (True, [])
    """
    barred = {name.casefold() for name in proxies}
    return [feature for feature in features if PURPOSE in feature.purposes and not feature.is_protected and not barred & _names(feature)]


def _names(feature: Feature) -> set[str]:
    return {feature.name.casefold(), feature.name.removeprefix(ATTRIBUTE_PREFIX).casefold()}
