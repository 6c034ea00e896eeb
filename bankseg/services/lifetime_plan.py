"""Which earlier dates a run learns lifetime value from, or why there are none."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from bankseg.domain.horizon import add_months

TABLES = frozenset({"clients", "accounts", "transactions"})  # balances follow from the last where they are not loaded
NOBODY = "no active client has a known contribution and activity"
NOT_PLANNED = "the run began before lifetime value was computed"


def learned_buckets(policy: Mapping[str, Any], buckets: int) -> list[int]:
    """The buckets whose clients the chain is learned from: a client's bucket is a hash, so they are a fair sample.

    >>> learned_buckets({"learned_share": 0.25}, 8), learned_buckets({"learned_share": 0.25}, 2)
    ([0, 1], [0])
    """
    return list(range(max(1, round(float(policy["learned_share"]) * buckets))))


def planned_months(policy: Mapping[str, Any], observation_days: int, as_of: date, tables: frozenset[str], first: date | None) -> dict[str, Any]:
    """The dates a month apart that a run learns moves from, oldest first, the run's own not among them; or why there are none.

    Parameters
    ----------
    policy
        The section `clv`.
    first
        First day of the history. A date needs `observation_days` of it behind, for a value over part of a year would look poor.

    Returns
    -------
    dict
        `months`, ISO dates; `why`, empty where there are some, and then `months` is not.
    """
    if not tables.issuperset(TABLES) or first is None:
        return {"months": [], "why": "accounts with their transactions are not loaded, so the activity of clients is not known"}
    dates = [add_months(as_of, -back) for back in range(int(policy["history_months"]), 0, -1)]
    found = [day for day in dates if day - timedelta(days=observation_days) >= first - timedelta(days=1)]
    least = int(policy["least_history_months"])
    if len(found) < least:
        return {"months": [], "why": f"history begins on {first}: {len(found)} month ends have a year behind them, and {least} are needed"}
    return {"months": [day.isoformat() for day in found], "why": ""}
