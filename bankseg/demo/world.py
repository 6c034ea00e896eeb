"""The demo bank's life, month by month, for one chunk of clients."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bankseg.demo import balances, events, traces, transactions
from bankseg.demo.arrays import AnyArray, Floats, Ints
from bankseg.demo.book import Book, empty_book
from bankseg.demo.calendar import Month
from bankseg.demo.campaigns import Persuasion, make_persuasion, run_campaign
from bankseg.demo.clients import Clients
from bankseg.demo.contracts import open_starting_contracts, starting_products
from bankseg.demo.drivers import onset_chances, start_drivers, step_drivers
from bankseg.demo.hazards import Holdings, base_log_hazards, hazards
from bankseg.demo.instalments import Instalments, post_instalments
from bankseg.demo.postings import COUNTED, Postings
from bankseg.demo.truth import Outlook

Rows = dict[str, AnyArray]


@dataclass(frozen=True, slots=True)
class MonthRecord:
    """What one month left behind."""

    month: Month
    movements: Rows
    balances: Rows
    digital: Rows
    interactions: Rows
    surveys: Rows
    scores: Rows
    truth: Rows


class World:
    """One chunk of clients and its hidden state."""

    def __init__(self, rng: np.random.Generator, clients: Clients, months: tuple[Month, ...]) -> None:
        self.rng, self.months = rng, months
        self.book: Book = empty_book(rng, clients)
        self.due = Instalments()
        self.persuasion: Persuasion = make_persuasion(rng, self.book)
        self.starting = starting_products(rng, self.book)
        before = months[0].first
        was_here = clients.joined < before
        open_starting_contracts(rng, self.book, self.starting, was_here, before)
        balances.start_balances(rng, self.book, was_here)
        self._look(before - 1)
        self.book.drivers |= start_drivers(rng, self.onset)
        self._look(before - 1)

    def _look(self, day: int) -> None:
        """Work out hazards and onset chances at the end of a day."""
        book, now = self.book, transactions.situation(self.book, day)
        held = Holdings(count=book.holdings.astype(float), has_loan=transactions.has_loan(book), has_salary=transactions.is_paid(book))
        self.onset = onset_chances(now, book.drivers)
        self.base = base_log_hazards(now, held)
        self.chance: dict[str, Floats] = hazards(self.base, book.drivers, {"hard_exit": self.persuasion.exit_shift()})

    def live(self) -> Iterator[MonthRecord]:
        """Live through every month."""
        for index, month in enumerate(self.months):
            yield self._live_month(month, len(self.months) - 1 - index)

    def _live_month(self, month: Month, months_back: int) -> MonthRecord:
        rng, book, postings = self.rng, self.book, Postings(self.book)
        joins = (book.clients.joined >= month.first) & (book.clients.joined <= month.last) & ~book.clients.is_prospect
        leaving = events.draw_leaving(rng, book, month, self.chance["hard_exit"])
        events.draw_deaths(rng, book, month)
        staying = book.is_here(month.first - 1) & ~leaving.who & (book.died < 0)
        chance = run_campaign(rng, book, month, months_back, self.persuasion, staying, self.chance)
        events.start_departures(rng, book, chance, staying)
        was_aggrieved = book.drivers["aggrieved"]
        book.drivers |= step_drivers(rng, book.drivers, self.onset)
        open_starting_contracts(rng, book, self.starting, joins, month.first)
        balances.fund_new_clients(book, joins, postings)
        held_before = book.row >= 0
        events.give_up_products(rng, book, month, staying, postings)
        events.sell_products(rng, book, month, chance, staying[:, None] & ~held_before, postings)
        first, last = self._span(month, leaving)
        self._post(month, first, last, postings)
        events.close_leaving(book, leaving, postings)
        balances.settle(rng, book, postings, float(np.exp(rng.normal(balances.MARKET_DRIFT, balances.MARKET_SPREAD))))
        movements = postings.columns()
        np.maximum.at(book.last_counted, movements["client"][COUNTED[movements["type"]]], movements["day"][COUNTED[movements["type"]]])
        if month.month % 3 == 0:
            traces.step_scores(rng, book)
        self._look(month.last)
        return self._record(month, movements, first, last, book.drivers["aggrieved"] & ~was_aggrieved)

    def _span(self, month: Month, leaving: events.Leaving) -> tuple[Ints, Ints]:
        """First and last day of the month on which each client can act; last before first: not at all."""
        book = self.book
        first = np.maximum(book.clients.joined, month.first)
        last = np.where(leaving.who, leaving.day - 1, np.where(book.died >= 0, np.minimum(book.died, month.last), month.last))
        gone = (book.left >= 0) | book.clients.is_prospect | (book.clients.joined > month.last)
        return np.where(gone, month.first, first), np.where(gone, month.first - 1, last)

    def _post(self, month: Month, first: Ints, last: Ints, postings: Postings) -> None:
        rng, book = self.rng, self.book
        transactions.post_ordinary(rng, book, first, last, postings)
        transactions.post_income(rng, book, month, first, last, postings)
        transactions.post_fees(rng, book, month, first, last, postings)
        post_instalments(rng, book, month, last, self.due, postings)
        balances.post_drains(rng, book, first, last, postings)
        balances.post_steering(rng, book, first, last, postings)

    def _record(self, month: Month, movements: Rows, first: Ints, last: Ints, newly_aggrieved: AnyArray) -> MonthRecord:
        rng, book = self.rng, self.book
        client, product = np.nonzero(book.row >= 0)
        has_balance = np.isin(product, BALANCE_PRODUCTS)
        client, product = client[has_balance], product[has_balance]
        known = np.flatnonzero(book.clients.joined <= month.last)
        truth = Outlook(book, month, self.base, self.onset, self.persuasion).table()
        return MonthRecord(
            month=month,
            movements=movements,
            balances={"row": book.row[client, product], "balance": book.balance[client, product]},
            digital=traces.digital_events(rng, book, first, last),
            interactions=traces.interactions(rng, book, first, last, newly_aggrieved),
            surveys=traces.survey_answers(rng, book, month) if month.month in SURVEY_MONTHS else {},
            scores=traces.credit_scores(book, month) if month.month % 3 == 0 else {},
            truth={"client": known} | {name: column[known] for name, column in truth.items()},
        )


BALANCE_PRODUCTS = (0, 1, 2, 3, 4, 7, 8, 9, 10)
SURVEY_MONTHS = (6, 12)
