"""Lifetime value on the roll: the state and group of each client at a date, the months between two dates, and what a chain learned from them says of a client."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.buckets import bucket_of
from bankseg.domain.errors import InputError
from bankseg.economics.clv import Clients, monthly_contribution, persistence
from bankseg.economics.tier_chain import CLOSED, DEFAULTED, Chain, Observed, coded, joined, observe, states_of
from bankseg.economics.value_bands import BANDS, band_cuts, bands
from bankseg.segments.arrays import UNKNOWN, client_ids, numbers, present, texts

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Cuts = Mapping[str, Array]

ACTIVITIES = ("active", "slowing", "lapsing", "dormant", "inactive")
STATES = states_of(BANDS, ACTIVITIES)
KINDS = ("sole_trader", "company", "nonprofit", "public")
AGES = (30, 45, 60, 75)
# Individuals by age band, those of unknown age, each other kind, and kinds the bank names itself.
GROUPS = (*(f"individual {band}" for band in range(len(AGES) + 1)), "individual ?", *KINDS, "other")
DEFAULT_STAGE = 3
BLOCKS = 64
NEEDED = ("client_id", "kind", "status", "activity", "value_12m_minor", "tenure_days")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the clients of a roll stand, ordered by `ids`: state and group in the chain (-1: none), block, contribution a month in minor units and churn (NaN: unknown)."""

    ids: NDArray[np.str_]
    state: Codes
    group: Codes
    block: Codes
    monthly: Array
    churn: Array

    def clients(self) -> Clients:
        """What `clv` values, in the order of `ids`."""
        return Clients(self.state, self.group, self.churn, self.monthly)


def cuts_of(roll: pa.Table) -> dict[str, Array]:
    """Edges of the value bands on this roll's clients, to be kept for every other date."""
    monthly = _monthly(roll)
    monthly[texts(roll, "status") != "active"] = np.nan
    return band_cuts(monthly, texts(roll, "kind").tolist())


def standing(roll: pa.Table, cuts: Cuts) -> Standing:
    """Where every client stands: in a band and an activity, closed when former, defaulted at stage 3; a prospect, or a client without known contribution, nowhere.

    Parameters
    ----------
    roll
        `client_id`, `kind`, `status`, `activity`, `value_12m_minor`, `tenure_days`; and `age_years`, `churn`, `stage` where loaded.

    Raises
    ------
    MissingDataError
        When a needed column is not there.
    """
    present(roll, NEEDED)
    ids = np.array(client_ids(roll))
    roll = roll.take(np.argsort(ids))
    ids = np.sort(ids)
    kinds, status, monthly = texts(roll, "kind"), texts(roll, "status"), _monthly(roll)
    places = bands(monthly, kinds.tolist(), cuts)
    activity = coded(texts(roll, "activity").tolist(), ACTIVITIES)
    state = np.where((places >= 0) & (activity >= 0), places * len(ACTIVITIES) + activity, -1)
    state = np.where(_optional(roll, "stage") >= DEFAULT_STAGE, STATES.index(DEFAULTED), state)
    state = np.where(status == "former", STATES.index(CLOSED), state)
    state = np.where(status == "prospect", -1, state)
    block = np.array([bucket_of(client, BLOCKS) for client in ids.tolist()], dtype=np.int64)
    return Standing(ids, state, _groups(kinds, _optional(roll, "age_years")), block, monthly, _optional(roll, "churn"))


def observed(months: Sequence[Standing]) -> Observed:
    """The moves of consecutive month ends; a client has moved where both hold it.

    Raises
    ------
    InputError
        When there are fewer than two dates.
    """
    if len(months) < 2:
        raise InputError(f"{len(months)} month ends", "two or more, a month apart", "segment more dates")
    return joined([_between(before, after) for before, after in pairwise(months)])


def measured_persistence(chain: Chain, first: Standing, last: Standing, months: int) -> float:
    """What is left a month later of a client's distance from its state, from the first and the last date; who closed or defaulted earns nothing."""
    _, before, after = np.intersect1d(first.ids, last.ids, return_indices=True)
    earned = np.where(last.state[after] >= len(STATES) - 2, 0.0, last.monthly[after])
    began = Clients(first.state[before], first.group[before], first.churn[before], first.monthly[before])
    return persistence(chain, began, earned, months)


def _between(before: Standing, after: Standing) -> Observed:
    _, one, other = np.intersect1d(before.ids, after.ids, return_indices=True)
    found = observe(before.state[one], after.state[other], before.group[one], before.block[one], before.monthly[one], states=STATES, groups=GROUPS)
    return _all_blocks(found)


def _all_blocks(found: Observed) -> Observed:
    """A small book may have nobody in the last blocks; months are added block by block."""
    missing = BLOCKS - len(found.moves)
    filled = [np.concatenate([part, np.zeros((missing, *part.shape[1:]))]) for part in (found.moves, found.contributions, found.clients)]
    return Observed(found.states, found.groups, *filled)


def _monthly(roll: pa.Table) -> Array:
    return monthly_contribution(numbers(roll, "value_12m_minor"), numbers(roll, "tenure_days"))


def _groups(kinds: NDArray[np.str_], age: Array) -> Codes:
    band = np.where(np.isnan(age), len(AGES) + 1, np.digitize(np.nan_to_num(age), AGES))
    others = coded(kinds.tolist(), KINDS)
    firm = np.where(others >= 0, GROUPS.index(KINDS[0]) + others, len(GROUPS) - 1)
    return np.where(np.isin(kinds, ("individual", UNKNOWN)), band, firm).astype(np.int64)


def _optional(roll: pa.Table, name: str) -> Array:
    return numbers(roll, name) if name in roll.column_names else np.full(roll.num_rows, np.nan)
