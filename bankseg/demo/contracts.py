"""Opening and closing contracts."""

import numpy as np

from bankseg.demo.arrays import Bools, Ints, cents, spread
from bankseg.demo.book import REASONS, Book
from bankseg.demo.clients import DAYS_A_YEAR, Way
from bankseg.demo.postings import channel_number
from bankseg.demo.products import LOANS, START_FIRM, START_PERSON, TERMS, Product

FIXED, VARIABLE, PROMOTIONAL, NO_RATE = 0, 1, 2, -1
HOUSE_BUYERS = (28.0, 62.0)  # ages between which a mortgage may be held at the start
START_SHARE_OF_SAVINGS = 0.6  # of a client's deposits, put into term deposits and investments held at the start


def open_contracts(rng: np.random.Generator, book: Book, client: Ints, product: Product, day: Ints) -> None:
    """Open a contract for each client; deposits start empty, loans owe their principal."""
    if not len(client):
        return
    terms, count = TERMS[product], len(client)
    rate = np.round(np.maximum(terms.rate_pct + terms.rate_spread * rng.standard_normal(count), 0.0), 2)
    rate_type = np.full(count, FIXED if terms.months else VARIABLE if terms.rate_pct else NO_RATE)
    if product in (Product.SAVINGS, Product.TERM_DEPOSIT):
        promoted = rng.random(count) < np.where(book.drivers["rate_chasing"][client], 0.7, 0.12)
        rate, rate_type = np.where(promoted, rate + 1.25, rate), np.where(promoted, PROMOTIONAL, rate_type)
    amount = cents(np.round(terms.amount * book.clients.income[client] * spread(rng, 0.4, count), -2))
    length = rng.choice(terms.months or (0,), count)
    matures = np.where(length > 0, day + np.rint(length * DAYS_A_YEAR / 12).astype(np.int64), 0)
    is_loan = product in LOANS
    rows = book.contracts.append(
        {
            "client": client, "product": np.full(count, int(product)), "opened": day, "rate": np.where(rate_type == NO_RATE, np.nan, rate),
            "rate_type": rate_type, "limit": np.zeros(count, dtype=np.int64) if is_loan else amount,
            "principal": amount if is_loan else np.zeros(count, dtype=np.int64), "matures": matures, "channel": _channel(rng, book, client),
        }
    )  # fmt: skip
    book.row[client, product], book.opened[client, product], book.rate[client, product] = rows, day, rate
    book.matures[client, product] = matures
    if is_loan:
        monthly = rate / 1200
        book.balance[client, product] = -amount
        book.payment[client, product] = np.rint(amount * monthly / (1 - (1 + monthly) ** -length.astype(float))).astype(np.int64)
    else:
        book.balance[client, product] = 0


def _channel(rng: np.random.Generator, book: Book, client: Ints) -> Ints:
    online = rng.choice([channel_number("web"), channel_number("mobile")], len(client))
    return np.where(book.clients.is_digital[client] & (rng.random(len(client)) < 0.6), online, channel_number("branch"))


def close_contracts(book: Book, client: Ints, product: Product, day: Ints, reason: str) -> None:
    """Close the contract each client holds."""
    rows = book.row[client, product]
    book.contracts.closed[rows], book.contracts.reason[rows] = day, REASONS.index(reason)
    book.row[client, product], book.balance[client, product], book.payment[client, product] = -1, 0, 0


def starting_products(rng: np.random.Generator, book: Book) -> dict[Product, Bools]:
    """Who starts with which product, before or on joining."""
    clients = book.clients
    age = clients.age(int(clients.joined.max()))
    chance = np.where(clients.is_person[:, None], START_PERSON, START_FIRM)
    held = rng.random(chance.shape) < chance
    is_saver = clients.way == Way.SAVER
    held[is_saver] = False
    held[is_saver, Product.SAVINGS] = True
    for loan in (Product.MORTGAGE, Product.PERSONAL_LOAN):
        held[(clients.way == Way.STUDENT) | (clients.way == Way.SECONDARY), loan] = False
    held[(age < HOUSE_BUYERS[0]) | (age > HOUSE_BUYERS[1]), Product.MORTGAGE] = False
    held[clients.is_prospect] = False
    return {product: held[:, product] for product in Product}


def open_starting_contracts(rng: np.random.Generator, book: Book, held: dict[Product, Bools], who: Bools, before: int) -> None:
    """Open the starting products of some clients: some day between joining and `before` for old ones, on joining for new."""
    for product, has in held.items():
        client = np.flatnonzero(has & who)
        joined = book.clients.joined[client]
        day = joined
        if product != Product.CURRENT_ACCOUNT:
            months = TERMS[product].months
            earliest = np.maximum(joined, before - round(min(months) * DAYS_A_YEAR / 12) + 32) if months else joined
            day = np.where(joined < before, earliest + np.floor(rng.random(len(client)) * np.maximum(before - earliest, 1)).astype(np.int64), joined)
        open_contracts(rng, book, client, product, day)
