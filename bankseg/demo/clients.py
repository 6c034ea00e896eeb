"""Who the clients of the demo bank are: everything about them that does not change over the months."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from bankseg.demo import names
from bankseg.demo.arrays import Bools, Floats, Ints, Texts, spread
from bankseg.demo.calendar import Month
from bankseg.demo.people import branch_of, rm_id

DAYS_A_YEAR = 365.25


class Way(IntEnum):
    """How a client uses the bank."""

    SALARIED = 0
    PENSIONER = 1
    SECONDARY = 2  # main bank elsewhere
    STUDENT = 3
    SAVER = 4  # savings only, hardly ever seen
    SOLE_TRADER = 5
    COMPANY = 6
    NONPROFIT = 7
    PUBLIC = 8
    PROSPECT = 9


SHARES = np.array([0.47, 0.15, 0.10, 0.05, 0.065, 0.055, 0.065, 0.015, 0.005, 0.025])
# Age: mean, spread, least, most.
AGES = np.array(
    [(41, 11, 20, 63), (74, 7, 63, 94), (43, 14, 20, 75), (21.5, 2, 18, 27), (47, 17, 18, 88), (45, 10, 22, 66), (15, 9, 1, 60), (20, 10, 2, 70), (40, 15, 5, 90), (38, 13, 18, 75)],
    dtype=float,
)  # fmt: skip
# Monthly income or turnover in euros: median, spread of the logarithm.
INCOMES = np.array([(2350, 0.38), (1750, 0.35), (2350, 0.4), (650, 0.35), (2100, 0.4), (4200, 0.5), (38000, 0.8), (9000, 0.7), (60000, 0.7), (2200, 0.4)])
JOINED_LATER = 0.34  # share of clients who join during the months shown


@dataclass(slots=True)
class Clients:
    """One chunk of clients, arrays in step."""

    number: Ints
    way: Ints
    birth: Ints  # day numbers; firms: foundation
    is_female: Bools
    income: Floats  # euros a month: salary, pension or turnover
    joined: Ints
    is_digital: Bools
    loyalty: Floats  # hidden, standard normal
    frailty: Floats  # hidden credit risk, standard normal
    pace: Floats  # own multiple of the way's transaction rates
    current_months: Floats  # usual balance of the current account, in months of income
    savings_months: Floats  # usual savings, in months of income
    payday: Ints
    rm_number: Ints
    household: Ints  # -1: alone

    def __len__(self) -> int:
        return len(self.number)

    @property
    def is_person(self) -> Bools:
        """Natural persons who are clients in a private capacity."""
        return self.way <= Way.SAVER

    @property
    def is_firm(self) -> Bools:
        """Sole traders, companies, non-profits and public bodies."""
        is_firm: Bools = (self.way >= Way.SOLE_TRADER) & (self.way <= Way.PUBLIC)
        return is_firm

    @property
    def is_prospect(self) -> Bools:
        is_prospect: Bools = self.way == Way.PROSPECT
        return is_prospect

    def age(self, day: int) -> Floats:
        """Years since birth or foundation."""
        return (day - self.birth) / DAYS_A_YEAR

    def client_ids(self) -> Texts:
        return np.array([f"C{number:08d}" for number in self.number], dtype=object)


def make_clients(rng: np.random.Generator, first_number: int, count: int, months: tuple[Month, ...], managers: int) -> Clients:
    """Draw one chunk of clients."""
    way = rng.choice(len(SHARES), count, p=SHARES / SHARES.sum())
    mean, sd, least, most = AGES[way].T
    age = np.clip(rng.normal(mean, sd), least, most)
    median, sigma = INCOMES[way].T
    income = median * np.exp(sigma * rng.standard_normal(count)) * np.where(way == Way.SALARIED, 1 + 0.008 * (age - 41), 1.0)
    birth = (months[-1].last - age * DAYS_A_YEAR).astype(np.int64)
    digital_chance = np.where(way == Way.PENSIONER, 0.45, np.where(way == Way.SAVER, 0.5, 0.82))
    payday = np.where(rng.random(count) < 0.8, rng.integers(24, 29, count), rng.integers(1, 6, count))
    return Clients(
        number=first_number + np.arange(count),
        way=way,
        birth=birth,
        is_female=rng.random(count) < 0.52,
        income=np.maximum(income, 300.0),
        joined=_joined(rng, birth, way, months),
        is_digital=rng.random(count) < digital_chance,
        loyalty=rng.standard_normal(count),
        frailty=rng.standard_normal(count),
        pace=spread(rng, 0.28, count),
        current_months=0.9 * spread(rng, 0.4, count),
        savings_months=6.0 * spread(rng, 0.8, count),
        payday=payday,
        rm_number=rng.integers(1, managers + 1, count),
        household=_households(rng, way, first_number),
    )


def _joined(rng: np.random.Generator, birth: Ints, way: Ints, months: tuple[Month, ...]) -> Ints:
    count, start, end = len(birth), months[0].first, months[-1].last
    before = start - 30 - (rng.gamma(1.6, 2000, count)).astype(np.int64)
    grown = np.where(way <= Way.SAVER, birth + round(17 * DAYS_A_YEAR), birth)
    before = np.maximum(before, np.minimum(grown, start - 40))
    later = start + (rng.random(count) * (end - start - 20)).astype(np.int64)
    return np.where(rng.random(count) < JOINED_LATER, later, before)


def _households(rng: np.random.Generator, way: Ints, first_number: int) -> Ints:
    """Pair neighbouring private clients into households of two."""
    pair = np.arange(len(way)) // 2
    is_private = way <= Way.SAVER
    paired = is_private & (rng.random(len(pair)) < 1)
    together = rng.random(pair[-1] + 1) < 0.55
    return np.where(paired & together[pair], first_number // 2 + pair, -1)


def display_names(rng: np.random.Generator, clients: Clients) -> Texts:
    """Fictitious display names by kind of client."""
    count, way = len(clients), clients.way
    chosen = names.person_names(rng, clients.is_female)
    for heads, ways in (
        (names.FIRM_HEADS, (Way.COMPANY,)),
        (names.NONPROFIT_HEADS, (Way.NONPROFIT,)),
        (names.PUBLIC_HEADS, (Way.PUBLIC,)),
    ):
        chosen = np.where(np.isin(way, ways), names.firm_names(rng, heads, count), chosen)
    return chosen


def manager_codes(clients: Clients) -> tuple[Texts, Texts]:
    """Relationship manager and branch code of each client."""
    most = int(clients.rm_number.max(initial=1)) + 1
    codes = np.array([rm_id(number) for number in range(most)], dtype=object)
    branches = np.array([branch_of(max(number, 1)) for number in range(most)], dtype=object)
    return codes[clients.rm_number], branches[clients.rm_number]
