"""The back-test of lifetime value: what the chain would have said a year ago, held against what clients have brought since."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bankseg.domain.errors import MissingDataError
from bankseg.domain.horizon import add_months
from bankseg.economics.clv import Clients, clv
from bankseg.economics.clv_check import BackTest, average_times_months, back_test, beats, retention_annuity
from bankseg.lake.extent import first_fact_on
from bankseg.lake.parquet import read_all
from bankseg.segments.arrays import numbers
from bankseg.segments.lifetime import STATES, Standing, cuts_of, standing
from bankseg.services.bank import Bank
from bankseg.services.lifetime_months import month_files, months_standing, standings_of
from bankseg.services.lifetime_plan import learned_buckets, planned_months
from bankseg.services.lifetime_value import MONTHS_A_YEAR, Learned, learn, outlook_of, value_12m
from bankseg.services.study_outcome import Outcome
from bankseg.storage.run import Run

Array = NDArray[np.float64]
Told = Callable[[int, int, str], None]

INCOME = ("interest_margin_12m_minor", "contract_margin_12m_minor", "fees_12m_minor")
STEPS = 4
COSTS = ("account_cost_12m_minor", "service_cost_12m_minor")


def check_parameters(run: Run) -> dict[str, Any]:
    """The parameters of a back-test: the day it is seen from, a year before the run's."""
    return {"seen_from": add_months(date.fromisoformat(run.as_of), -MONTHS_A_YEAR).isoformat(), "months": MONTHS_A_YEAR}


def check(bank: Bank, run: Run, parameters: Mapping[str, Any], seed: int, told: Told) -> Outcome:
    """Learn from the months before the day seen from, predict the year after it, and compare with what was earned.

    No propensity enters: no model of that day is asked, so the figures are the chain's own.

    Raises
    ------
    MissingDataError
        When the history does not reach back far enough.
    """
    seen_from, as_of = date.fromisoformat(parameters["seen_from"]), date.fromisoformat(run.as_of)
    section = bank.policy.section("clv")
    plan = planned_months(
        section, int(bank.policy.section("horizon")["observation_days"]), seen_from, frozenset(run.table_versions), first_fact_on(bank.lake, run.table_versions)
    )
    if not plan["months"]:
        raise MissingDataError(f"seen from {seen_from}, {plan['why']}", "a longer history", "load earlier extracts, or ask again when a year has passed")
    days = [date.fromisoformat(day) for day in plan["months"]]
    told(0, STEPS, f"value and activity from {days[0]} on")
    rolls = months_standing(bank, run, days, learned_buckets(section, int(run.plan["buckets"])))
    cuts = cuts_of(rolls[0])
    everybody = range(int(run.plan["buckets"]))
    told(1, STEPS, f"value and activity as of {seen_from}")
    roll = months_standing(bank, run, [seen_from], everybody)[0]
    standings = [*(standing(month, cuts) for month in rolls), standing(roll, cuts)]
    told(2, STEPS, "what the year brought")
    learned = learn(standings, section, seed)
    earned_by, earned = _earned(bank, run, as_of)
    told(3, STEPS, "comparing")
    result = _compared(learned, (standings[-1], value_12m(roll)), (earned_by, earned), section)
    told(STEPS, STEPS, "")
    return Outcome({**result, "seen_from": seen_from.isoformat(), "learned_from": plan["months"][0], "moves": len(plan["months"])}, None)


def _earned(bank: Bank, run: Run, as_of: date) -> tuple[NDArray[np.str_], Array]:
    """What each client brought in the year up to a date, also those who left in it: value where known, else margins and fees less costs."""
    files = month_files(bank, run, [as_of], range(int(run.plan["buckets"])))
    roll, raw = standings_of(bank, run, files).sort_by("client_id"), read_all(files).sort_by("client_id")
    value = numbers(roll, "value_12m_minor")
    parts = [sign * np.nan_to_num(numbers(raw, name)) for names, sign in ((INCOME, 1), (COSTS, -1)) for name in names if name in raw.column_names]
    return np.array(roll.column("client_id").to_pylist()), np.where(np.isnan(value), np.sum(parts, axis=0), value)


def _compared(learned: Learned, seen: tuple[Standing, Array], earned: tuple[NDArray[np.str_], Array], section: Mapping[str, Any]) -> dict[str, Any]:
    """Every estimate against what was earned, by clients who could still leave on the day; the two plain ones as they are stated, from a year's contribution."""
    now, year = seen
    ids, amounts = earned
    _, here, there = np.intersect1d(now.ids, ids, return_indices=True)
    living = (now.state[here] >= 0) & (now.state[here] < len(STATES) - 2)
    here, there = here[living], there[living]
    clients = Clients(now.state[here], now.group[here], np.full(len(here), np.nan), now.monthly[here])
    outlook = outlook_of(section, learned.persistence, MONTHS_A_YEAR)
    stay = np.full(len(here), learned.retention)
    monthly = year[here] / MONTHS_A_YEAR
    estimates = {
        "annuity": retention_annuity(monthly, stay, outlook.monthly_discount),
        "average": average_times_months(monthly, MONTHS_A_YEAR, learned.retention**MONTHS_A_YEAR),
        "state": clv(learned.chain, clients, outlook_of(section, 0.0, MONTHS_A_YEAR)).median,
        "clv": clv(learned.chain, clients, outlook).median,
    }
    found = {name: back_test(predicted, amounts[there]) for name, predicted in estimates.items()}
    return {
        "clients": len(here), "persistence": learned.persistence, "retention": learned.retention,
        "estimates": {name: _told(one) for name, one in found.items()},
        "beats": {name: beats(found["clv"], found[name]) for name in ("annuity", "average")},
        "sums_agree": found["clv"].sums_agree,
    }  # fmt: skip


def _told(found: BackTest) -> dict[str, float]:
    return {
        "rank_correlation": found.rank_correlation,
        "top_decile_capture": found.top_decile_capture,
        "top_decile_of_best": found.top_decile_of_best,
        "sum_ratio": found.sum_ratio,
    }
