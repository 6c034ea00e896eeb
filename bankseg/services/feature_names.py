"""What features are called on pages: the catalogue's definition in English, the words of reasons in French, the bank's own labels for its own attributes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bankseg.domain import reasons
from bankseg.domain.extracts import PRODUCTS
from bankseg.features.catalogue import Feature, catalogue, groups
from bankseg.lake.declarations import Declarations


def every_feature(products: Sequence[str], attributes: Sequence[Mapping[str, Any]]) -> tuple[Feature, ...]:
    """Every feature a bank with these products and declared attributes could have, whatever tables it loaded. `Any`: JSON."""
    return catalogue({table for group in groups() for table in group.requires}, products, attributes)


def french_names(features: Iterable[Feature], attributes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """French names of the features that have one. `Any`: JSON."""
    found = {feature.name: _without_blanks(reasons.name(feature.name, "fr")) for feature in features if reasons.has_words(feature.name)}
    return found | {f"attr_{entry['name']}": str(entry["label_fr"]) for entry in attributes if entry.get("label_fr")}


def feature_names(declared: Declarations) -> dict[str, tuple[str, str]]:
    """English and French name of every feature that a model of this bank may read."""
    features = every_feature([*PRODUCTS, *(name for name in declared.products if name not in PRODUCTS)], declared.attributes)
    french = french_names(features, declared.attributes)
    return {feature.name: (feature.definition, french.get(feature.name, feature.definition)) for feature in features}


def _without_blanks(phrase: str) -> str:
    """A phrase that leaves room for a value, as a name.

    >>> _without_blanks("client depuis … jours"), _without_blanks("… produits différents")
    ('client depuis (jours)', 'produits différents')
    """
    return " ".join(phrase.replace("… jours sur", "jours sur").replace("… jours", "(jours)").replace("…", "").split())
