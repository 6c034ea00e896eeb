"""The words of codes on pictures: of an axis, of a figure, of an attribute's value."""

from typing import Any

from bankseg.services.scheme_pictures.axes import Axis
from bankseg.services.scheme_pictures.groups import Figure
from bankseg.services.scheme_pictures.matrix import OTHERS
from bankseg.web import i18n

NOT_KNOWN, TOGETHER = ("not known", "non connu"), ("all others", "tous les autres")
YES_NO = {"true": ("yes", "oui"), "false": ("no", "non")}
FIGURES = {
    "holds": ("Holds: {}", "Détient : {}"), "sold": ("Took within a year: {}", "A pris dans l'année : {}"), "value": ("Value over 12 months", "Valeur sur 12 mois"),
    "churn": ("Churn probability", "Probabilité d'attrition"), "complained": ("Complained within a year", "A réclamé dans l'année"), "p": ("Propensity: {}", "Propension : {}"),
}  # fmt: skip
# The words of a value: attribute -> kind of label.
KINDS = {"best_product": "product", "preferred_contact": "contact", "client_kind": "kind", "client_status": "status", "acquisition_channel": "channel"}


def code_name(axis: Axis, code: str | None, language: str) -> str:
    """The word for a code of an axis."""
    is_french = language == i18n.FRENCH
    if code is None:
        return NOT_KNOWN[is_french]
    if code == OTHERS:
        return TOGETHER[is_french]
    if code in axis.labels:
        return axis.labels[code][is_french]
    kind = KINDS.get(axis.kind, axis.kind)
    if i18n.has_label(kind, code):
        return i18n.label(kind, code, language)
    return YES_NO[code][is_french] if code in YES_NO else code


def figure_name(figure: Figure, language: str) -> str:
    """The words for a figure to compare."""
    subject = figure.subject
    if figure.kind == "p" and ":" in subject:
        subject = subject.partition(":")[2]
    kind = "product" if figure.kind in {"holds", "sold"} or i18n.has_label("product", subject) else "target"
    return FIGURES[figure.kind][language == i18n.FRENCH].format(i18n.label(kind, subject, language).lower() if subject else "")


def value_name(attribute: str, value: Any, language: str) -> str:  # a value of any type
    """A value of an attribute in the words of the desks."""
    kind = KINDS.get(attribute, attribute)
    if isinstance(value, str) and i18n.has_label(kind, value):
        return i18n.label(kind, value, language)
    return str(value).replace(".", ",") if isinstance(value, float) and language == i18n.FRENCH else str(value)
