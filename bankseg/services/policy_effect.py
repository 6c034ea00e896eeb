"""How many clients of the publication in force a draft of the policy would place elsewhere, where counting is enough to know it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.policy import Policy
from bankseg.storage import policy_counts, published_counts
from bankseg.storage import run as runs
from bankseg.storage.policy_counts import PolicyCounts

TIER_SHARES = (("platinum", "platinum_share"), ("gold", "gold_share"), ("silver", "silver_share"))
CHURN_SHARES = (("high", "high_share"), ("medium", "medium_share"))


LEAST_TOLD = 10  # a class of fewer clients would speak of persons to those who see no client


@dataclass(frozen=True, slots=True)
class Effect:
    """One class of clients: how many the policy in force puts there and how many the draft would, both counted alike on one publication.

    A side is null where it is small, above zero, and the reader sees no client.
    """

    kind: str  # tier | churn_band | credit_band
    code: str
    before: int | None
    after: int | None

    @property
    def moved(self) -> int | None:
        """The difference; null where a side is."""
        return None if self.before is None or self.after is None else self.after - self.before


def effect_of(session: Session, scope: Scope, policy: Policy, draft: Policy) -> list[Effect] | None:
    """Value tiers before hysteresis, churn bands and credit bands; only classes whose count changes.

    None before the first publication, and for those who see no client where the run kept no counts.
    """
    counts = _counts(session, scope)
    if counts is None:
        return None
    found: list[Effect] = []
    if policy.section("tiers") != draft.section("tiers"):
        found += _changed("tier", *(tier_counts(counts.valued, one.section("tiers")) for one in (policy, draft)))
    if policy.section("churn") != draft.section("churn"):
        found += _changed("churn_band", *(churn_counts(counts.banded, one.section("churn")) for one in (policy, draft)))
    if policy.section("credit_bands") != draft.section("credit_bands"):
        found += _changed("credit_band", *(band_counts(counts.scores, one.section("credit_bands")) for one in (policy, draft)))
    return found if scope.sees_whole_book else [replace(one, before=_told(one.before), after=_told(one.after)) for one in found]


def _counts(session: Session, scope: Scope) -> PolicyCounts | None:
    run = runs.current(session)
    if run is None or run.id is None:
        return None
    return published_counts.by_policy(session) or (policy_counts.in_scope_of(session, scope, run.id) if scope.sees_whole_book else None)


def _told(clients: int | None) -> int | None:
    return clients if clients is None or clients == 0 or clients >= LEAST_TOLD else None


def tier_counts(clients: Mapping[str, int], shares: Mapping[str, Any]) -> dict[str, int]:
    """Clients by tier, from the number of clients with a value of 0 or more of each kind.

    Examples
    --------
    >>> tier_counts({"individual": 100}, {"platinum_share": 0.05, "gold_share": 0.15, "silver_share": 0.3})
    {'platinum': 5, 'gold': 15, 'silver': 30, 'bronze': 50}
    """
    found = {tier: sum(round(count * float(shares[name])) for count in clients.values()) for tier, name in TIER_SHARES}
    return found | {"bronze": sum(clients.values()) - sum(found.values())}


def churn_counts(clients: int, shares: Mapping[str, Any]) -> dict[str, int]:
    """Clients by band of expected loss.

    Examples
    --------
    >>> churn_counts(200, {"high_share": 0.1, "medium_share": 0.2})
    {'high': 20, 'medium': 40, 'low': 140}
    """
    found = {band: round(clients * float(shares[name])) for band, name in CHURN_SHARES}
    return found | {"low": clients - sum(found.values())}


def band_counts(scores: Sequence[tuple[str, float, int]], bands: Mapping[str, Any]) -> dict[str, int]:
    """Clients by source and credit band, from rows of source, score and number of clients.

    Examples
    --------
    >>> band_counts([("fico", 300.0, 2), ("fico", 600.0, 3)], {"fico": [{"band": "poor", "low": 300}, {"band": "fair", "low": 580}]})
    {'fico: poor': 2, 'fico: fair': 3}
    """
    found: Counter[str] = Counter()
    for source, score, clients in scores:
        held = [entry["band"] for entry in sorted(bands.get(source, ()), key=lambda entry: float(entry["low"])) if score >= entry["low"]]
        if held:
            found[f"{source}: {held[-1]}"] += clients
    return dict(found)


def _changed(kind: str, before: Mapping[str, int], after: Mapping[str, int]) -> list[Effect]:
    return [
        Effect(kind, code, before.get(code, 0), after.get(code, 0)) for code in dict.fromkeys((*before, *after)) if before.get(code, 0) != after.get(code, 0)
    ]
