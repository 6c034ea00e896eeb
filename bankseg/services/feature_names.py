"""What features are called on pages: the catalogue's definition in English, the words of reasons in French, the bank's own labels for its own attributes."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from bankseg.domain import reasons
from bankseg.domain.extracts import PRODUCTS
from bankseg.features.catalogue import Feature, catalogue, groups
from bankseg.lake.declarations import Declarations


def every_feature(products: Sequence[str], attributes: Sequence[Mapping[str, Any]]) -> tuple[Feature, ...]:
    """Every feature a bank with these products and declared attributes could have, whatever tables it loaded. `Any`: JSON."""
    return _every_feature(tuple(products), json.dumps([dict(entry) for entry in attributes], default=str))


@lru_cache(maxsize=16)
def _every_feature(products: tuple[str, ...], attributes: str) -> tuple[Feature, ...]:
    return catalogue({table for group in groups() for table in group.requires}, products, json.loads(attributes))


def french_names(features: Iterable[Feature], attributes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """French names of the features that have one. `Any`: JSON."""
    found = {feature.name: french for feature in features if (french := _french_name(feature.name))}
    return found | {f"attr_{entry['name']}": str(entry["label_fr"]) for entry in attributes if entry.get("label_fr")}


@lru_cache(maxsize=4_096)
def _french_name(feature: str) -> str:
    """The French name of a feature; empty where reasons have no words for it. Pages ask for all of them."""
    if not reasons.has_words(feature):
        return ""
    return NAMED.get(feature) or _without_blanks(reasons.name(feature, "fr"), "montant" if "_minor" in feature else "part")


def feature_names(declared: Declarations) -> dict[str, tuple[str, str]]:
    """English and French name of every feature that a model of this bank may read."""
    features = every_feature([*PRODUCTS, *(name for name in declared.products if name not in PRODUCTS)], declared.attributes)
    french = french_names(features, declared.attributes)
    return {feature.name: (feature.definition, french.get(feature.name, feature.definition)) for feature in features}


# Names of features whose phrase makes none once its value is gone.
NAMED = {
    "age_years": "âge (ans)", "acquisition_channel": "canal d'arrivée", "declared_income_minor": "revenu déclaré par an", "days_since_income": "dernier revenu (jours)",
    "income_median_12m_minor": "revenu du mois médian", "income_months_12m": "mois avec revenu sur 12 mois", "income_months_6m": "mois avec revenu sur 6 mois",
    "income_months_3m": "mois avec revenu sur 3 mois", "income_90d_minor": "revenus reçus sur 90 jours", "active_months_12m": "mois actifs sur 12 mois",
    "savings_share": "part de l'épargne dans les dépôts", "recency_in_gaps": "silence, en pauses habituelles", "credit_source": "origine de la note de crédit",
    "arrears_minor": "montant en retard", "latest_nps": "recommandation (sur 10)", "account_cost_12m_minor": "coût des contrats sur 12 mois",
    "service_cost_12m_minor": "coût du service sur 12 mois", "exposure_minor": "dette envers la banque", "preferred_contact": "canal préféré",
}  # fmt: skip
# A French phrase with … for its value, as a name: what is done to it in turn; {what} is a share or an amount.
AS_NAME = (
    (r"^actif … jours", "jours actifs"),
    (r"^… (reçus|dépensés|virés)", r"montants \1"),
    (r"(\S.*) consulté … fois", r"consultations : \1,"),
    (r" à … (de|du|des) ", r", en part \1 "),
    (r" à … d'", ", en part d'"),
    (r"… (de |du |des |d')", r"{what} \1"),
    (r"(?<=\S) … (jours|mois|ans)\b", r" (\1)"),
    (r" (?:de|dans|il y a) \((jours|mois|ans)\)", r" (\1)"),
    (r" (?:de|à|par|il y a) …", ""),
    (r"…(?: %)?|[ \u00a0]:[ \u00a0]…?$", ""),
    (r"[ \u00a0]:$", ""),
    (r" +", " "),
)


def _without_blanks(phrase: str, what: str = "part") -> str:
    """A phrase that leaves room for a value, as a name.

    >>> _without_blanks("client depuis … jours"), _without_blanks("… produits différents"), _without_blanks("placements de …")
    ('client depuis (jours)', 'produits différents', 'placements')
    >>> _without_blanks("… d'espèces sur 365 jours", "montant"), _without_blanks("dépôts moyens de … sur 12 mois")
    ("montant d'espèces sur 365 jours", 'dépôts moyens sur 12 mois')
    """
    plain = phrase.replace("\u2019", "'")
    for form, written in AS_NAME:
        plain = re.sub(form, written, plain)
    return plain.replace("{what}", what).strip()
