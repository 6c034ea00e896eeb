"""Lifetime value of a run's clients: the chain learned from the months before it, with its interval and the two plain estimates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.economics.clv import Outlook, clv
from bankseg.economics.clv_check import average_times_months, retention_annuity
from bankseg.economics.tier_chain import Chain, Observed, draw_chains
from bankseg.segments.arrays import numbers
from bankseg.segments.lifetime import STATES, Standing, cuts_of, measured_persistence, observed, standing
from bankseg.services.bank import Bank
from bankseg.services.lifetime_months import EXIT, months_standing, standings_of
from bankseg.services.lifetime_plan import NOBODY, NOT_PLANNED, learned_buckets
from bankseg.services.runs import seed_of
from bankseg.storage.run import Run

Array = NDArray[np.float64]

COLUMNS = ("clv_minor", "clv_low_minor", "clv_high_minor", "clv_annuity_minor", "clv_average_minor")
MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Learned:
    """A chain with what was measured beside it: part of a distance from the state left after a month, and part of the clients who stay a month."""

    chain: Chain
    persistence: float
    retention: float


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Values by client, in minor units, null where not known (none where nothing could be learned), and what the pages say of how they were found."""

    table: pa.Table | None
    summary: dict[str, Any]


def lifetimes(bank: Bank, run: Run, scores: list[Path]) -> Lifetimes:
    """Lifetime value of every active client of a run whose scores are written.

    Parameters
    ----------
    scores
        The scored snapshot, one file a bucket; its propensity of closing replaces the chain's own in the first months.
    """
    plan = run.plan.get("lifetime") or {"months": [], "why": NOT_PLANNED}
    if not plan["months"]:
        return Lifetimes(None, {"why": plan["why"]})
    section = bank.policy.section("clv")
    rolls = months_standing(bank, run, [date.fromisoformat(day) for day in plan["months"]], learned_buckets(section, int(run.plan["buckets"])))
    now_roll = with_exit(standings_of(bank, run, scores, (EXIT,)))
    cuts = cuts_of(rolls[0])
    standings = [*(standing(roll, cuts) for roll in rolls), standing(now_roll, cuts)]
    learned = learn(standings, section, seed_of(run.key))
    table = valued_clients(learned, standings[-1], value_12m(now_roll), section)
    valued = table.num_rows - table.column("clv_minor").null_count
    if not valued:
        return Lifetimes(None, {"why": NOBODY})
    summary = {
        "why": "", "months": int(section["months"]), "monthly_discount": float(section["monthly_discount"]), "persistence": learned.persistence,
        "retention": learned.retention, "learned_from": plan["months"][0], "moves": len(plan["months"]), "draws": int(section["draws"]), "learned_clients": rolls[0].num_rows,
        "clients": valued, "has_exit": EXIT in now_roll.column_names or "churn" in now_roll.column_names,
    }  # fmt: skip
    return Lifetimes(table, summary)


def learn(standings: list[Standing], section: Mapping[str, Any], seed: int) -> Learned:
    """The chain of consecutive month ends, drawn, with its persistence and retention.

    Parameters
    ----------
    section
        The policy's section `clv`.
    """
    seen = observed(standings)
    chain = draw_chains(seen, draws=int(section["draws"]), strength=float(section["prior_clients"]), seed=seed)
    kept = measured_persistence(chain, standings[0], standings[-1], len(standings) - 1)
    return Learned(chain, kept, retention_of(seen))


def retention_of(seen: Observed) -> float:
    """Part of the clients with a state who have one a month later, neither closed nor defaulted; 1 where nobody was seen."""
    moves = seen.moves.sum(axis=(0, 1))[:-2]
    total = float(moves.sum())
    return 1 - float(moves[:, -2:].sum()) / total if total else 1.0


def outlook_of(section: Mapping[str, Any], persistence: float, months: int | None = None) -> Outlook:
    """What a value is summed over, as the policy says."""
    return Outlook(months or int(section["months"]), float(section["monthly_discount"]), int(section["exit_months"]), persistence)


def valued_clients(learned: Learned, now: Standing, yearly: Array, section: Mapping[str, Any]) -> pa.Table:
    """Values of clients with a state that can still be left, by number; null for all others, and for a plain estimate of who has no known contribution."""
    outlook = outlook_of(section, learned.persistence)
    found = clv(learned.chain, now.clients(), outlook)
    living = (now.state >= 0) & (now.state < len(STATES) - 2)
    stay = np.where(np.isnan(now.churn), learned.retention, (1 - np.nan_to_num(now.churn)) ** (1 / outlook.exit_months))
    monthly = yearly / MONTHS_A_YEAR
    plain = (
        retention_annuity(monthly, stay, outlook.monthly_discount),
        average_times_months(monthly, outlook.months, learned.retention**outlook.months),
    )
    values = (found.median, found.low, found.high, *plain)
    columns = {name: _minor(np.where(living, value, np.nan)) for name, value in zip(COLUMNS, values, strict=True)}
    return pa.table({"client_id": pa.array(now.ids.tolist(), pa.string()), **columns})


def with_exit(roll: pa.Table) -> pa.Table:
    """A roll whose `churn` is the probability of closing alone: another churn target's is no probability of leaving."""
    return roll.rename_columns(["churn" if name == EXIT else name for name in roll.column_names])


def published_with(clients: pa.Table, table: pa.Table | None) -> pa.Table:
    """Published rows with the values, in the same order; null where there are none."""
    if table is None:
        nothing = pa.nulls(clients.num_rows, pa.int64())
        for name in COLUMNS:
            clients = clients.append_column(name, nothing)
        return clients
    return clients.join(table, "client_id", join_type="left outer").sort_by("client_id")


def value_12m(roll: pa.Table) -> Array:
    """Value over 12 months in the order of a standing: by number."""
    return numbers(roll.sort_by("client_id"), "value_12m_minor")


def _minor(values: Array) -> "pa.Array[Any]":  # int64
    known = ~np.isnan(values)
    whole: Callable[[Array], Array] = np.rint
    return pa.array(np.where(known, whole(np.nan_to_num(values)), 0).astype(np.int64), pa.int64(), mask=~known)
