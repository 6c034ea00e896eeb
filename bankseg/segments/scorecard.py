"""What a scorecard is made of: bounds, the base of clients, a segment on trial, and the criteria with their verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bankseg.domain.errors import InputError

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]
Verdict = Literal["green", "amber", "red", "no data"]
WORST_FIRST: tuple[Verdict, ...] = ("red", "no data", "amber", "green")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of the scorecard (definitions 9, defaults).

    `surely` is the least relative effect that the 95 % interval must leave open on its near side, so that a sample cannot pass by a hair; `near` is the part of a
    bound from which a miss is amber, and `weak_effect` the relative effect from which a difference beyond chance is amber.
    """

    significance: float = 0.05
    effect: float = 0.20
    weak_effect: float = 0.10
    surely: float = 0.05
    clients: int = 500
    share: float = 0.005
    cost_multiple: float = 3.0
    filled: float = 0.90
    reachable: float = 0.60
    jaccard: float = 0.75
    weak_jaccard: float = 0.60
    near: float = 0.90


@dataclass(frozen=True, slots=True)
class Base:
    """The clients segments are parts of; arrays of shape (n,), what was never loaded left out.

    `outcomes` by name, 0/1 or amounts, NaN where not known; `value_minor` contribution of 12 months, NaN where not known; `is_reachable` by a consented channel today;
    `filled` share of clients with a value, `age_days` and `sla_days` by attribute; `campaign_cost_minor` the fixed cost of the segment's campaign;
    `french` the French names of outcomes.
    """

    clients: int
    outcomes: Mapping[str, Vector] = field(default_factory=dict)
    value_minor: Vector | None = None
    is_reachable: Mask | None = None
    filled: Mapping[str, float] = field(default_factory=dict)
    age_days: Mapping[str, float] = field(default_factory=dict)
    sla_days: Mapping[str, float] = field(default_factory=dict)
    campaign_cost_minor: int | None = None
    currency: str | None = None
    french: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """A segment on trial: its members, shape (n,), the attributes its rule measures (`measured`), its Jaccard with the month before (null: never run), owner, action."""

    code: str
    members: Mask
    attributes: frozenset[str] = frozenset()
    jaccard: float | None = None
    owner: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of a scorecard: `value` and `bound` in the criterion's unit (null: not known), the verdict, and the facts in words."""

    code: str
    value: float | None
    bound: float
    verdict: Verdict
    en: str
    fr: str
    evidence: Mapping[str, Any] = field(default_factory=dict)  # JSON


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Six criteria of a segment."""

    segment: str
    criteria: tuple[Criterion, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the criteria; red blocks publishing."""
        return worst([criterion.verdict for criterion in self.criteria])

    def criterion(self, code: str) -> Criterion:
        """The line of this code.

        Raises
        ------
        InputError
            When there is none.
        """
        for criterion in self.criteria:
            if criterion.code == code:
                return criterion
        raise InputError(f"criterion {code!r}", f"one of {', '.join(criterion.code for criterion in self.criteria)}")


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The worst verdict: red, then no data, amber, green.

    >>> worst(["green", "no data", "amber"])
    'no data'
    """
    return next((verdict for verdict in WORST_FIRST if verdict in verdicts), "no data")
