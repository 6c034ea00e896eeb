"""French for the reasons that a run records in English: the rule behind a segment, the cut behind a tier.

A run records one text for everybody; here its few fixed forms are read back. A form that is not known is shown as it was recorded.
"""

import re

from bankseg.web import i18n

ATTRIBUTES = {
    "tier": "niveau", "churn band": "attrition", "churn": "probabilité d'attrition", "status": "statut", "is high risk": "en examen des risques", "best product": "meilleur produit",
    "activity": "activité", "risk band": "risque", "credit score": "note de crédit", "is vulnerable": "fragile", "kind": "type",
}  # fmt: skip
VALUE_KINDS = ("tier", "churn_band", "activity", "status", "risk_band", "kind", "product")
FORMS = (
    (r"no other rule holds", "aucune autre règle ne s'applique"), (r" is missing\b", " inconnu"), (r" is known\b", " connu"), (r" is yes\b", ""), (r" is no\b", " : non"),
    (r" at least ", " d'au moins "), (r" at most ", " d'au plus "), (r" above ", " au-dessus de "), (r" below ", " en dessous de "), (r" is ", " "), (r" and ", " et "), (r" or ", " ou "),
    (r"\bnot \(", "pas ("),
)  # fmt: skip
ENGLISH_FORMS = ((r"is high risk is yes", "in risk review"), (r"best product is known", "a product fits"), (r"best product is missing", "no product fits"))
TIER_FORMS = (
    (r"no margin is known", "aucune marge n'est connue", "no margin is known"),
    (r"costs more than it brings", "coûte plus qu'il ne rapporte", "costs more than it brings"),
    (r"kept: within the margin below the cut of (\w+)", "conservé : de peu sous le seuil du niveau {0}", "kept: just below the cut of {0}"),
    (r"at least (-?\d+)", "valeur d'au moins {0}", "value of at least {0}"),
    (r"below (-?\d+)", "valeur sous {0}", "value below {0}"),
)


def segment_reason(text: str, language: str) -> str:
    """The rule behind a segment.

    >>> segment_reason("tier is platinum or gold and churn band is high", "fr")
    'niveau Platine ou Or et attrition Élevée'
    """
    if language != i18n.FRENCH:
        for form, english in ENGLISH_FORMS:
            text = re.sub(form, english, text)
        return text
    for english in sorted(ATTRIBUTES, key=len, reverse=True):
        text = re.sub(rf"(?<![\w]){english} (?=is |at |above |below )", f"{ATTRIBUTES[english]} ", text)
    for form, french in FORMS:
        text = re.sub(form, french, text)
    return re.sub(r"(?<![\w'])[a-z_]{3,}\b", lambda found: _value(found[0]), text)


def tier_reason(text: str, language: str) -> str:
    """The cut behind a tier.

    >>> tier_reason("at least 1234", "en")
    'value of at least 1,234'
    """
    for form, french, english in TIER_FORMS:
        found = re.fullmatch(form, text)
        if found:
            return (french if language == i18n.FRENCH else english).format(*(_amount(part, language) for part in found.groups()))
    return text


def _amount(part: str, language: str) -> str:
    if not part.lstrip("-").isdigit():
        return i18n.label("tier", part, language)
    return f"{int(part):,}".replace(",", "\u202f" if language == i18n.FRENCH else ",")


def _value(code: str) -> str:
    return next((i18n.label(kind, code, i18n.FRENCH) for kind in VALUE_KINDS if i18n.has_label(kind, code)), code)
