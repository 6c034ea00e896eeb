"""Loan instalments: due, paid, late and missed."""

from dataclasses import dataclass, field

import numpy as np

from bankseg.demo.arrays import AnyArray, Ints
from bankseg.demo.book import Book
from bankseg.demo.calendar import Month
from bankseg.demo.postings import Postings
from bankseg.demo.products import LOANS, Product

NEVER = -1
LATE_IN_DISTRESS, MISSED_IN_DISTRESS, LATE_OTHERWISE = 0.40, 0.06, 0.006


@dataclass(slots=True)
class Instalments:
    """Instalments due so far, and late payments still to be posted."""

    parts: list[dict[str, AnyArray]] = field(default_factory=list)
    waiting: dict[str, Ints] = field(default_factory=lambda: {name: np.empty(0, dtype=np.int64) for name in ("client", "day", "amount")})


def post_instalments(rng: np.random.Generator, book: Book, month: Month, last: Ints, due: Instalments, postings: Postings) -> None:
    """Make the month's instalments due, post those paid this month and keep the late ones for later."""
    paid_now: list[tuple[Ints, Ints, Ints]] = [(due.waiting["client"], due.waiting["day"], due.waiting["amount"])]
    paid_now += [_one_loan(rng, book, month, product, due) for product in LOANS]
    client, day, amount = (np.concatenate(column) for column in zip(*paid_now, strict=True))
    still_here = book.holds(Product.CURRENT_ACCOUNT)[client]
    now = still_here & (day <= last[client])
    postings.add(client[now], Product.CURRENT_ACCOUNT, day[now], -amount[now], kind="loan_payment", channel="automatic")
    later = still_here & (day > month.last)
    due.waiting = {"client": client[later], "day": day[later], "amount": amount[later]}


def _one_loan(rng: np.random.Generator, book: Book, month: Month, product: Product, due: Instalments) -> tuple[Ints, Ints, Ints]:
    day = month.first + 4 + book.row[:, product] % 10
    client = np.flatnonzero(book.holds(product) & (book.opened[:, product] < month.first) & (book.balance[:, product] < 0) & (book.died < 0))
    amount, day, count = book.payment[client, product], day[client], len(client)
    interest = np.rint(-book.balance[client, product] * book.rate[client, product] / 1200).astype(np.int64)
    book.balance[client, product] = np.minimum(book.balance[client, product] + amount - interest, 0)
    distress, draw = book.drivers["distress"][client], rng.random(count)
    late = np.where(distress, draw < LATE_IN_DISTRESS, draw < LATE_OTHERWISE)
    delay = np.where(distress, rng.integers(6, 75, count), rng.integers(1, 6, count)) * late
    missed = distress & (rng.random(count) < MISSED_IN_DISTRESS)
    paid_on = np.where(missed, NEVER, day + delay)
    due.parts.append({"row": book.row[client, product], "due": day, "amount": amount, "paid_on": paid_on})
    return client[~missed], paid_on[~missed], amount[~missed]
