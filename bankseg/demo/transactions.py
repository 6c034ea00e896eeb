"""Ordinary movements of a month: what clients do by themselves, and what runs automatically."""

from typing import NamedTuple

import numpy as np

from bankseg.demo.arrays import Bools, Floats, Ints, cents, days_between, spread
from bankseg.demo.book import Book
from bankseg.demo.calendar import Month
from bankseg.demo.clients import Way
from bankseg.demo.drivers import Situation
from bankseg.demo.postings import CHANNELS, Postings, channel_number
from bankseg.demo.products import LOANS, Product

MCC_CODES = np.array([5411, 5812, 5541, 5912, 5311, 5651, 4111, 5942, 7832, 5732, 5200, 7230, 8011, 4812, 5999, 5462])
MCC_SHARES = np.array([0.24, 0.13, 0.10, 0.06, 0.06, 0.06, 0.06, 0.04, 0.03, 0.04, 0.04, 0.03, 0.03, 0.03, 0.03, 0.02])
MCC_CHILD, MCC_TRAVEL, MCC_HOME = 5641, 4511, 5211
RETIREMENT_AGE = 64.0
DISENGAGED_SHARE = 0.3  # of the usual movements, card purchases aside, which stop
WAGE_PAUSE = 0.0015  # chance that one salary is simply missed


class Family(NamedTuple):
    """One family of movements: monthly rate and amount (in months of income) for each Way."""

    kind: str
    sign: int
    rates: tuple[float, ...]
    sizes: tuple[float, ...]
    channels: dict[str, float]


ONLINE = {"mobile": 0.5, "web": 0.35, "branch": 0.12, "phone": 0.03}
# Order of Way without prospects: salaried, pensioner, secondary, student, saver, sole trader, company, nonprofit, public.
FAMILIES = (
    Family("card_purchase", -1, (6.2, 3.4, 2.6, 5.5, 0, 3.4, 3.4, 0.6, 0.5), (0.052, 0.062, 0.065, 0.065, 0, 0.018, 0.009, 0.02, 0.01), {"card_terminal": 0.8, "web": 0.12, "mobile": 0.08}),
    Family("cash_withdrawal", -1, (0.6, 0.9, 0.25, 0.5, 0.05, 0.4, 0.1, 0.1, 0), (0.06, 0.08, 0.06, 0.06, 0.1, 0.03, 0.005, 0.01, 0), {"atm": 0.93, "branch": 0.07}),
    Family("direct_debit", -1, (1.3, 1.1, 0.25, 0.3, 0, 1.4, 2.4, 0.9, 0.9), (0.2, 0.18, 0.15, 0.12, 0, 0.05, 0.05, 0.06, 0.1), {"automatic": 1.0}),
    Family("standing_order", -1, (0.35, 0.35, 0.05, 0.1, 0, 0.4, 0.9, 0.4, 0.9), (0.22, 0.2, 0.15, 0.3, 0, 0.08, 0.05, 0.08, 0.1), {"automatic": 1.0}),
    Family("transfer_out", -1, (0.5, 0.3, 0.4, 0.35, 0.17, 2.0, 5.5, 1.4, 3.5), (0.16, 0.2, 0.2, 0.12, 0.3, 0.3, 0.12, 0.4, 0.18), ONLINE),
    Family("transfer_in", 1, (0.25, 0.2, 0.5, 0.9, 0.17, 2.8, 5.5, 1.8, 2.0), (0.12, 0.15, 0.4, 0.7, 0.35, 0.28, 0.16, 0.45, 0.42), {"automatic": 1.0}),
    Family("cheque_in", 1, (0.06, 0.12, 0.06, 0.03, 0.03, 0.5, 1.0, 0.9, 0.2), (0.15, 0.12, 0.15, 0.1, 0.2, 0.15, 0.08, 0.1, 0.1), {"branch": 0.75, "mail": 0.25}),
    Family("cheque_out", -1, (0.08, 0.3, 0.05, 0.01, 0, 0.4, 0.9, 0.6, 0.2), (0.12, 0.12, 0.12, 0.1, 0, 0.1, 0.05, 0.08, 0.1), {"mail": 1.0}),
    Family("cash_deposit", 1, (0.02, 0.03, 0.02, 0.05, 0.01, 0.4, 0.5, 0.15, 0), (0.15, 0.1, 0.15, 0.15, 0.2, 0.1, 0.02, 0.05, 0), {"branch": 0.6, "atm": 0.4}),
)  # fmt: skip


def family_rates() -> Floats:
    """Monthly rate by family and way, a zero column for prospects."""
    return np.array([(*family.rates, 0.0) for family in FAMILIES])


def is_paid(book: Book) -> Bools:
    """Who has a salary or pension paid here."""
    paid: Bools = (book.clients.way <= Way.PENSIONER) & (book.lost_salary_months == 0) & book.holds(Product.CURRENT_ACCOUNT)
    return paid


def activity(book: Book) -> Floats:
    """Share of a client's usual movements in the present state."""
    factor = np.where(book.drivers["disengaged"], DISENGAGED_SHARE, 1.0)
    factor = factor * np.where(book.lost_salary_months > 0, 0.4, 1.0)
    return factor * ~book.drivers["silent"] * (book.died < 0)


def usual_pace(book: Book) -> Floats:
    """Client-initiated movements a client makes in a usual month, salaries aside."""
    pace: Floats = family_rates()[:, book.clients.way].sum(axis=0) * book.clients.pace
    return pace


def post_ordinary(rng: np.random.Generator, book: Book, first: Ints, last: Ints, postings: Postings) -> None:
    """Post every family's movements between each client's first and last day of the month."""
    way, rates = book.clients.way, family_rates()
    open_to = np.where(book.holds(Product.CURRENT_ACCOUNT), Product.CURRENT_ACCOUNT, Product.SAVINGS)
    reach = activity(book) * book.clients.pace * (last >= first) * (book.row[np.arange(len(way)), open_to] >= 0) * (last - first + 1) / 30.4
    for number, family in enumerate(FAMILIES):
        # A disengaged client pays with another bank's card.
        used = reach * ~book.drivers["disengaged"] if family.kind == "card_purchase" else reach
        client = np.repeat(np.arange(len(way)), rng.poisson(rates[number, way] * used))
        size = np.array([*family.sizes, 0.0])[way[client]] * book.clients.income[client]
        amount = family.sign * np.maximum(cents(size * spread(rng, 0.6, len(client))), 100)
        day = days_between(rng, first[client], last[client])
        channel = rng.choice([channel_number(name) for name in family.channels], len(client), p=list(family.channels.values()))
        mcc = _mcc(rng, book, client) if family.kind == "card_purchase" else np.zeros(len(client), dtype=np.int64)
        for product in (Product.CURRENT_ACCOUNT, Product.SAVINGS):
            on = open_to[client] == product
            postings.add(client[on], product, day[on], amount[on], kind=family.kind, channel=channel[on], mcc=mcc[on])


def _mcc(rng: np.random.Generator, book: Book, client: Ints) -> Ints:
    """Merchant categories; life events show in the basket."""
    drawn = rng.choice(MCC_CODES, len(client), p=MCC_SHARES / MCC_SHARES.sum())
    for driver, code in (("child", MCC_CHILD), ("card_wish", MCC_TRAVEL), ("home", MCC_HOME)):
        drawn = np.where(book.drivers[driver][client] & (rng.random(len(client)) < 0.25), code, drawn)
    return drawn


def post_income(rng: np.random.Generator, book: Book, month: Month, first: Ints, last: Ints, postings: Postings) -> None:
    """Post salaries and pensions on each client's payday."""
    day = month.first - 1 + book.clients.payday + rng.integers(0, 2, len(book.clients))
    paid = is_paid(book) & (first <= day) & (day <= last) & (rng.random(len(day)) >= WAGE_PAUSE) & (book.died < 0)
    raised = book.clients.income * 1.02 ** (month.year - 2025) * np.exp(0.015 * rng.standard_normal(len(day)))
    is_pension = book.clients.age(month.last) >= RETIREMENT_AGE
    for kind, who in (("salary", paid & ~is_pension), ("pension", paid & is_pension)):
        client = np.flatnonzero(who)
        postings.add(client, Product.CURRENT_ACCOUNT, day[client], cents(raised[client]), kind=kind, channel="automatic")


def post_fees(rng: np.random.Generator, book: Book, month: Month, first: Ints, last: Ints, postings: Postings) -> None:
    """Post account fees, yearly interest on savings and rejected debits of clients in distress."""
    has_current = book.holds(Product.CURRENT_ACCOUNT) & (last == month.last) & (first <= last)
    client = np.flatnonzero(has_current & (rng.random(len(first)) < 0.45))
    fee = -cents(np.where(book.clients.is_firm[client], 14.0, 3.2) * spread(rng, 0.3, len(client)))
    postings.add(client, Product.CURRENT_ACCOUNT, last[client], fee, kind="fee", channel="automatic")
    if month.month == 12:
        saver = np.flatnonzero(book.holds(Product.SAVINGS) & (last == month.last) & (book.balance[:, Product.SAVINGS] > 0))
        earned = (book.balance[saver, Product.SAVINGS] * book.rate[saver, Product.SAVINGS] / 100).astype(np.int64)
        postings.add(saver, Product.SAVINGS, last[saver], earned, kind="interest", channel="automatic")
    is_live = has_current & (activity(book) > 0)
    client = np.repeat(np.arange(len(first)), rng.poisson(is_live * (1.1 * book.drivers["distress"] + 0.004)))
    amount = cents(0.06 * book.clients.income[client] * spread(rng, 0.4, len(client)))
    day = days_between(rng, first[client], last[client])
    postings.add(client, Product.CURRENT_ACCOUNT, day, -amount, kind="direct_debit", channel="automatic")
    postings.add(client, Product.CURRENT_ACCOUNT, day, amount, kind="rejected_debit", channel="automatic")


def clicks(rng: np.random.Generator, book: Book, client: Ints) -> Ints:
    """Channel of a transfer a client makes: online when digital, else at the branch or by phone."""
    online = rng.choice([CHANNELS.index("mobile"), CHANNELS.index("web")], len(client))
    offline = rng.choice([CHANNELS.index("branch"), CHANNELS.index("phone")], len(client), p=[0.85, 0.15])
    return np.where(book.clients.is_digital[client], online, offline)


def situation(book: Book, day: int) -> Situation:
    """What hazards depend on, at the end of a day."""
    clients = book.clients
    deposits = np.maximum(book.deposits[:, 0] / 100, 0) / np.where(clients.is_firm, clients.income / 2300, 1.0)
    return Situation(
        age=clients.age(day),
        tenure_years=np.maximum(day - clients.joined, 0) / 365.25,
        rich=np.clip((np.log(deposits + 200) - 8.8) / 1.3, -2.5, 2.5),
        paid=np.clip(np.where(clients.is_firm, 0.0, np.log(clients.income / 2200) / 0.4), -2.5, 2.5),
        is_person=clients.is_person,
        is_firm=clients.is_firm,
        is_digital=clients.is_digital,
        uses_card=~np.isin(clients.way, (Way.SAVER, Way.NONPROFIT, Way.PUBLIC)),
        loyalty=clients.loyalty,
        frailty=clients.frailty,
        score=book.score,
    )


def has_loan(book: Book) -> Bools:
    """Who holds a loan now."""
    held: Bools = np.any(book.row[:, list(LOANS)] >= 0, axis=1)
    return held
