"""The planted truths: for each client and month end, the probability of every outcome in the following window.

The pipeline never reads them; tests do, to see how much of what can be known the models find.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bankseg.demo import events
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
DORMANT_DAYS, ONE_CYCLE_DAYS, TWO_CYCLES_DAYS = 183, 38, 62
FALLEN_SHARE, EXPLAINED_SHARE = 0.5, 0.8
FLOOR_CENTS = 100_000  # baseline below which a balance cannot count as lost
GRADUAL_SHARE, LEFT_AFTER_SUDDEN = 0.41, 0.165  # middle of what events.py draws
MONTH_DAYS = 30.4


def planted_probability(truth_path: Path, as_of: date) -> pa.Table:
    """Planted probability of every target for the window opened at a month end: `client_id` and one float column a target."""
    path = Path(truth_path) / f"probability_{as_of:%Y%m}.parquet"
    if not path.exists() or Month(as_of.year, as_of.month).end != as_of:
        raise MissingDataError(f"no planted probabilities for {as_of}", "a month end within the demo bank's months", "ask for another date")
    return pq.read_table(path, columns=["client_id", *TARGETS])


def expected_auc(score: Floats, planted: Floats) -> float:
    """AUC that a score has on average over the outcomes which the planted probabilities draw, where one drawing of a hundred outcomes moves it by hundredths.

    Parameters
    ----------
    score, planted
        Shape (clients,): any score, higher for likelier, and the planted probability.

    Examples
    --------
    Of two clients one has the outcome in 0.8 x 0.9 + 0.2 x 0.1 of the drawings, and the score is right in the first.

    >>> round(expected_auc(np.array([2.0, 1.0]), np.array([0.8, 0.1])), 4) == round(0.72 / 0.74, 4)
    True
    """
    levels, place = np.unique(score, return_inverse=True)
    hits, misses = np.bincount(place, planted, len(levels)), np.bincount(place, 1 - planted, len(levels))
    below, same = np.cumsum(misses) - misses, float((planted * (1 - planted)).sum())  # nobody is compared with themselves
    return float(((hits * (below + misses / 2)).sum() - same / 2) / (hits.sum() * misses.sum() - same))


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
        """No pay for two cycles at the window's end: it stopped last month, stops in time, or the client leaves in time."""
        closes, total = self.month.last + GAP_DAYS + HORIZON_DAYS, np.zeros(len(self.here))
        for ahead in (1, 2, 3):
            last_pay = self.month.later(ahead - 1).first - 1 + self.book.clients.payday
            next_pay = self.month.later(ahead).first - 1 + self.book.clients.payday
            in_time = closes - last_pay >= TWO_CYCLES_DAYS
            total += self.monthly("salary_leaves", ahead) * in_time
            total += self.monthly("hard_exit", ahead) * in_time * np.where(closes - next_pay >= TWO_CYCLES_DAYS, 1.0, self.book.clients.payday / MONTH_DAYS)
        stopped = (self.book.lost_salary_months == 1) & (self.book.clients.payday > self.month.days - ONE_CYCLE_DAYS + 30)
        return np.where(stopped, 0.99, (1 - np.exp(-total)) * is_paid(self.book)) * self.here

    def balance_attrition(self) -> Floats:
        """Third month end from now at half or less of the mean of the last three, by money still to leave: a drain, an exit or plain noise."""
        book, base = self.book, self.book.deposits.mean(axis=1)
        # Money that left before today explains no fall after it: with c = today / mean, the end e must satisfy c - e >= 0.8 (1 - e).
        today = book.deposits[:, 0] / np.maximum(base, 1.0)
        limit = np.minimum(FALLEN_SHARE, (today - EXPLAINED_SHARE) / (1 - EXPLAINED_SHARE))
        income = 100 * book.clients.income
        running = (1 - book.drain_share) ** np.minimum(book.drain_left, 3)
        kept = book.deposits[:, 0].astype(float)
        steers = book.holds(Product.CURRENT_ACCOUNT) & ~book.holds(Product.SAVINGS) & ~book.drivers["silent"]
        kept = np.where(steers, usual_current(book) + np.maximum(book.balance[:, Product.TERM_DEPOSIT], 0), kept)
        ratio = np.maximum(kept * running, 1.0) / np.maximum(base, 1.0)
        wobble = np.where(steers, np.hypot(0.06, 0.07 * income / np.maximum(kept, 1.0)), np.hypot(0.06, 0.30 * income / np.maximum(kept, 1.0)))
        natural = _below(ratio, limit, wobble)
        starts = np.zeros(len(base))
        for ahead, months in ((1, 3), (2, 2), (3, 1)):
            gradual = _below(ratio * (1 - GRADUAL_SHARE) ** months, limit, np.hypot(wobble, 0.05 * months))
            deep = SUDDEN_DRAIN * _below(ratio * LEFT_AFTER_SUDDEN, limit, np.hypot(wobble, 0.3)) + (1 - SUDDEN_DRAIN) * gradual
            starts += self.monthly("drain", ahead) * deep
        starts *= can_drain(book)
        starts += (sum(self.monthly("hard_exit", ahead) for ahead in (1, 2, 3)) + self._other_endings()) * (limit > 0)
        chance: Floats = (1 - (1 - natural) * np.exp(-starts)) * self.here * (base >= FLOOR_CENTS)
        return chance

    def _other_endings(self) -> Floats:
        """Chance that all contracts end within three months for another reason than the client's wish; estates close a month after death."""
        return 3 * sum(events.other_endings(self.book).values(), np.zeros(len(self.here))) + 2 * events.death_chance(self.book, self.month)

    def dormancy(self) -> Floats:
        """Nothing client-initiated in the 183 days after the gap, by clients who were not dormant before and stay."""
        book, weights = self.book, window_weights(self.month, DORMANT_DAYS)
        pace, back = usual_pace(book), return_chance(book)
        silent, live = book.drivers["silent"], activity(book) * pace
        # Chance of staying quiet to the end for someone silent at the start of each month, computed backwards.
        quiet_from = [np.ones(len(silent))]
        for ahead in range(len(weights) - 1, -1, -1):
            returned = np.exp(-pace * sum(weights[ahead:]))
            quiet_from.insert(0, (1 - back) * quiet_from[0] + back * returned)
        falls = [self.monthly("falls_silent", ahead) * can_fall_silent(book) for ahead in range(1, len(weights) + 1)]
        awake = np.exp(-live * sum(weights))
        for ahead, fall in enumerate(falls):
            awake = awake + fall * np.exp(-live * sum(weights[:ahead])) * quiet_from[ahead + 1]
        was_here = self.month.last - book.last_counted < DORMANT_DAYS
        stays = np.exp(-self.monthly("hard_exit", 1) * len(weights))
        return np.where(silent, quiet_from[0], np.minimum(awake, 1.0)) * was_here * stays * self.here

    def sale(self, product: Product) -> Floats:
        able = self.here & ~self.book.holds(product) & self.book.holds(Product.CURRENT_ACCOUNT)
        # A silent client buys nothing before coming back, on average half way through the window.
        awake = np.where(self.book.drivers["silent"], 1 - (1 - return_chance(self.book)) ** 1.5, 1.0)
        return self.within_window(target_name(product)) * able * awake

    def table(self) -> dict[str, AnyArray]:
        """Every planted probability, with the drivers behind it, for clients who have joined."""
        columns: dict[str, AnyArray] = {
            "hard_exit": self.hard_exit(), "primary_loss": self.primary_loss(), "balance_attrition": self.balance_attrition(), "dormancy": self.dormancy(),
        }  # fmt: skip
        columns |= {target_name(product): self.sale(product) for product in CROSS_SELL}
        columns = {name: column.astype(np.float32) for name, column in columns.items()}
        return columns | {f"driver:{name}": is_on for name, is_on in self.book.drivers.items()} | {"margin_eur": true_margin(self.book)}


def _below(ratio: Floats, limit: Floats, sigma: Floats) -> Floats:
    """Chance that a lognormal around the ratio ends at or below the limit (logistic approximation of the normal, error < 0.01)."""
    z = (np.log(np.maximum(limit, 1e-6)) - np.log(ratio)) / sigma
    chance: Floats = 1 / (1 + np.exp(-1.702 * np.clip(z, -30, 30)))
    return chance


# What the bank earns in a month: transfer price against rates, fees, and the cost of keeping a client.
FUNDS_RATE_PCT, FEE_EUR, COST_EUR = 2.6, 6.0, 4.5
FEES_BY_PRODUCT = {
    Product.HOME_INSURANCE: 5.0,
    Product.CARD: 3.0,
    Product.CREDIT_CARD: 2.5,
    Product.MERCHANT_SERVICES: 22.0,
    Product.LIFE_INSURANCE: 4.0,
    Product.SECURITIES: 3.0,
}


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
