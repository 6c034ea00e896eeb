"""The state of one chunk of clients between two months: contracts, balances and hidden drivers."""

from dataclasses import dataclass, field

import numpy as np

from bankseg.demo.arrays import AnyArray, Bools, Floats, Ints
from bankseg.demo.clients import Clients
from bankseg.demo.drivers import DRIVERS
from bankseg.demo.products import PRODUCTS, Product

STILL_OPEN = -1
REASONS = ("client_request", "bank_initiated", "death", "maturity", "moved_abroad", "fraud", "unknown")


@dataclass(slots=True)
class Contracts:
    """Every contract ever opened, appended chunk-wise; columns in step."""

    parts: list[dict[str, AnyArray]] = field(default_factory=list)
    closed: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    reason: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def append(self, columns: dict[str, AnyArray]) -> Ints:
        """Add contracts; their row numbers."""
        first, count = len(self.closed), len(columns["client"])
        self.parts.append(columns)
        self.closed = np.concatenate([self.closed, np.full(count, STILL_OPEN)])
        self.reason = np.concatenate([self.reason, np.full(count, STILL_OPEN)])
        return np.arange(first, first + count)

    def column(self, name: str) -> AnyArray:
        """One column over all contracts."""
        return np.concatenate([part[name] for part in self.parts])


@dataclass(slots=True)
class Book:
    """What the bank's books say of one chunk, and what only the world knows (drivers)."""

    clients: Clients
    contracts: Contracts
    row: Ints  # client x product: contract row, -1 not held
    opened: Ints  # client x product: opening day
    balance: Ints  # client x product, cents; loans and used credit negative
    rate: Floats  # client x product, per cent a year
    matures: Ints  # client x product: day, 0 open-ended
    payment: Ints  # client x product: monthly instalment, cents
    drivers: dict[str, Bools]
    lost_salary_months: Ints  # months since the salary left; 0 never
    drain_left: Ints  # months of drain still to come
    drain_share: Floats  # share of deposits leaving each month of a drain
    level: Floats  # share of usual balances still kept here
    left: Ints  # day the client left, -1 still here
    died: Ints  # day of death, -1 alive
    last_counted: Ints  # day of the last client-initiated transaction
    deposits: Ints  # client x last three month ends, cents, newest first
    score: Floats  # credit quality, standardised

    def holds(self, product: Product) -> Bools:
        """Who holds the product now."""
        return self.row[:, product] >= 0

    @property
    def holdings(self) -> Ints:
        """Number of products held."""
        count: Ints = (self.row >= 0).sum(axis=1)
        return count

    def is_here(self, day: int) -> Bools:
        """Clients, not prospects, who have joined and not left."""
        return (self.clients.joined <= day) & (self.left < 0) & ~self.clients.is_prospect


def empty_book(rng: np.random.Generator, clients: Clients) -> Book:
    """A book before its first month."""
    count, shape = len(clients), (len(clients), len(PRODUCTS))
    return Book(
        clients=clients,
        contracts=Contracts(),
        row=np.full(shape, -1),
        opened=np.zeros(shape, dtype=np.int64),
        balance=np.zeros(shape, dtype=np.int64),
        rate=np.zeros(shape),
        matures=np.zeros(shape, dtype=np.int64),
        payment=np.zeros(shape, dtype=np.int64),
        drivers={name: np.zeros(count, dtype=bool) for name in DRIVERS},
        lost_salary_months=np.zeros(count, dtype=np.int64),
        drain_left=np.zeros(count, dtype=np.int64),
        drain_share=np.zeros(count),
        level=np.ones(count),
        left=np.full(count, -1),
        died=np.full(count, -1),
        last_counted=clients.joined.copy(),
        deposits=np.zeros((count, 3), dtype=np.int64),
        score=-0.8 * clients.frailty + 0.6 * rng.standard_normal(count),
    )
