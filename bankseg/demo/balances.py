"""Balances: what clients usually keep, how they steer towards it, and what is left at month end."""

import numpy as np

from bankseg.demo.arrays import Bools, Floats, Ints, cents, days_between
from bankseg.demo.book import Book
from bankseg.demo.postings import Postings
from bankseg.demo.products import DEPOSITS, Product
from bankseg.demo.transactions import clicks

CURRENT, SAVINGS = Product.CURRENT_ACCOUNT, Product.SAVINGS
STEERING_BAND = 0.10  # of monthly income: smaller surpluses are left where they are
TARGET_NOISE = 0.04
MOST_DRAWN = 0.2  # share of savings a client takes back in one month
WITHOUT_SAVINGS = 1.8  # clients without savings keep more on their current account
LEAKING_SHARE = 0.10  # of deposits, sent elsewhere in each month of a slow leak
MARKET_DRIFT, MARKET_SPREAD = 0.004, 0.025


def usual_current(book: Book) -> Floats:
    """Balance in cents a client steers the current account to."""
    months = book.clients.current_months * np.where(book.holds(SAVINGS), 1.0, WITHOUT_SAVINGS)
    kept = np.where(book.lost_salary_months > 0, 0.8, 1.0) * book.level
    kept = np.where(book.drivers["distress"], np.minimum(kept, 1.0) * 0.75, kept)
    return 100 * book.clients.income * months * kept


def usual_savings(book: Book) -> Floats:
    """Savings in cents a client steers to."""
    return 100 * book.clients.income * book.clients.savings_months * book.level


def start_balances(rng: np.random.Generator, book: Book, who: Bools) -> None:
    """Give clients who joined before the first month their usual balances."""
    for product, usual in ((CURRENT, usual_current(book)), (SAVINGS, usual_savings(book))):
        held = who & book.holds(product)
        book.balance[held, product] = np.rint(usual[held]).astype(np.int64)
    for product, months in ((Product.TERM_DEPOSIT, 3.0), (Product.SECURITIES, 5.0), (Product.LIFE_INSURANCE, 6.0)):
        held = who & book.holds(product)
        book.balance[held, product] = cents(np.round(months * book.clients.income * np.exp(0.6 * rng.standard_normal(len(who))), -1))[held]
    book.deposits[who] = book.balance[who][:, list(DEPOSITS)].sum(axis=1)[:, None]


def fund_new_clients(book: Book, who: Bools, postings: Postings) -> None:
    """Bring in the first money of clients who join this month, on the day they join."""
    for product, usual in ((CURRENT, usual_current(book)), (SAVINGS, usual_savings(book))):
        client = np.flatnonzero(who & book.holds(product))
        postings.add(client, product, book.clients.joined[client], np.rint(usual[client]).astype(np.int64), kind="transfer_in", channel="automatic")


def post_drains(rng: np.random.Generator, book: Book, first: Ints, last: Ints, postings: Postings) -> None:
    """Post the month's share of every drain and leak: savings to the current account, and from there to another bank."""
    kept = book.balance + postings.totals()
    share = np.where(book.drain_left > 0, book.drain_share, np.where(book.drivers["leaking"] & ~book.drivers["silent"], LEAKING_SHARE, 0.0))
    going = (share > 0) & (first <= last) & (book.died < 0)
    day = days_between(rng, first, last)
    savings_out = np.rint(np.maximum(kept[:, SAVINGS], 0) * share).astype(np.int64)
    current_out = np.rint(np.maximum(kept[:, CURRENT], 0) * share).astype(np.int64)
    settled = book.holds(SAVINGS) & (book.opened[:, SAVINGS] < first)
    both = np.flatnonzero(going & settled & book.holds(CURRENT) & (savings_out > 0))
    channel = clicks(rng, book, np.arange(len(first)))
    postings.move(both, source=SAVINGS, target=CURRENT, day=day[both], amount=savings_out[both], channel=channel[both])
    out = np.flatnonzero(going & book.holds(CURRENT))
    amount = current_out[out] + np.where(settled[out], savings_out[out], 0)
    postings.add(out, CURRENT, day[out], -np.maximum(amount, 1), kind="transfer_out", channel=channel[out])
    alone = np.flatnonzero(going & settled & ~book.holds(CURRENT) & (savings_out > 0))
    postings.add(alone, SAVINGS, day[alone], -savings_out[alone], kind="transfer_out", channel=channel[alone])
    book.level = np.where(going, book.level * (1 - share), book.level)
    book.drain_left = np.where(going & (book.drain_left > 0), book.drain_left - 1, book.drain_left)


def post_steering(rng: np.random.Generator, book: Book, first: Ints, last: Ints, postings: Postings) -> None:
    """Post the transfers by which clients steer their current account back to its usual balance."""
    columns, count = postings.columns(), len(first)
    is_busy = np.bincount(columns["client"], minlength=count) > 1
    kept = book.balance + postings.totals()
    target = usual_current(book) * np.exp(TARGET_NOISE * rng.standard_normal(count))
    surplus = np.rint(kept[:, CURRENT] - target).astype(np.int64)
    acts = is_busy & book.holds(CURRENT) & (first <= last) & ~book.drivers["silent"] & (book.died < 0)
    acts &= np.abs(surplus) > 100 * STEERING_BAND * book.clients.income
    has_savings, usual = book.holds(SAVINGS) & (book.opened[:, SAVINGS] < first), usual_savings(book)
    elsewhere = book.drivers["disengaged"] | (book.lost_salary_months > 0) | (book.drain_left > 0) | book.drivers["leaking"]
    saves = acts & has_savings & (surplus > 0) & ~elsewhere & (kept[:, SAVINGS] < 1.1 * usual)
    draws = acts & has_savings & (surplus < 0) & ~elsewhere & (kept[:, SAVINGS] > np.maximum(0.9 * usual, -surplus / MOST_DRAWN))
    day, channel = np.maximum(last - rng.integers(0, 6, count), first), clicks(rng, book, np.arange(count))
    for who, sign in ((np.flatnonzero(saves), 1), (np.flatnonzero(draws), -1)):
        source, goal = (CURRENT, SAVINGS) if sign > 0 else (SAVINGS, CURRENT)
        postings.move(who, source=source, target=goal, day=day[who], amount=np.abs(surplus[who]), channel=channel[who])
    sends, gets = np.flatnonzero(acts & ~saves & (surplus > 0)), np.flatnonzero(acts & ~draws & (surplus < 0))
    postings.add(sends, CURRENT, day[sends], -surplus[sends], kind="transfer_out", channel=channel[sends])
    postings.add(gets, CURRENT, day[gets], -surplus[gets], kind="transfer_in", channel="automatic")


def settle(rng: np.random.Generator, book: Book, postings: Postings, market: float) -> None:
    """Turn the month's movements into month-end balances."""
    count = len(book.clients)
    book.balance += postings.totals()
    for product, growth in ((Product.SECURITIES, market), (Product.LIFE_INSURANCE, 1.002)):
        book.balance[:, product] = np.rint(book.balance[:, product] * growth).astype(np.int64)
    card = book.holds(Product.CREDIT_CARD)
    used = np.clip(0.12 + 0.35 * book.drivers["distress"] + 0.2 * book.drivers["credit_need"] + 0.1 * rng.standard_normal(count), 0, 1)
    limit = 1.2 * 100 * book.clients.income
    book.balance[:, Product.CREDIT_CARD] = np.where(card, -np.rint(used * limit).astype(np.int64), 0)
    book.balance = np.where(book.row >= 0, book.balance, 0)
    total = np.where(book.row[:, list(DEPOSITS)] >= 0, book.balance[:, list(DEPOSITS)], 0).sum(axis=1)
    book.deposits = np.column_stack([total, book.deposits[:, :2]])
