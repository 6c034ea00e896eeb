"""Client lifetime value with intervals beside its plain baseline: 200 drawn chains of 57 states and 30 groups, and the retention annuity of the same clients.

python benchmarks/clv.py [CLIENTS]     prints seconds of the processor, peak memory and the ratio; the target is under 60 s and 4 GB for a million
"""

import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from bankseg.economics.clv import LONG_MONTHS, Clients, Outlook, clv
from bankseg.economics.clv_check import retention_annuity
from bankseg.economics.tier_chain import Observed, draw_chains, observe, states_of
from bankseg.economics.value_bands import BANDS

ACTIVITIES = ("active", "slowing", "lapsing", "dormant", "inactive")
GROUPS = tuple(f"{kind}/{band}" for kind in ("individual", "sole_trader", "company", "nonprofit", "public") for band in range(6))
BLOCKS, EXIT = 64, 0.002
Result = TypeVar("Result")


def book(clients: int, rng: np.random.Generator) -> tuple[Observed, Clients]:
    """A month of moves and the clients at its end."""
    states = states_of(BANDS, ACTIVITIES)
    living = len(states) - 2
    before = rng.choice(living, clients, p=rng.dirichlet(np.full(living, 2.0)))
    after = np.where(rng.random(clients) < 0.85, before, rng.integers(0, living, clients))
    after = np.where(rng.random(clients) < EXIT, living, after)
    group, contribution = rng.integers(0, len(GROUPS), clients), rng.lognormal(1, 1.5, clients) - 3
    observed = observe(before, after, group, rng.integers(0, BLOCKS, clients), contribution, states=states, groups=GROUPS)
    return observed, Clients(after, group, rng.beta(1, 30, clients), contribution)


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What a piece of work returns, and its seconds of the processor, which a busy machine does not lengthen."""
    start = time.process_time()
    return work(), time.process_time() - start


def main() -> None:
    """Draw, value and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    observed, clients = book(count, np.random.default_rng(7))
    chain, drawing = timed(lambda: draw_chains(observed, seed=1))
    _, plain = timed(lambda: retention_annuity(clients.contribution, (1 - clients.churn) ** (1 / 3), Outlook().monthly_discount))
    for months in (Outlook().months, LONG_MONTHS):
        found, valuing = timed(lambda months=months: clv(chain, clients, Outlook(months=months, persistence=0.9)))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{count:,} clients, {months} months: {drawing + valuing:.1f} s ({drawing:.1f} s for the draws), peak {peak:.2f} GB;"
            f" median of the book {np.nansum(found.median):,.0f}; annuity {plain:.3f} s, ratio {(drawing + valuing) / plain:.0f}"
        )


if __name__ == "__main__":
    main()
