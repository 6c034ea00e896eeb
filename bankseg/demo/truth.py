"""The planted truths: for each client and month end, the probability of every outcome in the following window.

The pipeline never reads them; tests do, to see how much of what can be known the models find.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bankseg.demo.arrays import AnyArray, Bools, Floats
from bankseg.demo.balances import usual_current
from bankseg.demo.book import Book
from bankseg.demo.calendar import GAP_DAYS, HORIZON_DAYS, Month, window_weights
from bankseg.demo.campaigns import Persuasion
from bankseg.demo.events import SUDDEN_DRAIN, can_drain, can_fall_silent, return_chance
from bankseg.demo.hazards import expected_hazard
from bankseg.demo.products import CROSS_SELL, DEPOSITS, Product, target_name
from bankseg.demo.transactions import activity, is_paid, usual_pace
from bankseg.domain.errors import MissingDataError

CHURN_TARGETS = ("hard_exit", "primary_loss", "balance_attrition", "dormancy")
TARGETS = (*CHURN_TARGETS, *(target_name(product) for product in CROSS_SELL))
DORMANT_DAYS, FALLEN_SHARE = 183, 0.5
FLOOR_CENTS = 100_000  # baseline below which a balance cannot count as lost
GRADUAL_SHARE, LEFT_AFTER_SUDDEN = 0.28, 0.165  # middle of what events.py draws
MONTH_DAYS = 30.4


def planted_probability(truth_path: Path, as_of: date) -> pa.Table:
    """Planted probability of every target for the window opened at a month end: `client_id` and one float column a target."""
    path = Path(truth_path) / f"probability_{as_of:%Y%m}.parquet"
    if not path.exists() or Month(as_of.year, as_of.month).end != as_of:
        raise MissingDataError(f"no planted probabilities for {as_of}", "a month end within the demo bank's months", "ask for another date")
    return pq.read_table(path, columns=["client_id", *TARGETS])


class Outlook:
    """The coming window as seen by someone who knows the hidden drivers at a month end."""

    def __init__(self, book: Book, month: Month, base: Mapping[str, Floats], onset: Mapping[str, Floats], persuasion: Persuasion) -> None:
        self.book, self.month, self.base, self.onset = book, month, base, dict(onset)
        self.persuasion, self.weights = persuasion, window_weights(month)
        self.here: Bools = book.is_here(month.last) & (book.holdings > 0) & (book.died < 0)
        self.onset["salary_left"] = np.exp(base["salary_leaves"])
        self.onset["draining"] = np.exp(base["drain"])

    def monthly(self, event: str, ahead: int) -> Floats:
        """Expected hazard of an event in a coming month, 1 being the next."""
        return expected_hazard(event, self.base[event], self.book.drivers, self.onset, ahead - 1)

    def within_window(self, event: str) -> Floats:
        """Probability of an event in the outcome window."""
        total = sum((weight * self.monthly(event, ahead) for ahead, weight in enumerate(self.weights, start=1) if weight), np.zeros(len(self.here)))
        return 1 - np.exp(-total)

    def hard_exit(self) -> Floats:
        total = np.zeros(len(self.here))
        for ahead, weight in enumerate(self.weights, start=1):
            shift = np.where(self.persuasion.retained > ahead - 1, -self.persuasion.stay, 0.0)
            total += weight * self.monthly("hard_exit", ahead) * np.exp(shift)
        return (1 - np.exp(-total)) * self.here

    def primary_loss(self) -> Floats:
        """Two missed cycles inside the window: the salary left last month, or leaves in one of the next two."""
        leaves = 1 - np.exp(-(self.monthly("salary_leaves", 1) + self.monthly("salary_leaves", 2)))
        leaves = leaves * is_paid(self.book)
        return np.where(self.book.lost_salary_months == 1, 0.99, leaves) * self.here

    def balance_attrition(self) -> Floats:
        """Third month end from now at half or less of the mean of the last three: a drain under way, to come, or plain noise."""
        book, base = self.book, self.book.deposits.mean(axis=1)
        income = 100 * book.clients.income
        running = (1 - book.drain_share) ** np.minimum(book.drain_left, 3)
        kept = book.deposits[:, 0].astype(float)
        steers = book.holds(Product.CURRENT_ACCOUNT) & ~book.holds(Product.SAVINGS) & ~book.drivers["silent"]
        kept = np.where(steers, usual_current(book) + np.maximum(book.balance[:, Product.TERM_DEPOSIT], 0), kept)
        ratio = np.maximum(kept * running, 1.0) / np.maximum(base, 1.0)
        wobble = np.where(steers, np.hypot(0.06, 0.10 * income / np.maximum(kept, 1.0)), np.hypot(0.06, 0.30 * income / np.maximum(kept, 1.0)))
        natural = _below(ratio, wobble)
        starts = np.zeros(len(base))
        for ahead, months in ((1, 3), (2, 2), (3, 1)):
            gradual = _below(ratio * (1 - GRADUAL_SHARE) ** months, np.hypot(wobble, 0.05 * months))
            deep = SUDDEN_DRAIN * _below(ratio * LEFT_AFTER_SUDDEN, np.hypot(wobble, 0.2)) + (1 - SUDDEN_DRAIN) * gradual
            starts += self.monthly("drain", ahead) * deep
        starts *= can_drain(book)
        return (1 - (1 - natural) * np.exp(-starts)) * self.here * (base >= FLOOR_CENTS)

    def dormancy(self) -> Floats:
        """The 183rd day without a counted transaction falls in the window and nothing happens before it."""
        book = self.book
        remaining = book.last_counted + DORMANT_DAYS - self.month.last
        due = (remaining > GAP_DAYS) & (remaining <= GAP_DAYS + HORIZON_DAYS)
        pace = usual_pace(book)
        back = -np.log(1 - return_chance(book)) * (1 - np.exp(-pace))
        speed = np.where(book.drivers["silent"], back, pace * activity(book))
        silent_soon = np.where(book.drivers["silent"] | ~can_fall_silent(book), 0.0, self.monthly("falls_silent", 1))
        months = np.maximum(remaining, 0) / MONTH_DAYS
        quiet = np.exp(-speed * months) * (1 - silent_soon) + silent_soon * np.exp(-speed * np.minimum(months, 0.5))
        return quiet * due * self.here

    def sale(self, product: Product) -> Floats:
        able = self.here & ~self.book.holds(product) & self.book.holds(Product.CURRENT_ACCOUNT) & ~self.book.drivers["silent"]
        return self.within_window(target_name(product)) * able

    def table(self) -> dict[str, AnyArray]:
        """Every planted probability, with the drivers behind it, for clients who have joined."""
        columns: dict[str, AnyArray] = {
            "hard_exit": self.hard_exit(), "primary_loss": self.primary_loss(), "balance_attrition": self.balance_attrition(), "dormancy": self.dormancy(),
        }  # fmt: skip
        columns |= {target_name(product): self.sale(product) for product in CROSS_SELL}
        columns = {name: column.astype(np.float32) for name, column in columns.items()}
        return columns | {f"driver:{name}": is_on for name, is_on in self.book.drivers.items()} | {"margin_eur": true_margin(self.book)}


def _below(ratio: Floats, sigma: Floats) -> Floats:
    """Chance that a lognormal around the ratio ends at or below the fallen share (logistic approximation of the normal, error < 0.01)."""
    z = (np.log(FALLEN_SHARE) - np.log(ratio)) / sigma
    return 1 / (1 + np.exp(-1.702 * np.clip(z, -30, 30)))


# What the bank earns in a month: transfer price against rates, fees, and the cost of keeping a client.
FUNDS_RATE_PCT, FEE_EUR, COST_EUR = 2.6, 6.0, 4.5
FEES_BY_PRODUCT = {Product.HOME_INSURANCE: 5.0, Product.CARD: 3.0, Product.CREDIT_CARD: 2.5, Product.MERCHANT_SERVICES: 22.0, Product.LIFE_INSURANCE: 4.0, Product.SECURITIES: 3.0}


def true_margin(book: Book) -> AnyArray:
    """Margin of the month in euros, by client."""
    euros, margin = book.balance / 100, np.full(len(book.clients), -COST_EUR)
    for product in DEPOSITS:
        margin += np.maximum(euros[:, product], 0) * (FUNDS_RATE_PCT - book.rate[:, product]) / 1200
    for product in (Product.CREDIT_CARD, Product.PERSONAL_LOAN, Product.MORTGAGE, Product.BUSINESS_LOAN):
        margin += np.maximum(-euros[:, product], 0) * (book.rate[:, product] - FUNDS_RATE_PCT) / 1200
    margin += FEE_EUR * book.holds(Product.CURRENT_ACCOUNT) * np.where(book.clients.is_firm, 4.0, 1.0)
    for product, fee in FEES_BY_PRODUCT.items():
        margin += fee * book.holds(product)
    return (margin * (book.holdings > 0)).astype(np.float32)
