"""What the truth plants is what the extracts show."""

from datetime import date

import numpy as np
import pytest

from bankseg.demo import DemoBank
from bankseg.demo.book import REASONS
from bankseg.demo.calendar import GAP_DAYS, HORIZON_DAYS, months_until
from bankseg.demo.clients import make_clients
from bankseg.demo.products import CROSS_SELL, Product, target_name
from bankseg.demo.truth import TARGETS, planted_probability
from bankseg.demo.world import MonthRecord, World
from bankseg.domain.errors import MissingDataError
from tests.demo.conftest import LAST, MONTHS

# Origins whose outcome windows neither overlap nor end after the last month.
ORIGINS = (-1 - 4 * 4, -1 - 4 * 3, -1 - 4 * 2, -1 - 4)


@pytest.fixture(scope="module")
def lived() -> tuple[World, list[MonthRecord]]:
    months, rng = months_until(LAST, 24), np.random.default_rng(5)
    world = World(rng, make_clients(rng, 1, 6000, months, 12), months)
    return world, list(world.live())


def within_window(days: np.ndarray, record: MonthRecord) -> np.ndarray:
    opens = record.month.last + GAP_DAYS
    return (days > opens) & (days <= opens + HORIZON_DAYS)


def agrees(planted: list[np.ndarray], happened: list[np.ndarray]) -> None:
    """Observed events lie within four standard deviations of the planted, in the upper tenth and in the rest."""
    chance, outcome = np.concatenate(planted).astype(float), np.concatenate(happened).astype(float)
    upper = chance >= np.quantile(chance, 0.9)
    for part in (upper, ~upper):
        expected, spread = chance[part].sum(), np.sqrt((chance[part] * (1 - chance[part])).sum())
        assert abs(outcome[part].sum() - expected) < 4 * spread + 0.1 * expected
    assert outcome[upper].mean() > 3 * outcome[~upper].mean()


def test_exits_happen_as_often_as_planted(lived: tuple[World, list[MonthRecord]]) -> None:
    world, records = lived
    contracts = world.book.contracts
    asked = contracts.reason == REASONS.index("client_request")
    final = world.book.left[contracts.column("client")] == contracts.closed
    gone = np.full(len(world.book.clients), -1)
    gone[contracts.column("client")[asked & final]] = contracts.closed[asked & final]
    planted, happened = [], []
    for origin in ORIGINS:
        record = records[origin]
        planted.append(record.truth["hard_exit"])
        happened.append(within_window(gone[record.truth["client"]], record))

    agrees(planted, happened)


@pytest.mark.parametrize("product", [Product.SAVINGS, Product.CREDIT_CARD, Product.PERSONAL_LOAN, Product.SECURITIES, Product.LIFE_INSURANCE])
def test_sales_happen_as_often_as_planted(lived: tuple[World, list[MonthRecord]], product: Product) -> None:
    world, records = lived
    contracts = world.book.contracts
    sold = contracts.column("product") == product
    planted, happened = [], []
    for origin in ORIGINS:
        record = records[origin]
        buyers = contracts.column("client")[sold & within_window(contracts.column("opened"), record)]
        chance = record.truth[target_name(product)]
        able = chance > 0
        planted.append(chance[able])
        happened.append(np.isin(record.truth["client"][able], buyers))

    agrees(planted, happened)


def test_the_truth_of_a_month_end_is_a_table_of_every_target(bank: DemoBank) -> None:
    table = planted_probability(bank.truth, date(2025, 8, 31))

    assert table.column_names == ["client_id", *TARGETS]
    assert len(TARGETS) == 4 + len(CROSS_SELL)
    assert len(set(table.column("client_id").to_pylist())) == len(table)


@pytest.mark.parametrize("day", [date(2025, 8, 30), date(2031, 1, 31)])
def test_a_day_without_a_truth_is_refused(bank: DemoBank, day: date) -> None:
    with pytest.raises(MissingDataError):
        planted_probability(bank.truth, day)


def test_there_is_a_truth_for_every_month(bank: DemoBank) -> None:
    assert len(list(bank.truth.glob("probability_*.parquet"))) == MONTHS
