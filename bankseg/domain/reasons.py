"""The words for why a propensity is what it is: a family of features, what it did to the estimate, and the client's own figure.

A reason tells what raises or lowers an estimate; it never claims a cause.
"""

from dataclasses import dataclass

FRENCH = "fr"


@dataclass(frozen=True, slots=True)
class Words:
    """A family in both languages."""

    en: str
    fr: str


# Families of bankseg/features/catalogue.py.
FAMILIES: dict[str, Words] = {
    "balance_level": Words("level of balances", "niveau des avoirs"),
    "balance_trend": Words("movement of balances", "évolution des avoirs"),
    "balance_volatility": Words("swings of the balance", "variations du solde"),
    "activity": Words("how often the account is used", "fréquence d'utilisation du compte"),
    "recency": Words("time since the last transaction", "temps depuis la dernière opération"),
    "channels": Words("channels used", "canaux utilisés"),
    "salary": Words("regularity of salary payments", "régularité du salaire"),
    "products": Words("products held", "produits détenus"),
    "tenure": Words("length of the relationship", "ancienneté de la relation"),
    "credit": Words("credit score and use of credit", "note et usage du crédit"),
    "arrears": Words("late payments", "retards de paiement"),
    "interactions": Words("contacts with the bank", "contacts avec la banque"),
    "complaints": Words("complaints", "réclamations"),
    "digital": Words("use of the app and website", "usage de l'application et du site"),
    "consent": Words("consents given", "consentements donnés"),
    "satisfaction": Words("answers to surveys", "réponses aux enquêtes"),
    "campaigns": Words("answers to past offers", "réponses aux offres passées"),
    "demographic": Words("personal situation", "situation personnelle"),
    "firmographic": Words("profile of the firm", "profil de l'entreprise"),
    "attributes": Words("the bank's own attributes", "attributs propres à la banque"),
}
EFFECTS = {"+": Words("raises the estimate", "augmente l'estimation"), "-": Words("lowers the estimate", "diminue l'estimation")}


def phrase(family: str, direction: str, feature: str, value: object, language: str) -> str:
    """One reason in words.

    Parameters
    ----------
    family
        Family of features, as in the feature catalogue; an unknown one is spelled out.
    direction
        ``"+"`` when the family raises the estimate, ``"-"`` when it lowers it.
    feature
        The feature of the family that weighs most.
    value
        The client's value of that feature; null means that the bank has no such data.
    language
        ``"en"`` or ``"fr"``.

    Returns
    -------
    str
        For example ``"Regularity of salary payments (salary gap days: 74) raises the estimate"``.

    Examples
    --------
    >>> phrase("tenure", "-", "tenure_days", 4100, "en")
    'Length of the relationship (tenure days: 4,100) lowers the estimate'
    """
    noun = _in(FAMILIES.get(family, Words(_spelled(family), _spelled(family))), language)
    effect = _in(EFFECTS.get(direction, EFFECTS["+"]), language)
    figure = f" ({_spelled(feature)}{_colon(language)} {figure_of(value, language)})" if feature else ""
    return f"{noun[:1].upper()}{noun[1:]}{figure} {effect}"


def figure_of(value: object, language: str) -> str:
    """A feature's value as a person writes it.

    >>> figure_of(0.3812, "fr"), figure_of(None, "en")
    ('0,38', 'no data')
    """
    if value is None:
        return "pas de donnée" if language == FRENCH else "no data"
    if isinstance(value, bool):
        return {(True, True): "oui", (False, True): "non", (True, False): "yes", (False, False): "no"}[value, language == FRENCH]
    if not isinstance(value, (int, float)):
        return str(value)
    text = f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:,.2f}"
    return text.replace(",", "\u202f").replace(".", ",") if language == FRENCH else text


def _in(words: Words, language: str) -> str:
    return words.fr if language == FRENCH else words.en


def _spelled(code: str) -> str:
    return code.replace("_minor", "").replace("_", " ")


def _colon(language: str) -> str:
    return "\u00a0:" if language == FRENCH else ":"
