"""Which attributes an analysis may read: none that is protected, stands for a protected ground, or does not serve the purpose."""

from collections.abc import Collection, Mapping, Sequence

from bankseg.domain.errors import InputError
from bankseg.domain.schemes import Purpose
from bankseg.segments.attributes import Attribute, may_serve

# What most books hold and clusters read well: how long, how much, how often, by which channel. Age and place are left to people to add.
SUGGESTED = (
    "tenure_days", "products_held", "deposits_mean_12m_minor", "invested_minor", "debt_minor", "credit_minor_365d", "income_median_12m_minor", "active_days_365d",
    "recency_days", "card_purchases_365d", "cash_share_365d", "digital_share_365d", "branch_share_365d", "deposits_slope_6m", "kind",
)  # fmt: skip


def suggested(columns: Collection[str]) -> tuple[str, ...]:
    """The attributes an analysis starts from where nobody chose others: those of the suggestion that are loaded.

    >>> suggested(["tenure_days", "city"])
    ('tenure_days',)
    """
    return tuple(name for name in SUGGESTED if name in columns)


def usable(names: Sequence[str], attributes: Mapping[str, Attribute], purpose: Purpose, barred: Collection[str] = ()) -> tuple[str, ...]:
    """The names, every one free for the purpose.

    Parameters
    ----------
    attributes
        The attribute catalogue, by name.
    barred
        Names the policy bars as proxies of protected grounds; with or without the prefix of a declared attribute.

    Raises
    ------
    InputError
        When one is protected, barred, unknown or not meant for the purpose; names them all.
    """
    refused = [name for name in names if name not in attributes or name.removeprefix("attr_") in barred or not is_free(attributes[name], purpose)]
    if refused:
        raise InputError(
            f"attributes {', '.join(refused)} are protected, unknown or not meant for {purpose}",
            f"attributes that serve {purpose}",
            "leave them out of the analysis",
        )
    return tuple(names)


def is_free(attribute: Attribute, purpose: Purpose) -> bool:
    """Whether an analysis with this purpose may read an attribute; a protected one is not even described by a model."""
    return not attribute.is_protected and may_serve(attribute, purpose)
