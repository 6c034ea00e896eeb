"""Purposes: what a model or a rule is for, and what follows from it. A propensity never enters a decision on credit (AI Act, Annex III 5(b))."""

from collections.abc import Collection, Iterable
from typing import Protocol

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.segment_rules import Rule, attributes_of

CREDIT_REVIEW = "credit_review"
# What a propensity model puts out, and what is made of it: columns of a scored client. A column p:<target> holds one target's propensity.
PROPENSITY_OUTPUTS = frozenset({
    "churn", "churn_band", "churn_target", "churn_reasons", "best_product", "best_propensity", "best_margin_minor", "best_reasons", "best_blocked_by", "expected_loss_minor", "propensities",
    "propensity", "action", "segment", "loyalty_index",
})  # fmt: skip
PREFIXES = ("p:", "shadow:", "propensity:")
# Families of attributes about the person rather than the account: a model for credit review reads none of them, whatever the catalogue allows elsewhere.
PERSONAL_FAMILIES = frozenset({"life_stage", "demographics", "age", "sex", "nationality", "health", "religion", "ethnicity", "household"})


class Describes(Protocol):
    """What is asked about a feature."""

    @property
    def name(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def is_protected(self) -> bool: ...


def is_propensity_output(attribute: str) -> bool:
    """Whether an attribute is a propensity or was made of one.

    Examples
    --------
    >>> is_propensity_output("churn_band"), is_propensity_output("p:hard_exit"), is_propensity_output("days_past_due")
    (True, True, False)
    """
    return attribute in PROPENSITY_OUTPUTS or attribute.startswith(PREFIXES)


def refuse_propensities(rule: Rule | None, what: str) -> None:
    """Refuse a rule of a credit purpose that reads a propensity.

    Raises
    ------
    ConfigurationError
        Naming the rule and the attributes.
    """
    found = sorted(attribute for attribute in attributes_of(rule) if is_propensity_output(attribute)) if rule is not None else []
    if found:
        raise ConfigurationError(
            f"{what} is for credit review and reads {', '.join(found)}", "no propensity, nor anything made of one", "take these attributes out of the rule"
        )


def refuse_personal(purposes: Collection[str], features: Iterable[Describes]) -> None:
    """Refuse attributes of the person in a model whose purposes hold credit review.

    Raises
    ------
    ConfigurationError
        Naming every protected or personal attribute.
    """
    if CREDIT_REVIEW not in purposes:
        return
    found = sorted(feature.name for feature in features if feature.is_protected or feature.family in PERSONAL_FAMILIES)
    if found:
        raise ConfigurationError(
            f"a model for credit review would read {', '.join(found)}", "no protected attribute and none about the person", "leave these attributes out"
        )
