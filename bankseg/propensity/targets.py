"""Targets as declarations: what is estimated, for whom, over which window, and what it may be used for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from bankseg.domain.errors import ConfigurationError

Kind = Literal["churn", "product_exit", "cross_sell", "label"]

# Defaults of definitions 4: contact lead time and outcome window, in days.
GAP_DAYS, HORIZON_DAYS = 7, 90
# Dormancy is 183 days without a counted transaction, so its outcome window is that long.
DORMANCY_DAYS = 183
# Below this many positives in any slice the metrics say nothing: the standard error of an AUC at 50 positives is about 0.04.
MINIMUM_POSITIVES = 50
# Settings of a policy that may replace a target's own.
ADJUSTABLE = ("gap_days", "horizon_days", "minimum_positives", "owner", "materiality")


@dataclass(frozen=True, slots=True)
class Target:
    """One outcome being estimated.

    Parameters
    ----------
    name
        Stable name, for example `hard_exit`, `cross_sell:savings`, `label:exited`.
    kind
        `churn`, `product_exit`, `cross_sell` or `label` (a bank's own outcome column without history).
    product
        The product given up or sold, for `product_exit` and `cross_sell`.
    gap_days, horizon_days
        Days skipped after `as_of`, and length of the outcome window; both 0 for `label`.
    minimum_positives
        Positives needed in each slice (train, calibration, test) before a model is trained.
    label_sql
        Name of the label expression under `features/labels`, without `.sql`.
    population, exclusions
        Who is scored, in words (the common table `eligible` of the label SQL says it in SQL), and which outcomes do not count.
    purposes
        What the propensity may be used for. Credit decisions are never among them.
    materiality, owner
        Model-risk tier and the function that answers for the model.

    Examples
    --------
    >>> Target("hard_exit", "churn", label_sql="hard_exit", population="active clients").outcome_days
    97
    """

    name: str
    kind: Kind
    label_sql: str
    population: str
    product: str | None = None
    gap_days: int = GAP_DAYS
    horizon_days: int = HORIZON_DAYS
    minimum_positives: int = MINIMUM_POSITIVES
    exclusions: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ("retention",)
    owner: str = "marketing analytics"
    materiality: str = "medium"

    @property
    def outcome_days(self) -> int:
        """Days after `as_of` until the outcome is known."""
        return self.gap_days + self.horizon_days

    @property
    def has_time(self) -> bool:
        """Whether the outcome lies in a window after `as_of`; a flat label column has none."""
        return self.kind != "label"


CHURN_POPULATION = "active at as_of, tenure 180 days or more, not deceased, not in default, not already lost in this sense"
FOUR_DS = ("death", "fraud", "closure by the bank", "loan maturity as the only product", "move abroad")

CHURN_TARGETS: tuple[Target, ...] = (
    Target("hard_exit", "churn", "hard_exit", CHURN_POPULATION, exclusions=FOUR_DS, materiality="high"),
    Target("primary_loss", "churn", "primary_loss", f"{CHURN_POPULATION}; a regular income for 6 months", exclusions=FOUR_DS, materiality="high"),
    Target("balance_attrition", "churn", "balance_attrition", f"{CHURN_POPULATION}; baseline balance above the floor",
           exclusions=(*FOUR_DS, "transfers to own products"), materiality="high"),
    Target("dormancy", "churn", "dormancy", CHURN_POPULATION, horizon_days=DORMANCY_DAYS, exclusions=FOUR_DS),
)  # fmt: skip


def product_exit_target(product: str) -> Target:
    """Loss of one product by a client who holds it, whether or not they leave the bank.

    Examples
    --------
    >>> product_exit_target("savings").name
    'product_exit:savings'
    """
    return Target(
        f"product_exit:{product}",
        "product_exit",
        "product_exit",
        "clients at as_of who hold the product, tenure 180 days or more, not deceased, not in default",
        product=product,
        exclusions=(*FOUR_DS[:3], "maturity of the contract", "move abroad", "replacement by the same product"),
    )


def cross_sell_target(product: str) -> Target:
    """Sale of one product to a client who does not hold it.

    Examples
    --------
    >>> cross_sell_target("savings").name
    'cross_sell:savings'
    """
    return Target(
        f"cross_sell:{product}",
        "cross_sell",
        "cross_sell",
        "clients at as_of who do not hold the product",
        product=product,
        exclusions=("automatic renewals", "replacement of the same contract"),
        purposes=("marketing",),
    )


def label_target(name: str) -> Target:
    """A bank's own outcome column, known without a date.

    Examples
    --------
    >>> label_target("exited").has_time
    False
    """
    return Target(
        f"label:{name}",
        "label",
        "client_label",
        "clients whose outcome was given",
        gap_days=0,
        horizon_days=0,
        purposes=("retention", "marketing"),
        materiality="low",
    )


def targets_for(values: Mapping[str, Any], products: Sequence[str], labels: Sequence[str] = ()) -> tuple[Target, ...]:
    """Every target of a bank: the churn senses, one loss and one sale per product, and its own labels.

    Parameters
    ----------
    values
        Policy values: any of `gap_days`, `horizon_days`, `minimum_positives`, `owner`, `materiality` for all targets with a time
        (`horizon_days` never shortens dormancy), and `targets`, a table of the same keys per target name.
        `Any`: a policy file holds numbers, texts and tables.
    products
        Products of the bank, in its own order: what may be lost or sold.
    labels
        Names of flat label columns.

    Raises
    ------
    ConfigurationError
        When `values["targets"]` names an unknown target or key.

    Examples
    --------
    >>> [t.name for t in targets_for({}, ["savings"], ["exited"])]
    ['hard_exit', 'primary_loss', 'balance_attrition', 'dormancy', 'product_exit:savings', 'cross_sell:savings', 'label:exited']
    """
    declared = (
        *CHURN_TARGETS,
        *(product_exit_target(product) for product in dict.fromkeys(products)),
        *(cross_sell_target(product) for product in dict.fromkeys(products)),
        *(label_target(name) for name in dict.fromkeys(labels)),
    )
    own: Mapping[str, Mapping[str, Any]] = values.get("targets", {})
    unknown = sorted(set(own) - {target.name for target in declared})
    if unknown:
        raise ConfigurationError(
            f"the policy adjusts unknown targets {', '.join(unknown)}", f"one of {', '.join(t.name for t in declared)}", "correct the names"
        )
    return tuple(_adjusted(target, values, own.get(target.name, {})) for target in declared)


def _adjusted(target: Target, shared: Mapping[str, Any], own: Mapping[str, Any]) -> Target:
    wrong = sorted(set(own) - set(ADJUSTABLE))
    if wrong:
        raise ConfigurationError(f"the policy sets {', '.join(wrong)} for target {target.name}", f"keys among {', '.join(ADJUSTABLE)}", "correct the policy")
    if not target.has_time:
        return replace(target, **{key: value for key, value in own.items() if not key.endswith("_days")})
    common = {key: shared[key] for key in ADJUSTABLE if key in shared}
    if target.horizon_days != HORIZON_DAYS:
        common.pop("horizon_days", None)
    return replace(target, **{**common, **own})
