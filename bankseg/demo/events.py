"""The events of a month: who leaves, dies, drains, falls silent, buys or gives up a product."""

from dataclasses import dataclass

import numpy as np

from bankseg.demo.arrays import Bools, Floats, Ints, days_between
from bankseg.demo.book import Book
from bankseg.demo.calendar import Month
from bankseg.demo.clients import Way
from bankseg.demo.contracts import close_contracts, open_contracts
from bankseg.demo.drivers import MONTHS_ON
from bankseg.demo.postings import Postings
from bankseg.demo.products import CROSS_SELL, DEPOSITS, LOANS, PRODUCTS, Product, target_name
from bankseg.demo.transactions import clicks, has_loan, is_paid

# Monthly chance to give up one product while staying a client.
GIVE_UP = {
    Product.SAVINGS: 0.004, Product.SECURITIES: 0.002, Product.LIFE_INSURANCE: 0.0015, Product.HOME_INSURANCE: 0.004,
    Product.CARD: 0.002, Product.CREDIT_CARD: 0.004, Product.OVERDRAFT: 0.003, Product.MERCHANT_SERVICES: 0.004,
}  # fmt: skip
# Bought now and then with nothing planted behind it.
UNPLANTED_SALES = {Product.CARD: 0.010, Product.OVERDRAFT: 0.004}
MOVED, FRAUD, BANK_IN_DISTRESS, ODD = 0.0002, 0.00003, 0.012, 0.00005
SUDDEN_DRAIN = 0.7  # share of drains that take one month; the others take three
SALARY_LOSS_FELT_MONTHS = 9  # months for which a lost salary drives other events
RENEWAL_DAYS = 365
NEARLY_EMPTY_CENTS = 50_000
INVESTED_SHARE = 0.15  # of deposits, put into a new investment


@dataclass(slots=True)
class Leaving:
    """Clients whose every contract closes this month: the day (-1 stays) and the reason."""

    day: Ints
    reason: Ints

    @property
    def who(self) -> Bools:
        return self.day >= 0


LEAVING_REASONS = ("client_request", "bank_initiated", "death", "moved_abroad", "fraud", "unknown")


def draw_leaving(rng: np.random.Generator, book: Book, month: Month, chance: Floats) -> Leaving:
    """Who leaves the bank this month; the dead leave the month after."""
    count, here = len(chance), book.is_here(month.first - 1) & (book.holdings > 0)
    day = days_between(rng, np.full(count, month.first + 1), np.full(count, month.last))
    reason = np.full(count, -1)
    died_before = (book.died >= 0) & (book.died < month.first)
    for name, happens in (
        *((name, rng.random(count) < chance_of) for name, chance_of in other_endings(book).items()),
        ("client_request", (rng.random(count) < chance) & (book.died < 0)),
        ("death", died_before),
    ):
        reason = np.where(happens & here, LEAVING_REASONS.index(name), reason)
    return Leaving(day=np.where(reason >= 0, day, -1), reason=reason)


def other_endings(book: Book) -> dict[str, Floats]:
    """Monthly chance of each ending that is neither the client's wish nor death."""
    everyone = np.ones(len(book.clients))
    return {
        "unknown": ODD * everyone,
        "fraud": FRAUD * everyone,
        "moved_abroad": MOVED * book.clients.is_person,
        "bank_initiated": BANK_IN_DISTRESS * book.drivers["distress"],
    }


def death_chance(book: Book, month: Month) -> Floats:
    """Monthly chance to die (Gompertz in age); companies and bodies do not."""
    is_natural = book.clients.is_person | (book.clients.way == Way.SOLE_TRADER)
    chance: Floats = np.exp(-10.6 + 0.095 * book.clients.age(month.last)) / 12 * is_natural
    return chance


def draw_deaths(rng: np.random.Generator, book: Book, month: Month) -> None:
    """Who dies this month (Gompertz in age)."""
    chance = death_chance(book, month)
    dies = (rng.random(len(chance)) < chance) & book.is_here(month.first - 1) & (book.died < 0)
    day = days_between(rng, np.full(len(chance), month.first), np.full(len(chance), month.last))
    book.died = np.where(dies, day, book.died)


def start_departures(rng: np.random.Generator, book: Book, chance: dict[str, Floats], staying: Bools) -> None:
    """Start salary losses, drains and silences."""
    count = len(staying)
    loses = staying & is_paid(book) & (rng.random(count) < chance["salary_leaves"])
    book.lost_salary_months = np.where(loses, 1, np.where(book.lost_salary_months > 0, book.lost_salary_months + 1, 0))
    drains = staying & can_drain(book) & (rng.random(count) < chance["drain"])
    sudden = rng.random(count) < SUDDEN_DRAIN
    share = np.where(sudden, rng.uniform(0.75, 0.92, count), rng.uniform(0.36, 0.46, count))
    book.drain_left = np.where(drains, np.where(sudden, 1, 3), book.drain_left)
    book.drain_share = np.where(drains, share, book.drain_share)
    silences = staying & ~book.drivers["silent"] & (rng.random(count) < chance["falls_silent"]) & can_fall_silent(book)
    returns = book.drivers["silent"] & (rng.random(count) < return_chance(book))
    book.drivers["silent"] = (book.drivers["silent"] & ~returns) | silences
    book.drivers["salary_left"] = (book.lost_salary_months > 0) & (book.lost_salary_months <= SALARY_LOSS_FELT_MONTHS)
    fades = (book.drain_left == 0) & (rng.random(count) < 1 / MONTHS_ON["draining"])
    book.drivers["draining"] = drains | (book.drivers["draining"] & ~fades)
    # Money that left comes back slowly, if at all.
    book.level = np.where((book.drain_left == 0) & (book.level < 1), np.minimum(book.level * 1.02, 1.0), book.level)


def can_drain(book: Book) -> Bools:
    """Clients with deposits worth taking elsewhere and no drain behind them that is still felt."""
    able: Bools = (book.drain_left == 0) & (book.level > 0.45) & ~book.drivers["silent"] & (book.deposits[:, 0] > 80_000) & (book.died < 0)
    return able


def can_fall_silent(book: Book) -> Bools:
    """Clients with neither salary nor loan here, and no drain under way."""
    able: Bools = ~is_paid(book) & ~has_loan(book) & (book.drain_left == 0) & (book.holdings > 0)
    return able


def return_chance(book: Book) -> Floats:
    """Monthly chance that a silent client comes back."""
    return 0.05 + 0.07 * (book.clients.is_digital & ~book.drivers["quiet_online"])


def sell_products(rng: np.random.Generator, book: Book, month: Month, chance: dict[str, Floats], lacking: Bools, postings: Postings) -> None:
    """Open the contracts bought this month, by clients who lacked the product when it began, and move the money they need."""
    count, base = len(lacking), book.holds(Product.CURRENT_ACCOUNT)
    for product in (*CROSS_SELL, *UNPLANTED_SALES):
        wanted = chance[target_name(product)] if product in CROSS_SELL else np.full(count, UNPLANTED_SALES[product])
        client = np.flatnonzero((rng.random(count) < wanted) & lacking[:, product] & base & ~book.holds(product) & ~book.drivers["silent"])
        day = days_between(rng, np.full(len(client), month.first), np.full(len(client), month.last))
        open_contracts(rng, book, client, product, day)
        if product in (Product.TERM_DEPOSIT, Product.SECURITIES, Product.LIFE_INSURANCE, Product.SAVINGS):
            _fund(rng, book, client, product, day, postings)
        elif product in LOANS:
            _pay_out(rng, book, client, product, day, month, postings)


def _fund(rng: np.random.Generator, book: Book, client: Ints, product: Product, day: Ints, postings: Postings) -> None:
    channel = clicks(rng, book, client)
    from_savings = book.holds(Product.SAVINGS)[client] & (product != Product.SAVINGS)
    for source, who in ((Product.SAVINGS, from_savings), (Product.CURRENT_ACCOUNT, ~from_savings)):
        amount = np.rint(INVESTED_SHARE * np.maximum(book.balance[client, source], 0)).astype(np.int64) // 100 * 100
        able = who & (amount > 0)
        postings.move(client[able], source=source, target=product, day=day[able], amount=amount[able], channel=channel[able])


def _pay_out(rng: np.random.Generator, book: Book, client: Ints, product: Product, day: Ints, month: Month, postings: Postings) -> None:
    """The loan arrives on the current account and is spent within days."""
    amount = -book.balance[client, product]
    postings.add(client, Product.CURRENT_ACCOUNT, day, amount, kind="other", channel="automatic")
    spent = np.minimum(day + rng.integers(0, 5, len(client)), month.last)
    postings.add(client, Product.CURRENT_ACCOUNT, spent, -amount, kind="transfer_out", channel=clicks(rng, book, client))


def give_up_products(rng: np.random.Generator, book: Book, month: Month, staying: Bools, postings: Postings) -> None:
    """Close single contracts at the client's wish, and those that mature."""
    count = len(staying)
    for product, chance in GIVE_UP.items():
        keeps_other = book.holds(Product.CURRENT_ACCOUNT) & (book.opened[:, product] < month.first - 60)
        # Savings are only given up when nearly empty: a closing would otherwise be a loss of deposits with nothing before it.
        keeps_other &= (product != Product.SAVINGS) | (book.balance[:, product] < NEARLY_EMPTY_CENTS)
        factor = np.where(book.drivers["disengaged"], 2.0, 1.0)
        client = np.flatnonzero(staying & keeps_other & book.holds(product) & (rng.random(count) < chance * factor))
        _close_to_current(rng, book, client, product, month, "client_request", postings)
    for product in (Product.TERM_DEPOSIT, *LOANS):
        matured = staying & book.holds(product) & (book.matures[:, product] <= month.last)
        if product == Product.TERM_DEPOSIT:
            # Without savings to pay into, a term deposit is rolled over: its money does not leave by itself.
            renews = matured & ~book.holds(Product.SAVINGS)
            book.matures[renews, product] += RENEWAL_DAYS
            matured &= ~renews
        broken = staying & book.holds(product) & (product == Product.TERM_DEPOSIT) & (book.drain_left > 0)
        for who, reason in ((matured, "maturity"), (broken & ~matured, "client_request")):
            _close_to_current(rng, book, np.flatnonzero(who), product, month, reason, postings)


def _close_to_current(rng: np.random.Generator, book: Book, client: Ints, product: Product, month: Month, reason: str, postings: Postings) -> None:
    day = days_between(rng, np.full(len(client), month.first), np.full(len(client), month.last))
    to_savings = book.holds(Product.SAVINGS)[client] & (product == Product.TERM_DEPOSIT)
    if reason == "maturity":
        day = np.clip(book.matures[client, product], month.first, month.last)
    amount = (book.balance + postings.totals())[client, product]
    target = np.where(book.holds(Product.CURRENT_ACCOUNT)[client] & ~to_savings, Product.CURRENT_ACCOUNT, Product.SAVINGS)
    for goal in (Product.CURRENT_ACCOUNT, Product.SAVINGS):
        pays = (amount > 0) & (target == goal) & book.holds(goal)[client]
        postings.move(client[pays], source=product, target=goal, day=day[pays], amount=amount[pays], channel="automatic")
    postings.columns()
    close_contracts(book, client, product, day, reason)


def close_leaving(book: Book, leaving: Leaving, postings: Postings) -> None:
    """Pay out every deposit of the leaving clients, close all their contracts and let them go."""
    kept = book.balance + postings.totals()
    for product in PRODUCTS:
        client = np.flatnonzero(leaving.who & book.holds(product))
        if product in DEPOSITS:
            out = client[kept[client, product] != 0]
            postings.add(out, product, leaving.day[out], -kept[out, product], kind="transfer_out", channel="branch")
        for number, reason in enumerate(LEAVING_REASONS):
            some = client[leaving.reason[client] == number]
            close_contracts(book, some, product, leaving.day[some], reason)
    book.left = np.where(leaving.who, leaving.day, book.left)
